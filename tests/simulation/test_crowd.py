"""A crowd on one event, where transactions conflict: everybody gets a turn soon enough."""

from tests.simulation.crowd import gather

WINDOW = 0.008


def test_alone_every_change_takes_one_commit_window_and_no_pause() -> None:
    crowd = gather(1, 5, window=WINDOW, seed=1)
    assert len(crowd.latencies) > 100
    assert crowd.refused == 0
    # Half a window for the failed attempt before a place in the queue, up to one and a half for the place, messages.
    assert crowd.percentile(0.99) < 3 * WINDOW


def test_fewer_than_sixteen_clients_get_no_contention() -> None:
    crowd = gather(15, 10, window=WINDOW, seed=1)
    assert len(crowd.latencies) > 400
    assert crowd.refused == 0


def test_fewer_than_sixteen_clients_who_join_a_full_event_get_no_contention() -> None:
    crowd = gather(15, 10, window=WINDOW, seed=1, joining=True)
    assert len(crowd.latencies) > 300
    assert crowd.refused == 0


def test_sixty_four_clients_get_no_error_but_contention() -> None:
    """Any other refusal, and a violation found by the audit, ends the run."""
    crowd = gather(64, 2, window=WINDOW, seed=1)
    assert len(crowd.latencies) > 64


def test_the_same_seed_gives_the_same_run() -> None:
    first, again = (gather(4, 2, window=WINDOW, seed=3) for _ in range(2))
    assert first == again
