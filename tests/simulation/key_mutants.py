"""Mutants of the keys of requests: each forgets a key where a repetition needs it, or makes something twice."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, Final
from unittest import mock

from storage import admissions, events, group, registrations, users
from storage.dynamodb.steps import Step
from storage.dynamodb.tables import Tables

_transact = Tables.transact


def _changed_steps(change: Callable[[Step], Step]) -> AbstractContextManager[Any]:
    def transact(tables: Tables, steps: Sequence[Step], *, group: str | None = None) -> None:
        _transact(tables, [change(step) for step in steps], group=group)

    return mock.patch.object(Tables, "transact", transact)


def refuse_a_repeated_registration() -> AbstractContextManager[Any]:
    return mock.patch.object(registrations, "repeated", return_value=None)


def refuse_a_repeated_registration_in_a_batch() -> AbstractContextManager[Any]:
    return mock.patch.object(admissions, "repeated", return_value=None)


def accept_the_key_of_another_request() -> AbstractContextManager[Any]:
    return mock.patch.object(registrations, "repeated", lambda refusal, _key: refusal.registration)


def swap_the_keys_of_a_batch() -> AbstractContextManager[Any]:
    """Give each member the key of another."""

    def swapped(tables: Tables, event_id: str, user_ids: Sequence[str], keys: Mapping[str, str | None]) -> Any:
        others = dict(zip(keys, [*list(keys.values())[1:], *list(keys.values())[:1]], strict=True))
        return admissions.register_all(tables, event_id, user_ids, others)

    return mock.patch.object(group, "register_all", swapped)


def lose_the_key_in_a_promotion() -> AbstractContextManager[Any]:
    def change(step: Step) -> Step:
        promotes = step.change is not None and step.change.endswith("REMOVE #seq, #together")
        return replace(step, change=f"{step.change}, #request") if promotes else step

    return _changed_steps(change)


def lose_the_key_in_an_update() -> AbstractContextManager[Any]:
    def change(step: Step) -> Step:
        updates = step.item is not None and step.condition == "#version = :version"
        kept = {name: value for name, value in (step.item or {}).items() if name != "request"}
        return replace(step, item=kept) if updates else step

    return _changed_steps(change)


def let_the_counters_refuse_a_repeated_event() -> AbstractContextManager[Any]:
    """Refuse by SEATS alone while another transaction is at DETAILS, which has the key."""
    return _changed_steps(lambda step: replace(step, decisive=False))


def generate_another_event_id() -> AbstractContextManager[Any]:
    return mock.patch.object(events, "new_id", side_effect=lambda _key: str(uuid.uuid4()))


def generate_another_user_id() -> AbstractContextManager[Any]:
    return mock.patch.object(users, "new_id", side_effect=lambda _key: str(uuid.uuid4()))


KEY_MUTANTS: Final = (
    refuse_a_repeated_registration,
    refuse_a_repeated_registration_in_a_batch,
    accept_the_key_of_another_request,
    swap_the_keys_of_a_batch,
    lose_the_key_in_a_promotion,
    lose_the_key_in_an_update,
    let_the_counters_refuse_a_repeated_event,
    generate_another_event_id,
    generate_another_user_id,
)
