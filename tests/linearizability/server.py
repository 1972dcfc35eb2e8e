"""`events-api` as a child process that exits with its parent; MUTANT=name breaks the service in one way.

The checker must detect a service with a mutant. With SWEEP=off its start continues no promotions.
"""

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Final

import handlers.spared  # noqa: F401 - it loads connexion, before a mutant of `handlers` does
from tests.linearizability.remembering import remember_events


@dataclass(frozen=True)
class Mutant:
    """A module, by default of `storage`, a text that it contains exactly once, and the replacement."""

    module: str
    text: str
    instead: str
    package: str = "storage"

    def __call__(self) -> None:
        """Load the module with the replacement, before anything imports it."""
        name = f"{self.package}.{self.module}"
        found = importlib.util.find_spec(name)
        assert found
        assert found.origin
        text = Path(found.origin).read_text()
        assert text.count(self.text) == 1, f"{self.text!r} is not in {name} exactly once"
        module = importlib.util.module_from_spec(found)
        sys.modules[name] = module
        exec(compile(text.replace(self.text, self.instead), found.origin, "exec"), module.__dict__)  # noqa: S102 - the project's own code
        setattr(importlib.import_module(self.package), self.module, module)


def together(*mutants: Mutant) -> Callable[[], None]:
    """Return one defect in several modules, each loaded before those that import it."""

    def load() -> None:
        for mutant in mutants:
            mutant()

    return load


MUTANTS: Final[Mapping[str, Callable[[], None]]] = {
    "oversell": together(  # Whether a person registers alone, or shares a transaction with others.
        Mutant("rules", "if seats.free and not", "if not"),
        Mutant("admissions", '"most": seats.capacity - taken', '"most": 100_000'),
        Mutant("registrations", " AND #confirmed < #capacity", ""),
    ),
    "promote-the-last": Mutant(
        "registrations", "queue.heads(tables, event_id, 1)", "queue.heads(tables, event_id, 100)[::-1]"
    ),
    "promote-nobody": Mutant("events", "queue.promote_waiting(tables, event_id, to_seats(seats))", "pass"),
    "delete-only-the-user": Mutant("user_deletion", '_unregister_all(tables, user_id, user["leaving"])', "pass"),
    "give-a-place-twice": Mutant("registrations", "position=seats.waitlisted + 1", "position=seats.waitlisted or 1"),
    "forget-who-joins": Mutant(  # A defect that the service once had; only a race shows it.
        "events",
        "    )\n    return None\n",
        '    )\n    return details_seen, seats_seen | {"capacity": changed.capacity, "status": changed.status}\n',
    ),
    "mix-two-states": Mutant(  # Another one: the fields of the request, and counts read later.
        "events", "    return to_event(details, seats)\n", "    return replace(to_event(details, seats), **changes)\n"
    ),
    "answer-another": Mutant("group", "found[member.user_id] for", "found[left[0].user_id] for"),
    "remember-events": remember_events,  # Only a second server shows it.
    # The others need tokens.
    "forget-the-owner": Mutant("ownership", "    if owner is None:\n        return seats\n", "    return seats\n"),
    "forget-owners-in-a-group": Mutant(
        "group", "takewhile(lambda member: member.owner is None, fit[: _MAX[kind]])", "fit[: _MAX[kind]]"
    ),
    "mix-up-callers": Mutant(  # It takes the last caller; the pause stands for a body that is slow to arrive.
        "operations",
        "        arguments = await self._request.read(scope, receive)\n",
        "        self._last = caller\n"
        "        await asyncio.sleep(0.01)\n"
        "        arguments = await self._request.read(scope, receive)\n"
        "        caller = self._last\n",
        package="handlers.pipeline",
    ),
}


def exit_with_parent() -> None:
    """Exit when the parent does, however it ended: standard input is closed then."""
    sys.stdin.read()
    os._exit(1)


def main() -> None:
    """Run the service, with the mutant that MUTANT names, if any."""
    Thread(target=exit_with_parent, daemon=True).start()
    if "MUTANT" in os.environ:
        MUTANTS[os.environ["MUTANT"]]()
    from handlers.local import main as serve  # noqa: PLC0415 - it imports the changed module
    from handlers.promotions import Promotions  # noqa: PLC0415 - as above

    if os.environ.get("SWEEP") == "off":
        setattr(Promotions, "sweep", lambda _self: None)  # noqa: B010 - mypy refuses to assign a method
    serve()


if __name__ == "__main__":
    main()
