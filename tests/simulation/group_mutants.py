"""Mutants of group commit: each breaks what one member of a batch relies on, and leaves the rest as it is."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, Final
from unittest import mock

from storage import admissions, group
from storage.dynamodb.steps import Step
from storage.dynamodb.tables import Tables

_transact = Tables.transact


def _changed_batches(change: Callable[[list[Step]], list[Step]]) -> AbstractContextManager[Any]:
    def transact(tables: Tables, steps: Sequence[Step], *, group: str | None = None) -> None:
        _transact(tables, change(list(steps)) if group else steps, group=group)

    return mock.patch.object(Tables, "transact", transact)


def drop_the_condition_of_one_member() -> AbstractContextManager[Any]:
    """Put the last member's registration although the user has one."""

    def without(steps: list[Step]) -> list[Step]:
        last = max(number for number, step in enumerate(steps) if step.item and "status" in step.item)
        return [*steps[:last], replace(steps[last], condition=None), *steps[last + 1 :]]

    return _changed_batches(without)


def lose_the_tail_of_a_transaction() -> AbstractContextManager[Any]:
    """Leave out the steps of the last member, who is answered and counted."""
    return _changed_batches(lambda steps: steps[:-3] if len(steps) > 4 else steps)


def answer_the_wrong_member() -> AbstractContextManager[Any]:
    """Swap the refusal of each member with the next one's."""
    by_owner = admissions._by_owner  # noqa: SLF001 - it assigns refusals to members

    def shifted(misfits: Any, owners: Sequence[int]) -> Exception:
        return by_owner(misfits, [(owner + 1) % (owners[-1] + 1) for owner in owners])

    return mock.patch.object(admissions, "_by_owner", shifted)


def swap_two_answers() -> AbstractContextManager[Any]:
    """Give the first two members of a batch each other's results."""
    settle = group.settle

    def swapped(tables: Tables, event_id: str, batch: Sequence[Any]) -> Mapping[Any, Any]:
        results = settle(tables, event_id, batch)
        if len(results) < 2:
            return results
        first, second, *others = results
        return {first: results[second], second: results[first], **{it: results[it] for it in others}}

    return mock.patch.object(group, "settle", swapped)


def admit_the_last_to_arrive_first() -> AbstractContextManager[Any]:
    """Register the members of a batch in the reverse order of their arrival."""

    def backwards(
        tables: Tables, event_id: str, user_ids: Sequence[str], keys: Mapping[str, str | None]
    ) -> Mapping[str, Any]:
        return admissions.register_all(tables, event_id, user_ids[::-1], keys)

    return mock.patch.object(group, "register_all", backwards)


def lose_the_tail_of_a_batch() -> AbstractContextManager[Any]:
    """Forget the members that one transaction did not settle."""
    answer = group.Group.answer

    def forgetting(own: Any, batch: Sequence[Any], results: Mapping[Any, Any]) -> None:
        answer(own, [member for member in batch if member in results], results)

    return mock.patch.object(group.Group, "answer", forgetting)


GROUP_MUTANTS: Final = (
    drop_the_condition_of_one_member,
    lose_the_tail_of_a_transaction,
    answer_the_wrong_member,
    swap_two_answers,
    admit_the_last_to_arrive_first,
    lose_the_tail_of_a_batch,
)
