"""Cold start: from a fresh interpreter to the first response, with the unpacked package as the only code."""

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any, Final

from tests.bench.calls import CALLS, gateway_event
from tests.bench.fake_dynamodb import fake_dynamodb
from tests.bench.options import Options
from tests.bench.packaged import Packaged, packages
from tests.bench.results import Row, Table
from tests.bench.workers import Side, environment, interleaved

# The peak is read from /proc: the one of getrusage still includes that of the parent process.
_CHILD: Final = """
import json, os, sys, time
folder, entry, event = sys.argv[1:]
sys.path.insert(0, folder)
from importlib import import_module
class Context:
    aws_request_id = "c6af9ac6"
    function_version = "$LATEST"
    def get_remaining_time_in_millis(self): return 10_000
log, sys.stdout = sys.stdout, open(os.devnull, "w")
handler = import_module(entry).handler
answer = handler(json.loads(event), Context())
cpu = time.process_time()
print(answer["statusCode"], file=log, flush=True)
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps([cpu * 1000, int(peak.split()[1]) * 1024 / 1e6]), file=log, flush=True)
"""

#: What `_start` returns, in this order.
_FIGURES: Final = (("CPU", "ms"), ("elapsed", "ms"), ("peak memory", "MB"))


def measure(options: Options) -> list[Table]:
    """Measure CPU and elapsed time in milliseconds, and peak memory in megabytes."""
    event = gateway_event(next(call for call in CALLS if call.name == "get event"))
    with fake_dynamodb() as url:
        return [Table("Cold start", starts(options, packages(), environment(url), event))]


def starts(
    options: Options, built: Mapping[Side, Packaged], environ: Mapping[str, str], event: Mapping[str, Any]
) -> list[Row]:
    """Start each package in interleaved rounds, and return a row for each figure."""
    text, sides = json.dumps(event), list(built)

    def start(side: Side) -> tuple[float, float, float]:
        return _start(built[side], environ, text)

    for side in sides:
        start(side)
    measured = interleaved(options.rounds, start, sides)
    return [
        Row(name, unit, {side: [figures[number] for figures in rounds] for side, rounds in measured.items()})
        for number, (name, unit) in enumerate(_FIGURES)
        if options.wants(name)
    ]


def _start(package: Packaged, environ: Mapping[str, str], event: str) -> tuple[float, float, float]:
    """Start once, and return CPU and elapsed time in milliseconds, and peak memory in megabytes."""
    # Without site-packages and PYTHON* variables: only the package is importable.
    command = [sys.executable, "-I", "-S", "-B", "-c", _CHILD, str(package.folder), package.entry, event]
    begin = time.perf_counter()
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        status = child.stdout.readline()
        wall = (time.perf_counter() - begin) * 1000
        assert status == "200\n", status
        cpu, peak = json.loads(child.stdout.readline())
    return cpu, wall, peak
