"""Run of schemathesis in this process, with its cases, findings and coverage of the contract."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import schemathesis
from schemathesis.engine import Status, events, from_schema
from schemathesis.engine.run import Phase, PhaseName
from tracecov import CoverageMap
from tracecov.schemathesis import group_interactions_by_method_path, to_http_interaction

from handlers.contract import PATH
from tests.fuzz import checks  # noqa: F401 - the import registers the checks

CONFIG: Final = Path(__file__).parents[2] / "schemathesis.toml"  # Where `st run openapi.yaml` finds it.
DAY: Final = 24 * 60 * 60

#: Maximum number of times that all phases are repeated to meet what chance left out.
ROUNDS: Final = 3

#: Maximum number of characters per line of a summary.
_LINE: Final = 200


@dataclass(frozen=True)
class Finding:
    """A failed check, or an error of the application; `details` is the report of schemathesis in full."""

    operation: str
    check: str
    message: str
    reproduce: str
    details: str

    def __str__(self) -> str:
        lines = (f"{self.operation}: {self.check}", f"  {self.message}", f"  {self.reproduce}")
        return "\n".join(line if len(line) <= _LINE else f"{line[:_LINE]}…" for line in lines)


@dataclass
class Run:
    """Figures and findings of a run."""

    seed: int
    coverage: CoverageMap
    cases: Counter[str] = field(default_factory=Counter)
    written: set[str] = field(default_factory=set)
    inferred: set[str] = field(default_factory=set)
    known_links: int = 0
    inferred_links: int = 0
    findings: list[Finding] = field(default_factory=list)
    rounds: int = 0

    def missed(self) -> list[str]:
        """Return the kinds of links and the parts of the contract that no case has met."""
        links = [kind for kind, met in (("written links", self.written), ("inferred links", self.inferred)) if not met]
        parts = [
            str(gap)
            for gap in self.coverage.coverage_gaps()
            if gap["kind"] not in {"response_uncovered", "example_unseen"}
        ]
        return links + parts

    def __str__(self) -> str:
        phases = ", ".join(f"{count} {phase}" for phase, count in self.cases.items())
        written = f"{len(self.written)} of {self.known_links - self.inferred_links} written"
        inferred = f"{len(self.inferred)} of {self.inferred_links} inferred"
        return (
            f"seed {self.seed}: {self.cases.total()} cases ({phases}); links: {written}, {inferred};"
            f" {len(self.findings)} findings"
        )


def summary(findings: Sequence[Finding]) -> str:
    """Return the first finding of each check on each operation, with the number of its kind."""
    kinds: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        kinds.setdefault((finding.operation, finding.check), []).append(finding)
    return "\n\n".join(f"{alike[0]}\n  {len(alike)} of this kind" for alike in kinds.values())


def fuzz(  # noqa: PLR0913 - the length of a run, and what is fuzzed
    app: Any,
    *,
    max_examples: int,
    seed: int,
    at_least: int = 0,
    afresh: Callable[[], object] = lambda: None,
    set_up: Callable[[Any], object] = lambda _schema: None,
    enough: Callable[[Run], bool] = lambda run: not run.missed(),
) -> Run:
    """Fuzz an ASGI application with requests generated from its contract, in all phases, with all checks.

    Repeat all phases with new cases until that number of cases was sent, and up to `ROUNDS` times until they are
    `enough`: by default, until each part of the contract was met. `afresh` empties the store between them. `set_up`
    gets the schema at first.
    """
    config = schemathesis.Config.from_path(CONFIG)
    config.update(seed=seed, max_failures=None)
    config.max_time = DAY  # Phases are repeated only under a time limit.
    schema = schemathesis.openapi.from_path(
        PATH, config=config
    )  # Loaded from a URL, the URL itself would not be fuzzed.
    schema.app = app
    schema.config.update(base_url="http://testserver")
    schema.config.generation.update(max_examples=max_examples)
    # An example of this phase is a sequence of requests along links.
    schema.config.phases.stateful.generation.update(max_examples=2 * max_examples)
    set_up(schema)
    run = Run(seed, CoverageMap.from_dict(schema.raw_schema, base_path=schema.base_path))
    shown = 0
    stream = from_schema(schema).execute()
    for event in stream:
        match event:
            case events.PhaseStarted(payload=events.StatefulPhasePayload() as transitions):
                run.known_links = transitions.transitions_total
                run.inferred_links += transitions.inferred_transitions  # Only those new since the last phase.
            case events.ScenarioFinished():
                _note(run, event)
            case events.PhaseFinished(phase=Phase(name=PhaseName.STATEFUL_TESTING)):
                if at_least:
                    print(run, *run.findings[shown:], sep="\n", flush=True)  # noqa: T201 - progress of a long run
                    shown = len(run.findings)
                afresh()
                run.rounds += 1
                if run.cases.total() >= at_least and (run.rounds >= ROUNDS or enough(run)):
                    stream.stop()
            case events.NonFatalError():
                info = event.info
                reproduce = re.search(r"curl .*", info.traceback)
                command = reproduce[0] if reproduce else ""
                run.findings.append(Finding(event.label, info.title, info.message, command, info.format()))
    return run


def _note(run: Run, scenario: events.ScenarioFinished) -> None:
    recorder = scenario.recorder
    run.cases[scenario.phase.value] += len(recorder.cases)
    for node in recorder.cases.values():
        if node.transition:
            (run.inferred if node.transition.is_inferred else run.written).add(node.transition.id)
    for (method, path), interactions in group_interactions_by_method_path(recorder).items():
        seen = [to_http_interaction(method, interaction) for interaction in interactions]
        run.coverage.record_schemathesis_interactions(method, path, seen)
    for case_id, results in recorder.checks.items():
        label = recorder.cases[case_id].value.operation.label
        for result in results:
            if result.status is not Status.SUCCESS and result.failure_info is not None:
                failure = result.failure_info
                message = " ".join(str(failure.failure).split())
                details = f"{failure.failure}\n{failure.code_sample}"
                run.findings.append(Finding(label, result.name, message, failure.code_sample or "", details))
