"""A sender that tells something else than what happened is detected: the history of one seat, told from its log."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any, Final
from unittest import mock

import pytest

from handlers.bodies import registration_body
from handlers.webhooks import local_sender
from handlers.webhooks.delivery import Outcome, Verdict
from handlers.webhooks.endpoint import Endpoint, new_secret
from handlers.webhooks.local_sender import Sender
from storage.durable import follower, position
from storage.durable.folder import load
from storage.durable.follower import Told
from storage.durable.log import Document, line
from storage.durable.position import Position
from storage.dynamodb.attributes import marshal
from storage.items import registration_item, registration_key
from storage.model import Registration, RegistrationStatus
from storage.notifications import Notification, derive
from tests.apparatus.receiver import distinct
from tests.linearizability.checker import Operation
from tests.linearizability.clients import Recorded
from tests.linearizability.model import Answer
from tests.linearizability.state import Call, State
from tests.linearizability.told import misled


def person(user: str, status: RegistrationStatus, promoted: str | None = None) -> Registration:
    return Registration(event_id="e", user_id=user, status=status, registered_at="then", promoted_at=promoted)


def put(registration: Registration) -> list[Any]:
    return ["Registrations", marshal(registration_item(registration))]


ANN, BOB, PROMOTED = person("ann", "confirmed"), person("bob", "waitlisted"), person("bob", "confirmed", "now")

#: What the store has written, and what it would have if cat had not been refused.
WRITES: Final[Sequence[Document]] = [
    {"put": [put(ANN)]},
    {"put": [put(BOB)]},
    {"delete": [["Registrations", marshal(registration_key("e", "ann"))]], "put": [put(PROMOTED)]},
]
REFUSED: Final[Document] = {"put": [put(person("cat", "waitlisted"))]}

#: The answer to ann's second request was lost. Nobody may register cat but cat.
HISTORY: Final = Recorded(
    "e",
    State(capacity=1),
    [
        Operation(1, Call("register", "ann"), 0, 1, Answer(201, {"status": "confirmed"})),
        Operation(2, Call("register", "bob"), 2, 3, Answer(201, {"status": "waitlisted", "waitlistPosition": 1})),
        Operation(1, Call("unregister", "ann"), 4),
        Operation(3, Call("register", "cat", caller="another person"), 5, 6, Answer(403)),
        Operation(1, Call("list registrations"), 7, 8, Answer(200, {"registrations": [registration_body(PROMOTED)]})),
    ],
)


class Restarts(Event):
    """Stops the sender before every change that it tells, unless it has just started, and when all is told."""

    ended = False
    _started = False

    def wait(self, timeout: float | None = None) -> bool:
        self.ended = timeout == local_sender.LOOK_SECONDS
        self._started = not self._started
        return self.ended or not self._started


def tell(folder: Path, writes: Sequence[Document] = WRITES) -> list[Any]:
    """Return all that a receiver is told of writes by a sender that ends after each of its notifications."""
    (folder / position.FOLDER).mkdir()
    position.write(folder, Position("t", 1, 0))
    path, _state = load(folder)
    with path.open("ab") as log:
        log.writelines(line({"scope": follower._SCOPE, **write, "at": 1}) for write in writes)  # noqa: SLF001 - as the store writes it
    told: list[Any] = []

    def deliver(_endpoint: Endpoint, notification: Any) -> Outcome:
        told.append(notification)
        return Outcome(Verdict.DELIVERED, "answered 204")

    restarts = Restarts()
    with mock.patch.object(local_sender, "deliver", deliver):
        while not restarts.ended:
            Sender(folder, Endpoint.of("http://127.0.0.1/", new_secret(), inside=True), restarts).run()
    return told


def test_what_happened_is_explained_also_if_its_answer_was_lost(tmp_path: Path) -> None:
    told = tell(tmp_path)
    assert len(told) == 4
    assert misled(HISTORY, distinct(told)) is None


def test_a_repetition_after_a_kill_is_no_other_change(tmp_path: Path) -> None:
    """Every other position is not kept, as if the sender was killed after its notification had been taken."""
    write, is_lost = position.write, itertools.cycle([False, True])

    def write_some(folder: Path, reached: Position) -> None:
        if not next(is_lost):
            write(folder, reached)

    with mock.patch.object(position, "write", write_some):
        told = tell(tmp_path)
    assert len(told) == 2 * 3 + 1  # The sender lives on after the last one.
    assert misled(HISTORY, distinct(told)) is None


def skip_one_after_a_restart(folder: Path, reached: Position) -> Iterator[Told | None]:
    return itertools.islice(follower.follow(folder, reached), 1 if reached.told else 0, None)


def forget_what_was_before(folder: Path, reached: Position) -> Iterator[Told | None]:
    """Tell a promotion as a registration, after a restart."""
    with mock.patch.object(follower, "derive", lambda _old, new: derive(None, new)):
        yield from follower.follow(folder, reached)


def tell_a_promotion_with_the_registration_before(folder: Path, reached: Position) -> Iterator[Told | None]:
    for told in follower.follow(folder, reached):
        promoted = told is not None and told.notification.kind == "promoted"
        yield replace(told, notification=Notification("promoted", BOB)) if told and promoted else told


UNEXPLAINED: Final = "No order of these operations explains"


@pytest.mark.parametrize(
    ("follow", "writes", "violation"),
    [
        (skip_one_after_a_restart, WRITES, UNEXPLAINED),
        (forget_what_was_before, WRITES, UNEXPLAINED),
        (tell_a_promotion_with_the_registration_before, WRITES, "The notifications add up to"),
        (follower.follow, [*WRITES, REFUSED], UNEXPLAINED),
    ],
    ids=["skips one", "forgets what was before", "tells an old registration", "tells what was not committed"],
)
def test_a_sender_that_tells_something_else_is_detected(
    tmp_path: Path, follow: Callable[..., Any], writes: Sequence[Document], violation: str
) -> None:
    with mock.patch.object(local_sender, "follow", follow):
        told = tell(tmp_path, writes)
    assert (misled(HISTORY, distinct(told)) or "").startswith(violation)


def test_repetitions_under_another_id_and_another_order_are_detected(tmp_path: Path) -> None:
    first, *rest = tell(tmp_path)
    for wrong in ([first, *rest, {**first, "id": "another"}], [*rest, first]):
        with pytest.raises(AssertionError, match="the sequence does not grow"):
            distinct(wrong)
    with pytest.raises(AssertionError, match="the same id"):
        distinct([first, {**first, "subject": "cat"}])
