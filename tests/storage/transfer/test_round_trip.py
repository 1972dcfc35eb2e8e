"""An export has everything, an import gives it back, and the same import again changes nothing."""

from collections import Counter
from functools import partial
from typing import Any

import pytest

from storage import events, registrations, users
from storage.audit import audit
from storage.dynamodb.tables import Tables
from storage.errors import AlreadyRegistered, EventExists, NotOwner, UserExists
from tests.apparatus.moto_store import fill_once
from tests.apparatus.transfers import documents, edited, emptied, exported, fields, fill, imported, order_of_queue


@pytest.fixture
def file(moto_tables: Tables) -> bytes:
    fill_once(moto_tables, fill)
    return exported(moto_tables)


def test_an_import_gives_everything_back_and_the_export_of_it_is_the_same_file(
    moto_tables: Tables, file: bytes
) -> None:
    event, user = events.get(moto_tables, "queue"), users.get(moto_tables, "u3@example.com")
    registration = registrations.get(moto_tables, "closed", "u1@example.com")
    queue = order_of_queue(moto_tables, "queue")
    loaded, refusals = imported(emptied(moto_tables), file)
    assert refusals == {}
    kinds = Counter(document["type"] for document in documents(file))
    assert loaded.written == {kind: kinds[kind] for kind in ("user", "event", "registration")}
    assert exported(moto_tables) == file
    assert list(audit(moto_tables)) == []
    # The models compare every field: also times and version, which is the ETag.
    assert events.get(moto_tables, "queue") == event
    assert users.get(moto_tables, "u3@example.com") == user
    assert registrations.get(moto_tables, "closed", "u1@example.com") == registration
    assert order_of_queue(moto_tables, "queue") == queue


def test_the_same_import_again_writes_nothing(moto_tables: Tables, file: bytes) -> None:
    emptied(moto_tables)
    first, _ = imported(moto_tables, file)
    before = items(moto_tables)
    again, refusals = imported(moto_tables, file)
    assert (again.written, again.present, refusals) == (Counter(), first.written, {})
    assert items(moto_tables) == before


def items(tables: Tables) -> dict[str, Any]:
    return {table: tables.client.scan(TableName=name)["Items"] for table, name in tables.names.items()}


def test_an_import_beside_the_data_itself_finds_everything_there(moto_tables: Tables, file: bytes) -> None:
    before = items(moto_tables)
    loaded, refusals = imported(moto_tables, file)
    assert (loaded.written, refusals) == (Counter(), {})
    assert items(moto_tables) == before


def test_an_event_keeps_its_owner_and_only_this_owner(moto_tables: Tables) -> None:
    events.create(moto_tables, "hers", fields(2), "ann")
    events.create(moto_tables, "nobodys", fields(2))
    file = exported(moto_tables)
    owners = {it["eventId"]: it.get("owner") for it in documents(file) if it["type"] == "event"}
    assert owners == {"hers": "ann", "nobodys": None}
    imported(emptied(moto_tables), file)
    assert exported(moto_tables) == file
    assert list(audit(moto_tables)) == []
    assert events.update(moto_tables, "hers", {}, owner="ann").owner == "ann"
    with pytest.raises(NotOwner):
        events.update(moto_tables, "nobodys", {}, owner="ann")
    for owner in ("bob", None):
        loaded, refusals = imported(moto_tables, edited(file, partial(_give_to, owner)))
        assert (loaded.written, list(refusals.values())) == (
            Counter(),
            ["the id is taken, with other values; nothing is overwritten"],
        )


def _give_to(owner: str | None, document: dict[str, Any]) -> None:
    """Give the event that has an owner to another one, or to nobody."""
    if document.pop("owner", None) and owner:
        document["owner"] = owner


def test_a_file_has_no_keys_and_a_repetition_behind_its_import_is_refused_and_not_done_again(
    moto_tables: Tables,
) -> None:
    create_event = partial(events.create, moto_tables, None, fields(2), key="key")
    create_user = partial(users.create, moto_tables, "ann", "Ann", "key")
    event, user = create_event(), create_user()
    register = partial(registrations.register, moto_tables, event.event_id, "ann", key="key")
    assert register() == register()
    file = exported(moto_tables)
    assert b"key" not in file
    _loaded, refusals = imported(moto_tables, file)
    assert refusals == {}, "what is there with its key is the same without it"
    assert (create_event().version, create_user(), register().user_id) == (event.version, user, "ann")
    imported(emptied(moto_tables), file)
    for act, refusal in ((register, AlreadyRegistered), (create_event, EventExists), (create_user, UserExists)):
        with pytest.raises(refusal):
            act()
    assert exported(moto_tables) == file


def test_the_service_goes_on_behind_an_import(moto_tables: Tables, file: bytes) -> None:
    imported(emptied(moto_tables), file)
    users.create(moto_tables, "new", "N")
    head, *others = order_of_queue(moto_tables, "queue")
    assert registrations.register(moto_tables, "queue", "new").position == len(others) + 2
    confirmed = next(
        document["userId"]
        for document in documents(file)
        if (document.get("eventId"), document.get("status")) == ("queue", "confirmed")
    )
    registrations.unregister(moto_tables, "queue", confirmed)
    assert registrations.get(moto_tables, "queue", head).status == "confirmed"
    assert order_of_queue(moto_tables, "queue") == [*others, "new"]
    assert list(audit(moto_tables)) == []
