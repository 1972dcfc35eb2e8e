"""One run of schemathesis inside this process: what it sent, what it found, and what of the contract it covered."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import schemathesis
from schemathesis.engine import Status, events, from_schema
from schemathesis.engine.run import Phase, PhaseName
from tracecov import CoverageMap
from tracecov.schemathesis import group_interactions_by_method_path, to_http_interaction

from handlers.contract import PATH
from tests.fuzz import checks  # noqa: F401 - it registers them

CONFIG: Final = Path(__file__).with_name("schemathesis.toml")
DAY: Final = 24 * 60 * 60


@dataclass
class Run:
    """What came of it."""

    seed: int
    coverage: CoverageMap
    cases: Counter[str] = field(default_factory=Counter)
    written: set[str] = field(default_factory=set)
    inferred: set[str] = field(default_factory=set)
    known_links: int = 0
    inferred_links: int = 0
    findings: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        phases = ", ".join(f"{count} {phase}" for phase, count in self.cases.items())
        written = f"{len(self.written)} of {self.known_links - self.inferred_links} written"
        inferred = f"{len(self.inferred)} of {self.inferred_links} inferred"
        return (
            f"seed {self.seed}: {self.cases.total()} cases ({phases}); links: {written}, {inferred};"
            f" {len(self.findings)} findings"
        )


def fuzz(
    app: Any, *, max_examples: int, seed: int, at_least: int = 0, afresh: Callable[[], object] = lambda: None
) -> Run:
    """Send to an ASGI application what schemathesis makes of its contract, in all phases, with all checks.

    With `at_least`, it goes on with new cases and new walks along the links until there were so many cases; `afresh`
    empties the store in between.
    """
    config = schemathesis.Config.from_path(CONFIG)
    config.update(seed=seed, max_failures=None)
    config.max_time = DAY if at_least else None  # Only under a limit of time are phases repeated.
    schema = schemathesis.openapi.from_path(PATH, config=config)  # Where it comes from a URL, that is not tested.
    schema.app = app
    schema.config.update(base_url="http://testserver")
    schema.config.generation.update(max_examples=max_examples)
    # One of these is a walk along links, of several requests.
    schema.config.phases.stateful.generation.update(max_examples=2 * max_examples)
    run = Run(seed, CoverageMap.from_dict(schema.raw_schema, base_path=schema.base_path))
    shown = 0
    stream = from_schema(schema).execute()
    for event in stream:
        match event:
            case events.PhaseStarted(payload=events.StatefulPhasePayload() as transitions):
                run.known_links = transitions.transitions_total
                run.inferred_links += transitions.inferred_transitions  # Those that are new since the last time.
            case events.ScenarioFinished():
                _note(run, event)
            case events.PhaseFinished(phase=Phase(name=PhaseName.STATEFUL_TESTING)) if at_least:
                print(run, *run.findings[shown:], sep="\n", flush=True)  # noqa: T201 - a long run shows how far it is
                shown = len(run.findings)
                afresh()
                if run.cases.total() >= at_least:
                    stream.stop()
            case events.NonFatalError():
                run.findings.append(f"{event.label}: {event.info.format()}")
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
                run.findings.append(f"{label}: {result.name}: {failure.failure}\n{failure.code_sample}")
