"""The measured operations, as requests and as events of API Gateway."""

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

STAGE: Final = "prod"

#: Events with free seats, full without and full with a waitlist; users with 50 registrations and with none.
OPEN: Final = "open"
FULL: Final = "full"
QUEUED: Final = "queued"
REGULAR: Final = "regular@example.com"
NEWCOMER: Final = "newcomer@example.com"


@dataclass(frozen=True)
class Call:
    """A request and the expected status."""

    name: str
    method: str
    path: str
    status: int
    query: str = ""
    body: dict[str, Any] | None = field(default=None)

    @property
    def validated(self) -> bool:
        """Whether only a side that validates can answer it."""
        return self.status == HTTPStatus.UNPROCESSABLE_ENTITY

    @property
    def body_text(self) -> str | None:
        """The body as JSON."""
        return None if self.body is None else json.dumps(self.body)


_EVENT: Final = {
    "title": "A workshop",
    "description": "Bring a laptop.",
    "date": "2030-05-01T18:30:00+02:00",
    "location": "City Library",
    "capacity": 20,
    "organizer": "User Group",
    "hasWaitlist": True,
}

CALLS: Final = (
    Call("health", "GET", "/health", 200),
    Call("get event", "GET", f"/events/{OPEN}", 200),
    Call("list of 100 events", "GET", "/events", 200, "limit=100"),
    Call("create event", "POST", "/events", 201, body=_EVENT),
    Call("register", "POST", f"/events/{OPEN}/registrations", 201, body={"userId": NEWCOMER}),
    Call("register refused (409)", "POST", f"/events/{FULL}/registrations", 409, body={"userId": NEWCOMER}),
    Call("one error (422)", "POST", "/events", 422, body={**_EVENT, "capacity": 0}),
    Call(
        "four errors (422)",
        "POST",
        "/events",
        422,
        body={"title": "A workshop", "capacity": 0, "location": "Library", "organizer": "Group", "hasWaitList": True},
    ),
    Call("user's 50 registrations", "GET", f"/users/{REGULAR}/registrations", 200),
)
#: Measured only by `cost`: it changes the data that a second call would find.
JOIN_QUEUE: Final = Call(
    "register, full: join the queue", "POST", f"/events/{QUEUED}/registrations", 201, body={"userId": NEWCOMER}
)


def gateway_event(call: Call) -> dict[str, Any]:
    """Return the event (payload format 2.0) in which an HTTP API passes a browser's request on."""
    headers = {
        "accept": "application/json, text/plain, */*",
        "accept-encoding": "gzip, deflate, br",
        "accept-language": "en-GB,en;q=0.9",
        "content-length": str(len(call.body_text or "")),
        "host": "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com",
        "origin": "https://www.example.com",
        "referer": "https://www.example.com/",
        "sec-fetch-mode": "cors",
        "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "x-amzn-trace-id": "Root=1-6745a1b2-0123456789abcdef01234567",
        "x-forwarded-for": "192.0.2.1",
        "x-forwarded-port": "443",
        "x-forwarded-proto": "https",
    }
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": f"/{STAGE}{call.path}",
        "rawQueryString": call.query,
        "headers": headers,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "a1b2c3d4e5",
            "domainName": headers["host"],
            "domainPrefix": "a1b2c3d4e5",
            "http": {
                "method": call.method,
                "path": f"/{STAGE}{call.path}",
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": headers["user-agent"],
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": "$default",
            "stage": STAGE,
            "time": "23/Nov/2026:09:00:00 +0000",
            "timeEpoch": 1795424400000,
        },
        "isBase64Encoded": False,
    }
    if call.query:
        event["queryStringParameters"] = dict(pair.split("=") for pair in call.query.split("&"))
    if call.body_text is not None:
        headers["content-type"] = "application/json"
        event["body"] = call.body_text
    return event
