"""What the fuzzer takes for right: who may send which request."""

from types import SimpleNamespace
from typing import Any, Final

import pytest
import schemathesis

from handlers.contract import PATH
from tests.fuzz.callers import Caller, Callers, may
from tests.fuzz.run import CONFIG

OLGA: Final = Caller("olga", "1", organizer=True)
OTTO: Final = Caller("otto", "2", organizer=True)
ANN: Final = Caller("ann", "3")
ROOT: Final = Caller("root", "4", organizer=True, admin=True)


@pytest.fixture(scope="module")
def schema() -> Any:
    loaded = schemathesis.openapi.from_path(PATH, config=schemathesis.Config.from_path(CONFIG))
    callers = Callers(OLGA, OTTO, ANN, ROOT)
    callers.owners["conf"] = "olga"
    callers.send(loaded)
    return loaded


@pytest.mark.parametrize(
    ("label", "path", "body", "allowed"),
    [
        ("GET /events", {}, None, [OLGA, OTTO, ANN, ROOT, None]),
        ("POST /events", {}, {"eventId": "conf"}, [OLGA, OTTO, ROOT]),
        ("PUT /events/{eventId}", {"eventId": "conf"}, {}, [OLGA, ROOT]),
        ("GET /events/{eventId}/registrations", {"eventId": "conf"}, None, [OLGA, ROOT]),
        ("GET /events/{eventId}/registrations", {"eventId": "absent"}, None, [OLGA, OTTO, ROOT]),
        ("POST /registrations", {}, {"eventId": "conf", "userId": "ann"}, [OLGA, ANN, ROOT]),
        ("POST /registrations", {}, {"eventId": "conf"}, [OLGA, OTTO, ANN, ROOT]),
        ("POST /events/{eventId}/registrations", {"eventId": "conf"}, {"userId": "bob"}, [OLGA, ROOT]),
        ("POST /users", {}, {"name": "Ann"}, [OLGA, OTTO, ANN, ROOT]),
        ("GET /users/{userId}", {"userId": "bob"}, None, [OLGA, OTTO, ROOT]),
        ("GET /users/{userId}", {"userId": "%61nn"}, None, [OLGA, OTTO, ANN, ROOT]),
        ("DELETE /registrations/{userId}/{eventId}", {"userId": "otto", "eventId": "conf"}, None, [OLGA, OTTO, ROOT]),
    ],
)
def test_a_request_is_for_those_whom_the_contract_names(
    schema: Any, label: str, path: dict[str, str], body: Any, allowed: list[Caller | None]
) -> None:
    case = schema.find_operation_by_label(label).Case(path_parameters=path, media_type="application/json", body=body)

    found = [caller for caller in (OLGA, OTTO, ANN, ROOT, None) if may(case, _answer(caller))]

    assert found == allowed


def _answer(caller: Caller | None) -> Any:
    headers = {"Authorization": f"Bearer {caller.token}"} if caller else {}
    return SimpleNamespace(request=SimpleNamespace(headers=headers))
