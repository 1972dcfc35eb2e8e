"""The publisher tells the bus what a batch of the stream says about registrations, and nothing else."""

import json
from typing import Any

import pytest

from handlers.webhooks import publisher
from storage.dynamodb.attributes import marshal
from storage.dynamodb.bus import Entry, NotToldError

_KEYS = {"pk": "EVENT#conf", "sk": "USER#ann"}
_CAME = "2030-01-01T00:00:00.000Z"
PLACE = {**_KEYS, "eventId": "conf", "userId": "ann", "status": "waitlisted", "registeredAt": _CAME, "seq": 1}
SEAT = {**_KEYS, "eventId": "conf", "userId": "ann", "status": "confirmed", "registeredAt": _CAME}


def record(number: int, old: dict[str, Any] | None, new: dict[str, Any] | None) -> dict[str, Any]:
    """Return a record as Lambda hands it over."""
    images = {name: marshal(item) for name, item in (("OldImage", old), ("NewImage", new)) if item}
    keys = marshal({name: (new or old or {})[name] for name in ("pk", "sk")})
    change = {"Keys": keys, "SequenceNumber": f"{number}00000", "ApproximateCreationDateTime": 1893456000.5, **images}
    return {"eventID": f"id-{number}", "eventName": "MODIFY", "dynamodb": change}


class Told:
    """A bus that keeps what it is told, or refuses it."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.refuses = False

    def tell(self, entries: Any) -> None:
        if self.refuses:
            raise NotToldError("refused")
        self.entries += entries


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    found = Told()
    monkeypatch.setattr(publisher, "_bus", lambda: found)
    return found


def test_each_change_of_a_registration_is_told_with_the_id_and_the_number_of_its_record(told: Told) -> None:
    publisher.handler({"Records": [record(1, None, PLACE), record(2, PLACE, SEAT), record(3, SEAT, None)]}, None)
    documents = [json.loads(entry.detail) for entry in told.entries]
    assert [entry.kind.split(".")[2] for entry in told.entries] == ["waitlisted", "promoted", "cancelled"]
    assert [document["id"] for document in documents] == ["id-1", "id-2", "id-3"]
    assert [int(document["sequence"]) for document in documents] == [100000, 200000, 300000]
    assert documents[2]["time"] == "2030-01-01T00:00:00.500Z"


def test_everything_about_one_registration_has_one_subject(told: Told) -> None:
    other = {**SEAT, "sk": "USER#bob", "userId": "bob"}
    publisher.handler({"Records": [record(1, None, PLACE), record(2, None, other), record(3, PLACE, SEAT)]}, None)
    one, two, three = (entry.subject for entry in told.entries)
    assert one == three != two


def test_a_change_that_is_nobodys_news_is_not_told(told: Told) -> None:
    pointer = {"pk": "USER#ann", "sk": "EVENT#conf"}
    publisher.handler({"Records": [record(1, None, pointer), record(2, SEAT, SEAT)]}, None)
    assert told.entries == []


def test_a_bus_that_refuses_fails_the_batch(told: Told) -> None:
    told.refuses = True
    with pytest.raises(NotToldError):
        publisher.handler({"Records": [record(1, None, SEAT)]}, None)
