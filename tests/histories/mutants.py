"""The service with one thing in `storage/` changed: `python -m tests.histories.mutants NAME [option of events-api]…`.

The checker must tell such a service from the true one.
"""

import importlib.util
import sys
from pathlib import Path
from typing import Final, NamedTuple

import storage


class Mutant(NamedTuple):
    """A module of `storage`, what is in its text exactly once, and what takes its place."""

    module: str
    text: str
    instead: str


MUTANTS: Final = {
    "oversell": Mutant("registrations", " AND #confirmed < #capacity", ""),
    "promote-the-last": Mutant(
        "registrations", "queue.waiting(tables, event_id, 1)", "queue.waiting(tables, event_id, 100)[::-1]"
    ),
    "promote-nobody": Mutant("events", "seats = queue.drain(tables, event_id, seats)", ""),
    "count-twice": Mutant(
        "registrations",
        'condition="attribute_not_exists(#pk)",\n            refusal',
        'condition="attribute_not_exists(#none)",\n            refusal',
    ),
    "forget-who-joins": Mutant(  # This is a defect that the service once had. It takes a race to see it.
        "events",
        'seats_now = tables.get("Events", seats_key(event_id))',
        'seats_now = seats_seen | {"capacity": changed.capacity, "status": changed.status}',
    ),
}


def mutate(mutant: Mutant) -> None:
    """Load a module of `storage` with the change, before anybody imports it."""
    name = f"storage.{mutant.module}"
    found = importlib.util.find_spec(name)
    assert found
    assert found.origin
    text = Path(found.origin).read_text()
    assert text.count(mutant.text) == 1, f"{mutant.text!r} is not in {name} exactly once"
    module = importlib.util.module_from_spec(found)
    sys.modules[name] = module
    exec(compile(text.replace(mutant.text, mutant.instead), found.origin, "exec"), module.__dict__)  # noqa: S102 - our own text
    setattr(storage, mutant.module, module)


def program(name: str) -> tuple[str, ...]:
    """Return what Python is to run for the service with this mutant."""
    return "-m", "tests.histories.mutants", name


def main() -> None:
    """Serve with the mutant that the first argument names."""
    mutate(MUTANTS[sys.argv.pop(1)])
    from handlers.local import main as serve  # noqa: PLC0415 - it imports what has just been changed

    serve()


if __name__ == "__main__":
    main()
