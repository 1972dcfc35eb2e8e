"""A set that forgets the oldest of its texts."""

from storage.dynamodb.recent import Recent


def test_the_most_recent_half_at_least_is_remembered() -> None:
    recent = Recent(4)
    for number in range(100):
        recent.add(str(number))
        assert all(str(it) in recent for it in range(max(0, number - 1), number + 1))
        assert sum(str(it) in recent for it in range(100)) <= 4
    assert "other" not in recent
