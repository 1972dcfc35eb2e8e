"""The simulation of a hot event agrees with arithmetic where that applies."""

import pytest

from storage.dynamodb.retries import LAST_CEILING
from tests.bench import conflicts
from tests.bench.conflicts import Design, Outcome, Person, Simulation, stranded_seats

ONE = Design(name="one item")
FULL = Design(name="full", full=True)
STREAM = Design(name="a stream", grouped=True)
FULL_STREAM = Design(name="full, a stream", full=True, grouped=True)
WINDOW = 0.008


def rate_of(design: Design, window: float, offered: int) -> float:
    people = Simulation(design, window, seed=1).offer(offered, 12)
    return Outcome.of(people, 6, 12).accepted_rate


def test_a_registration_without_rivals_takes_one_attempt_and_one_commit_window() -> None:
    for person in Simulation(ONE, WINDOW, seed=1).run([0.0, 1.0, 1.008, 2.0]):
        assert (person.admitted, person.attempts, person.units) == (True, 1, 8)
        assert person.latency == pytest.approx(WINDOW)


def test_of_two_simultaneous_registrations_one_is_refused_and_retries() -> None:
    first, second = Simulation(ONE, WINDOW, seed=1).run([0.0, 0.0])
    assert first.attempts == 1
    assert first.latency == pytest.approx(WINDOW)
    assert second.admitted
    assert second.attempts > 1
    assert second.units == 8 * second.attempts
    assert second.latency >= 2 * WINDOW


def test_an_item_admits_at_most_one_registration_per_commit_window() -> None:
    for window in (0.02, 0.05):
        assert 0.8 / window < rate_of(ONE, window, 60) <= 1 / window


def test_the_write_units_of_a_partition_limit_the_rate() -> None:
    """Without conflicts, a partition of 1,000 units takes 500 registrations of 2 units, and two take twice that."""
    instant = 1e-7
    assert rate_of(ONE, instant, 700) == pytest.approx(500, rel=0.02)
    assert rate_of(Design(name="two", shards=2, partitions=2), instant, 700) == pytest.approx(700, rel=0.05)


def test_shards_avoid_most_conflicts() -> None:
    assert rate_of(Design(name="shards", shards=8), WINDOW, 200) > 1.5 * rate_of(ONE, WINDOW, 200)


def test_joining_the_queue_takes_a_failed_and_a_successful_transaction() -> None:
    (person,) = Simulation(FULL, WINDOW, seed=1).run([0.0])
    assert (person.admitted, person.attempts, person.units) == (True, 2, 8 + 12)
    assert 1.5 * WINDOW <= person.latency <= 2 * WINDOW


def test_joining_right_behind_a_place_that_is_held_conflicts_although_the_counters_are_free(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(conflicts, "PLACE_WINDOWS", (20, 20))
    first, second = Simulation(FULL, WINDOW, seed=1).run([0.0, 5 * WINDOW])
    assert first.attempts == 2
    assert second.attempts > 2
    assert second.admitted
    assert second.answered - first.answered >= 20 * WINDOW


def test_a_person_who_joins_the_queue_reads_the_next_number_again_after_each_conflict() -> None:
    """The second person sees the number just before the first takes it."""
    first, second = Simulation(FULL, WINDOW, seed=1).run([0.0, 0.003])
    assert (first.attempts, first.reads) == (2, 0)
    assert second.reads == second.attempts - 2 > 0
    assert second.units == 8 + 12 * (second.attempts - 1)


def test_a_throttled_read_ends_the_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conflicts, "PARTITION_READS", 0)
    first, second = Simulation(FULL, WINDOW, seed=1).run([0.0, 0.003])
    assert first.admitted
    assert (second.admitted, second.reads, second.attempts) == (False, 0, 2)


def test_a_full_event_with_half_more_joins_than_it_carries_still_admits_most_of_what_it_carries() -> None:
    assert rate_of(FULL, WINDOW, 100) > 0.8 * rate_of(FULL, WINDOW, 60) > 45


def test_taken_queue_numbers_cost_more_attempts_unless_any_higher_number_is_accepted() -> None:
    for seed in (1, 2, 3):
        exact, free = (
            sum(person.attempts for person in Simulation(design, WINDOW, seed).offer(60, 20))
            for design in (FULL, Design(name="any number", full=True, exact=False))
        )
        assert exact > free


def test_a_registration_refused_until_the_retry_budget_is_spent_gives_up() -> None:
    """The first person holds the item for longer than the retries last."""
    people = Simulation(ONE, 20, seed=1).run([0.0, 1.0])
    assert [person.admitted for person in people] == [True, False]
    outcome = Outcome.of([*people, Person(arrived=3.0)], 0, 2)
    assert outcome.given_up == 0.5


def test_a_client_without_rivals_registers_once_in_a_window_and_a_gap() -> None:
    people = Simulation(ONE, WINDOW, seed=1).crowd(1, gap=0.012, seconds=40)
    assert len(people) == pytest.approx(40 / (WINDOW + 0.012), rel=0.05)
    assert {person.attempts for person in people} == {1}


@pytest.mark.parametrize("design", [ONE, FULL], ids=["seats free", "full"])
@pytest.mark.parametrize("seed", [1, 2])
def test_fewer_than_sixteen_clients_get_no_contention(design: Design, seed: int) -> None:
    people = Simulation(design, WINDOW, seed).crowd(15, gap=0.01, seconds=60)
    assert len(people) > 1000
    assert all(person.admitted for person in people)


@pytest.mark.parametrize("design", [ONE, FULL], ids=["seats free", "full"])
def test_a_lower_ceiling_of_the_pauses_shortens_the_longest_latencies(design: Design) -> None:
    high, low = (
        Outcome.of(Simulation(design, WINDOW, 1, ceiling).crowd(16, gap=0.01, seconds=60), 10, 60).slow
        for ceiling in (0.5, LAST_CEILING)
    )
    assert low < 0.7 * high


def test_the_same_seed_gives_the_same_run() -> None:
    first, again, other = (Simulation(ONE, WINDOW, seed).offer(100, 3) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_one_shard_leaves_no_seats_and_two_shards_of_one_seat_leave_one() -> None:
    assert stranded_seats(100, 1, seed=1) == 0
    assert stranded_seats(2, 2, seed=1) == 1


def test_the_consumer_of_a_stream_registers_all_who_wait_in_one_transaction() -> None:
    """The first person finds an idle consumer; the other 40 wait for it, and then share two transactions."""
    first, *others = Simulation(STREAM, WINDOW, seed=1).run([0.0, *([0.001] * 40)])
    assert first.units == 8
    assert first.latency == pytest.approx(WINDOW)
    assert [person.answered for person in others] == pytest.approx([2 * WINDOW] * 33 + [3 * WINDOW] * 7)
    assert [person.units for person in others] == pytest.approx([6 + 2 / 33] * 33 + [6 + 2 / 7] * 7)


def test_a_group_that_joins_the_queue_shares_the_counters_and_the_check_of_the_place_ahead() -> None:
    people = Simulation(FULL_STREAM, WINDOW, seed=1).run([0.0] * 24)
    assert [person.units for person in people] == pytest.approx([8 + 4 / 24] * 24)
    assert len({person.answered for person in people}) == 1


def test_the_partition_of_the_registrations_limits_a_stream() -> None:
    """A registration takes 2 of its 1,000 units, a registration that waits 4."""
    assert rate_of(STREAM, WINDOW, 700) == pytest.approx(500, rel=0.02)
    assert rate_of(FULL_STREAM, WINDOW, 400) == pytest.approx(1_000 / (4 + 2 / 24), rel=0.02)
