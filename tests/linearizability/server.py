"""`events-api` as a child that ends with its parent; with MUTANT=name, one thing in `storage/` is changed.

The checker must tell such a service from the true one.
"""

import importlib.util
import os
import sys
from pathlib import Path
from threading import Thread
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
    "promote-nobody": Mutant("events", "seats = queue.promote_waiting(tables, event_id, seats)", ""),
    "give-a-place-twice": Mutant("registrations", "position=seats.waitlisted + 1", "position=seats.waitlisted or 1"),
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


def follow() -> None:
    """End when the parent does, however that ended: then nobody holds the other end of the standard input."""
    sys.stdin.read()
    os._exit(1)


def main() -> None:
    """Serve, with the mutant that the environment names."""
    Thread(target=follow, daemon=True).start()
    if "MUTANT" in os.environ:
        mutate(MUTANTS[os.environ["MUTANT"]])
    from handlers.local import main as serve  # noqa: PLC0415 - it imports what has just been changed

    serve()


if __name__ == "__main__":
    main()
