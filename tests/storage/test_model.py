"""Models of events, users and registrations."""

import re
import time
from datetime import UTC, datetime, timedelta

import pytest

from storage.model import now


def test_the_current_time_is_utc_in_milliseconds_in_any_time_zone_of_the_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "XYZ+5")
        time.tzset()
        text = now()
    time.tzset()
    assert re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z", text)
    assert abs(datetime.fromisoformat(text) - datetime.now(UTC)) < timedelta(hours=1)
