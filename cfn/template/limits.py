"""The parameters that bound what the stack can cost: throttles, concurrency, caps of the tables, and a budget."""

from typing import Any, Final

_UNITS: Final = "[1-9][0-9]{0,4}"
_THREE_UNITS: Final = "Three numbers from 1 to 99999, separated by commas: Events, Users, Registrations."


def _throttle(default: int, maximum: int, description: str) -> dict[str, Any]:
    return {"Type": "Number", "Default": default, "MinValue": 1, "MaxValue": maximum, "Description": description}


def _caps(default: str, description: str) -> dict[str, Any]:
    return {
        "Type": "CommaDelimitedList",
        "Default": default,
        "AllowedPattern": _UNITS,
        "ConstraintDescription": _THREE_UNITS,
        "Description": description,
    }


LIMITS: Final[dict[str, dict[str, Any]]] = {
    "ReservedConcurrency": {
        "Type": "Number",
        "Default": -1,
        "MinValue": -1,
        "MaxValue": 1000,
        "Description": "Maximum number of concurrent requests; -1 shares the account's limit, 0 turns the service off.",
    },
    "ThrottleRate": _throttle(
        100, 10000, "Requests per second, over all callers, above which the gateway answers 429; not registrations."
    ),
    "ThrottleBurst": _throttle(
        200, 5000, "Size of the burst, in requests, that the gateway accepts above ThrottleRate."
    ),
    # Both together stay below the 109 registrations per second at which one hot event collapses, and either of them
    # below the 75 that a full event admits (tests/bench/hot_event.md).
    "RegistrationThrottleRate": _throttle(
        50, 10000, "Registrations per second, over all callers, on each of the two routes that register."
    ),
    "RegistrationThrottleBurst": _throttle(
        50, 5000, "Size of the burst, in registrations, that the gateway accepts above RegistrationThrottleRate."
    ),
    # A registration writes 2 units to Events, 2 to Users and 4 to Registrations, and at 50 per second for one event 1.7
    # times that, as attempts conflict.
    "MaxWriteUnits": _caps(
        "200,200,400", "Write units per second of the tables Events (also of each index), Users, Registrations."
    ),
    # A page of 50 events is 28 units of Events.
    "MaxReadUnits": _caps(
        "200,100,200", "Read units per second of the tables Events (also of each index), Users, Registrations."
    ),
    "MonthlyBudget": {
        "Type": "Number",
        "Default": 0,
        "MinValue": 0,
        "MaxValue": 1000000,
        "Description": "USD per month of the whole account above which AlarmEmail is told; 0 makes no budget.",
    },
}
