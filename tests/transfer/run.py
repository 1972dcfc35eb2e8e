"""A round trip through two data folders: people use the service, and what they did arrives whole elsewhere."""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from secrets import token_hex
from typing import Any, Final

from storage import events, place, registrations, users
from storage.audit.event import chunks
from storage.dynamodb.attributes import Item, marshal
from storage.dynamodb.tables import Tables
from storage.errors import EventFull, RegistrationNotFound
from storage.items import details_item, pointer_key, queue_item, registration_item, seats_item, user_item
from storage.model import Event, EventFields, Registration, RegistrationStatus, User, now
from storage.rules import Seats
from tests.apparatus.server import COMMAND, environ

#: Threads that use the service at a time.
_CLIENTS: Final = 4


@dataclass(frozen=True)
class Sizes:
    """The numbers of users, events and registrations before some people leave."""

    users: int
    events: int
    registrations: int


@dataclass(frozen=True)
class Done:
    """A command that has ended: its exit code, what it said on stderr, its time, and its peak of memory in MB."""

    code: int
    said: str
    seconds: float
    megabytes: float


def fill(folder: Path, sizes: Sizes, random: Random) -> None:
    """Create users and events; let people register, in no order, and one in twenty leave."""
    with place.opened(argparse.Namespace(data=folder, store=None, stack=None), create=True) as (tables, *_):
        people = [f"user-{number}@example.com" for number in range(sizes.users)]
        each = -(-sizes.registrations // sizes.events)
        _at_once(people, lambda user_id: users.create(tables, user_id, f"Person ☃ {user_id}"))
        seeds = {f"event-{number}": random.random() for number in range(sizes.events)}
        _at_once(seeds, lambda event_id: _use(tables, event_id, Random(seeds[event_id]), people, each))  # noqa: S311 - as below


def fill_directly(folder: Path, sizes: Sizes, random: Random) -> None:
    """Write the items of users, events, seats and queues in batches, which takes minutes less than operations."""
    with place.opened(argparse.Namespace(data=folder, store=None, stack=None), create=True) as (tables, *_):
        people = [f"user-{number}@example.com" for number in range(sizes.users)]
        made = {"created_at": now()}
        _put(tables, [("Users", user_item(User(user_id=it, name=f"Person ☃ {it}", **made))) for it in people])
        each = sizes.registrations // sizes.events
        for number in range(sizes.events):
            seats = max(1, random.choice([each // 4, each // 2, each]))
            chosen = random.sample(people, each)
            _put(tables, list(_items(f"event-{number}", seats, chosen)))


def _items(event_id: str, capacity: int, people: Sequence[str]) -> Iterator[tuple[str, Item]]:
    made: dict[str, Any] = {"version": token_hex(8), "created_at": now(), "updated_at": now()}
    event = Event(event_id=event_id, **asdict(_fields(event_id, capacity)), **made)
    yield "Events", details_item(event)
    counts: dict[str, Any] = {
        "confirmed": capacity,
        "waitlisted": len(people) - capacity,
        "next_seq": len(people) - capacity,
    }
    same: dict[str, Any] = {"capacity": capacity, "status": "active", "has_waitlist": True, "version": event.version}
    yield "Events", seats_item(event_id, Seats(**same, **counts))
    for place_, user_id in enumerate(people, -capacity):
        status: RegistrationStatus = "confirmed" if place_ < 0 else "waitlisted"
        person = Registration(event_id=event_id, user_id=user_id, status=status, registered_at=now())
        yield "Registrations", registration_item(person, None if place_ < 0 else place_)
        yield "Registrations", pointer_key(user_id, event_id)
        if place_ >= 0:
            yield "Registrations", queue_item(person, place_)


def _put(tables: Tables, items: Sequence[tuple[str, Item]]) -> None:
    for part in chunks(items, 25):
        writes: dict[str, Any] = {}
        for table, item in part:
            writes.setdefault(tables.names[table], []).append({"PutRequest": {"Item": marshal(item)}})
        tables.client.batch_write_item(RequestItems=writes)


def _fields(event_id: str, capacity: int, **more: Any) -> EventFields:
    given: dict[str, Any] = {"title": f"Event “{event_id}”", "description": "Two\nlines", "date": "2030-05-01", **more}
    return EventFields(**{"location": "L", "organizer": "O", "capacity": capacity, "has_waitlist": True, **given})


def _at_once(subjects: Sequence[str] | dict[str, float], act: Callable[[str], object]) -> None:
    with ThreadPoolExecutor(_CLIENTS) as threads:
        list(threads.map(act, subjects))


def _use(tables: Tables, event_id: str, random: Random, people: Sequence[str], each: int) -> None:
    seats = max(1, random.choice([each // 4, each // 2, 2 * each]))
    events.create(tables, event_id, _fields(event_id, seats, has_waitlist=random.random() < 0.9))
    chosen = random.sample(people, min(each, len(people)))
    for user_id in chosen:
        with suppress(EventFull):
            registrations.register(tables, event_id, user_id)
    for user_id in random.sample(chosen, each // 20):
        with suppress(RegistrationNotFound):
            registrations.unregister(tables, event_id, user_id)
    if random.random() < 0.2:
        events.update(tables, event_id, {"status": "completed"})


def command(*arguments: str, program: Sequence[str] = COMMAND) -> Done:
    """Run a command to its end."""
    start = time.monotonic()
    with subprocess.Popen([*program, *arguments], env=environ(), stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = process.stderr.read()
        _pid, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return Done(process.returncode, said, time.monotonic() - start, usage.ru_maxrss / 1024)


def audited(folder: Path) -> Done:
    """Audit a folder."""
    return command("audit", "--data", str(folder), program=[sys.executable, "-m", "storage"])


def log_size(folder: Path) -> int:
    """Return the length in bytes of the log in a folder, which grows with every write."""
    return sum(path.stat().st_size for path in folder.glob("items-*.log"))


def kill_import(folder: Path, file: Path, size: int) -> None:
    """Kill an import with SIGKILL once the log has a size."""
    arguments = ["import", "--data", str(folder), str(file)]
    with subprocess.Popen([*COMMAND, *arguments], env=environ(), stderr=subprocess.DEVNULL) as process:
        while log_size(folder) < size:
            assert process.poll() is None, "the import has ended before the log had the size of a whole one"
            time.sleep(0.001)
        process.kill()


def killed(folder: Path, file: Path, sizes: Iterable[int]) -> Iterator[Done]:
    """Kill imports once the log has each of these sizes, in order, and yield an audit after each."""
    for size in sizes:
        kill_import(folder, file, size)
        yield audited_when_free(folder)


def audited_when_free(folder: Path) -> Done:
    """Audit a folder once the store of a killed process has ended too."""
    done = audited(folder)
    while "in use by another" in done.said:
        done = audited(folder)
    return done
