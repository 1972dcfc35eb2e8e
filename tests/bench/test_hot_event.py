"""The simulation of a hot event is right where it can be checked by arithmetic."""

import pytest

from tests.bench.conflicts import Design, Outcome, Person, Simulation, left_over

ONE = Design(name="one item")
FULL = Design(name="full", full=True)
WINDOW = 0.008


def rate_of(design: Design, window: float, offered: int) -> float:
    people = Simulation(design, window, seed=1).offer(offered, 12)
    return Outcome.of(people, 6, 12).accepted_rate


def test_who_comes_alone_meets_nobody_and_waits_for_one_commit() -> None:
    for person in Simulation(ONE, WINDOW, seed=1).run([0.0, 1.0, 1.008, 2.0]):
        assert (person.admitted, person.attempts, person.units) == (True, 1, 8)
        assert person.latency == pytest.approx(WINDOW)


def test_of_two_at_once_one_is_refused_and_tries_again() -> None:
    first, second = Simulation(ONE, WINDOW, seed=1).run([0.0, 0.0])
    assert first.attempts == 1
    assert first.latency == pytest.approx(WINDOW)
    assert second.admitted
    assert second.attempts > 1
    assert second.units == 8 * second.attempts
    assert second.latency >= 2 * WINDOW


def test_an_item_admits_one_in_a_commit_window_at_most() -> None:
    for window in (0.02, 0.05):
        assert 0.8 / window < rate_of(ONE, window, 60) <= 1 / window


def test_the_write_units_of_a_partition_bound_the_rate() -> None:
    """Without conflicts, a partition of 1,000 units takes 500 registrations of 2 units, and two take twice that."""
    instant = 1e-7
    assert rate_of(ONE, instant, 700) == pytest.approx(500, rel=0.02)
    assert rate_of(Design(name="two", shards=2, partitions=2), instant, 700) == pytest.approx(700, rel=0.05)


def test_shards_keep_most_people_apart() -> None:
    assert rate_of(Design(name="shards", shards=8), WINDOW, 200) > 1.5 * rate_of(ONE, WINDOW, 200)


def test_who_queues_learns_the_number_first_and_pays_for_both_transactions() -> None:
    (person,) = Simulation(FULL, WINDOW, seed=1).run([0.0])
    assert (person.admitted, person.attempts, person.units) == (True, 2, 8 + 10)
    assert person.latency == pytest.approx(1.5 * WINDOW)


def test_who_queues_decides_once_more_if_somebody_took_the_number_unless_any_higher_one_will_do() -> None:
    """The second learns a number just before the first takes it."""
    exact, free = (
        Simulation(Design(name="full", full=True, exact=exact), WINDOW, seed=1).run([0.0, 0.001])
        for exact in (True, False)
    )
    assert [people[0].attempts for people in (exact, free)] == [2, 2]
    assert exact[1].attempts == free[1].attempts + 1


def test_whoever_is_refused_until_the_budget_is_over_gives_up() -> None:
    """The first holds the item for longer than anybody goes on."""
    people = Simulation(ONE, 20, seed=1).run([0.0, 1.0])
    assert [person.admitted for person in people] == [True, False]
    outcome = Outcome.of([*people, Person(came=3.0)], 0, 2)
    assert outcome.given_up == 0.5


def test_a_seed_repeats_the_run() -> None:
    first, again, other = (Simulation(ONE, WINDOW, seed).offer(100, 3) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_one_shard_leaves_no_seats_over_and_two_of_one_seat_leave_one() -> None:
    assert left_over(100, 1, seed=1) == 0
    assert left_over(2, 2, seed=1) == 1
