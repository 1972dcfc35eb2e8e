"""An event of which SEATS is missing is damaged, or is being created or deleted: only one moment can tell."""

from functools import partial

import pytest

from storage import events, registrations, users
from storage.admissions import register_all
from storage.departures import unregister_all
from storage.dynamodb.attributes import marshal
from storage.dynamodb.tables import Tables
from storage.errors import Damaged, EventNotFound, RegistrationNotFound
from storage.items import details_key, registration_key, seats_key
from storage.model import EventFields
from tests.apparatus.rival import before_call

FIELDS = EventFields(title="T", description="D", date="2030-05-01", location="L", capacity=3, organizer="O")


@pytest.fixture
def tables(moto_tables: Tables) -> Tables:
    """Make three users."""
    for user_id in ("ada", "grace", "zoe"):
        users.create(moto_tables, user_id, "N")
    return moto_tables


def without_seats(tables: Tables) -> None:
    """Make an event with two registrations, and remove its SEATS as a person with a console would."""
    events.create(tables, "conf", FIELDS)
    for user_id in ("ada", "grace"):
        registrations.register(tables, "conf", user_id)
    tables.client.delete_item(TableName=tables.names["Events"], Key=marshal(seats_key("conf")))


def test_an_event_that_is_created_before_details_is_looked_for_takes_the_registration(tables: Tables) -> None:
    with before_call(tables, "GetItem", 1, partial(events.create, tables, "conf", FIELDS)):
        assert registrations.register(tables, "conf", "ada").status == "confirmed"


def test_an_event_that_is_deleted_after_details_was_found_does_not_exist(tables: Tables) -> None:
    without_seats(tables)

    def delete() -> None:
        key = details_key("conf")
        tables.client.delete_item(TableName=tables.names["Events"], Key=marshal(key))

    with before_call(tables, "TransactGetItems", 1, delete), pytest.raises(EventNotFound):
        registrations.register(tables, "conf", "zoe")


def test_a_group_of_registrations_for_an_event_without_seats_is_damage(tables: Tables) -> None:
    without_seats(tables)
    with pytest.raises(Damaged, match="Events conf has no SEATS"):
        register_all(tables, "conf", ["zoe", "ada"])


def test_a_group_of_departures_from_an_event_without_seats_is_damage(tables: Tables) -> None:
    without_seats(tables)
    with pytest.raises(Damaged, match="Events conf has no SEATS"):
        unregister_all(tables, "conf", ["ada", "grace"])


def test_a_person_who_was_unregistered_before_the_event_was_deleted_is_not_damage(tables: Tables) -> None:
    """The departure has read the registration, and then finds neither it nor SEATS."""
    without_seats(tables)

    def leave() -> None:
        key = registration_key("conf", "ada")
        tables.client.delete_item(TableName=tables.names["Registrations"], Key=marshal(key))

    with before_call(tables, "TransactWriteItems", 1, leave), pytest.raises(RegistrationNotFound):
        registrations.unregister(tables, "conf", "ada")
