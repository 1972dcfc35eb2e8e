"""HTTP client of the application in this process."""

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin

import httpx

EVENT = {
    "eventId": "conf",
    "title": "Conference",
    "description": "Talks and coffee",
    "date": "2030-05-01",
    "location": "Town Hall",
    "capacity": 2,
    "organizer": "City Council",
    "hasWaitlist": True,
}


class Client:
    """Sends HTTP requests to an ASGI application without a socket."""

    def __init__(self, app: Any, base_url: str = "http://testserver", headers: Mapping[str, str] | None = None) -> None:
        self.app = app
        self.base_url = base_url
        self.headers = headers

    def sending(self, headers: Mapping[str, str]) -> "Client":
        """Return a client that sends these headers with every request that has none of its own."""
        return Client(self.app, self.base_url, headers)

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request and return the response."""

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url=self.base_url) as client:
                return await client.request(method, path, **{"headers": self.headers, **options})

        return asyncio.run(send())

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.request("POST", path, **options)

    def put(self, path: str, **options: Any) -> httpx.Response:
        return self.request("PUT", path, **options)

    def delete(self, path: str, **options: Any) -> httpx.Response:
        return self.request("DELETE", path, **options)

    def follow(self, path: str) -> list[dict[str, Any]]:
        """Return the body of a list's page, and those of the pages that follow by `Link` with `rel="next"`."""
        pages = []
        url: str | None = urljoin(self.base_url, path)
        while url:
            answer = self.get(url)
            pages.append(answer.json())
            link = answer.links.get("next")
            assert (link is None) == ("nextCursor" not in pages[-1])
            url = urljoin(url, link["url"]) if link else None
        return pages

    def create_event(self, **fields: Any) -> str:
        """Create an event from EVENT with some fields replaced, and return its id."""
        answer = self.post("/events", json={**EVENT, **fields})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["eventId"])

    def create_users(self, *user_ids: str) -> None:
        """Create users with these ids."""
        for user_id in user_ids:
            answer = self.post("/users", json={"userId": user_id, "name": user_id.title()})
            assert answer.status_code == 201, answer.text

    def register(self, event_id: str, *user_ids: str) -> list[str]:
        """Register users in order, and return their statuses."""
        answers = [self.post(f"/events/{event_id}/registrations", json={"userId": user_id}) for user_id in user_ids]
        assert all(answer.status_code == 201 for answer in answers), [answer.text for answer in answers]
        return [answer.json()["status"] for answer in answers]


def problem(answer: httpx.Response) -> str:
    """Return the problem type of a response, after checking the members that every problem has."""
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["title"]
    assert body["detail"]
    return str(body["type"]).removeprefix("urn:problem-type:events-api:")
