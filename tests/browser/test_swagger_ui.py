"""Swagger UI in a real browser: at the root, below a stage path, and at BROWSER_URL if there is one."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect, sync_playwright

from handlers.access.local_issuer import ISSUER, sign
from handlers.contract import Contract
from handlers.local_store import DATA
from tests.apparatus.server import service
from tests.apparatus.stage import staged

pytestmark = pytest.mark.deployed

CHROMIUM: Final = os.environ.get("CHROMIUM", "/usr/bin/chromium")

#: Options that keep the browser from making requests of its own.
QUIET: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

#: The property of a list's body that has its entries.
LISTS: Final = {
    "/events": "events",
    "/events/{eventId}/registrations": "registrations",
    "/users/{userId}/registrations": "registrations",
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module", params=["local", "stage", "given"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Yield the URL of a service, including the stage path if it has one."""
    if request.param == "given":
        if "BROWSER_URL" not in os.environ:
            pytest.skip("BROWSER_URL is not set")
        yield os.environ["BROWSER_URL"].rstrip("/")
        return
    with service() as local:
        if request.param == "local":
            yield local
        else:
            with staged(local, "/prod") as below:
                yield below


class PageLog:
    """The hosts that a page sends requests to, and its errors and warnings."""

    def __init__(self, page: Page) -> None:
        """Record the events of a page."""
        self.hosts: set[str] = set()
        self.errors: list[str] = []
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("requestfailed", lambda request: self.errors.append(f"{request.url} failed"))
        page.on("console", self._console)

    def _console(self, message: ConsoleMessage) -> None:
        # The browser reports the 404 that the test expects as an error of the page.
        expected = message.location["url"].endswith("/registrations") and "status of 404" in message.text
        if message.type in {"error", "warning"} and not expected:
            self.errors.append(f"{message.text} {message.location}")


def test_the_page_shows_every_operation_and_can_call_the_service(browser: Browser, url: str, tmp_path: Path) -> None:
    """It creates an event, shows the error of a registration, and sends requests to no other host."""
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    log = PageLog(page)

    page.goto(f"{url}/docs")
    expect(page.locator(".opblock")).to_have_count(len(Contract().operations))
    seen = {
        f"{block.locator('.opblock-summary-method').inner_text()} {block.locator('.opblock-summary-path').inner_text()}"
        for block in page.locator(".opblock").all()
    }
    # Swagger UI puts zero-width spaces into long paths.
    assert {each.replace("\u200b", "") for each in seen} == {
        f"{operation.method} {operation.path}" for operation in Contract().operations.values()
    }
    page.screenshot(path=tmp_path / "operations.png", full_page=True)

    create = '{"eventId": "seen", "title": "T", "description": "D", "date": "2030-01-01", "location": "L", '
    create += '"capacity": 1, "organizer": "O"}'
    assert try_out(page, "/events", create) == "201"
    page.screenshot(path=tmp_path / "created.png", full_page=True)
    nobody = '{"userId": "nobody", "eventId": "seen"}'
    assert try_out(page, "/registrations", nobody) == "404"
    page.screenshot(path=tmp_path / "refused.png", full_page=True)

    assert log.hosts == {urlsplit(url).netloc}
    assert not log.errors
    page.close()


def test_the_page_does_not_scroll_sideways_on_a_phone(browser: Browser, url: str) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 900})
    log = PageLog(page)
    page.goto(f"{url}/docs")
    expect(page.locator(".opblock")).to_have_count(len(Contract().operations))
    for operation in page.locator(".opblock").all():
        operation.locator(".opblock-summary-control").click()
        expect(operation.locator(".responses-wrapper")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") == 390, operation.inner_text().splitlines()[:2]
        operation.locator(".opblock-summary-control").click()
    assert not log.errors
    page.close()


def test_with_the_demo_every_get_and_put_succeeds_as_it_is_prefilled(browser: Browser) -> None:
    """A prefilled POST has the ids of the demo, and the refusal says so."""
    with service("--demo") as url:
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        log = PageLog(page)
        page.goto(f"{url}/docs")
        check_prefilled_reads(page)
        assert statuses(execute_prefilled(page, "PUT")) == {"/events/{eventId}": "200"}
        assert not log.errors
        refusals = execute_prefilled(page, "POST")
        assert {path: body["title"] for path, (_status, body) in refusals.items()} == {
            "/events": "Event exists",
            "/users": "User exists",
            "/events/{eventId}/registrations": "Already registered",
            "/registrations": "Already registered",
        }
        page.close()


def test_without_the_demo_the_prefilled_posts_create_what_the_other_operations_use(browser: Browser) -> None:
    """The operations of a method are executed from top to bottom; both registrations are the same one."""
    with service() as url:
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.goto(f"{url}/docs")
        assert statuses(execute_prefilled(page, "POST")) == {
            "/events": "201",
            "/users": "201",
            "/events/{eventId}/registrations": "201",
            "/registrations": "409",
        }
        check_prefilled_reads(page)
        assert statuses(execute_prefilled(page, "PUT")) == {"/events/{eventId}": "200"}
        page.close()


def test_a_token_that_is_pasted_decides_what_the_page_may_do_and_it_shows_why_not(
    browser: Browser, tmp_path: Path
) -> None:
    """It is refused without one, and with that of a person or another organizer, but not with that of the organizer."""
    olga, oscar = (sign(tmp_path / DATA, user_id, ISSUER.organizer) for user_id in ("olga", "oscar"))
    ann = sign(tmp_path / DATA, "ann")
    with service("--auth", folder=tmp_path) as url:
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.goto(f"{url}/docs")
        create, update, join = (
            opened(page, method, path)
            for method, path in (("POST", "/events"), ("PUT", "/events/{eventId}"), ("POST", "/registrations"))
        )

        assert execute(create) == (
            "401",
            "This needs a token that `events-api token USER` prints: send `Authorization: Bearer TOKEN`.",
        )
        page.screenshot(path=tmp_path / "unauthorized.png", full_page=True)

        with dialog(page, "organizer"):
            page.screenshot(path=tmp_path / "authorize.png")
        with authorizing(page, "organizer", ann):
            assert execute(create) == ("403", "Only an organizer may do this, and this token is a person's.")
        with authorizing(page, "organizer", olga):
            assert execute(create) == ("201", None)
            assert execute(update) == ("200", None)
        with authorizing(page, "organizer", oscar):
            assert execute(update) == (
                "403",
                "This event is not yours. Only the organizer who created it, or an administrator, may do this.",
            )
        with authorizing(page, "person", ann):
            status, detail = execute(join)
            assert (status, detail[:39]) == ("403", "The userId is not that of this token. A")
        assert execute(create)[0] == "401"
        page.close()


@contextmanager
def authorizing(page: Page, scheme: str, token: str) -> Iterator[None]:
    """Paste a token into the dialog of the page, and log out at the end."""
    with dialog(page, scheme) as form:
        form.get_by_label("auth-bearer-value").fill(token)
        form.get_by_role("button", name="Apply credentials").click()
    yield
    with dialog(page, scheme) as form:
        form.get_by_role("button", name="Remove authorization").click()


@contextmanager
def dialog(page: Page, scheme: str) -> Iterator[Locator]:
    """Open the dialog in which tokens are pasted, yield its form for a security scheme, and close it."""
    page.locator(".scheme-container").get_by_role("button", name="Authorize").click()
    form = page.locator(".auth-container").filter(has=page.locator("h4 code", has_text=scheme))
    yield form
    form.get_by_role("button", name="Close").click()


def check_prefilled_reads(page: Page) -> None:
    """Execute every GET: the page shows status 200 and a body, in which a list has an entry."""
    reads = execute_prefilled(page, "GET")
    assert statuses(reads) == dict.fromkeys(paths_of("GET"), "200")
    assert all(body for _status, body in reads.values())
    assert all(reads[path][1][entries] for path, entries in LISTS.items())


def try_out(page: Page, path: str, body: str) -> str:
    """Open the POST of a path, send a body, and return the status that Swagger UI shows."""
    operation = opened(page, "POST", path)
    operation.locator("textarea.body-param__text").fill(body)
    operation.get_by_role("button", name="Execute").click()
    return shown_status(operation)


def opened(page: Page, method: str, path: str) -> Locator:
    """Open an operation to try it out."""
    operation = page.locator(f".opblock-{method.lower()}").filter(has=page.locator(f'[data-path="{path}"]'))
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    return operation


def execute(operation: Locator) -> tuple[str, Any]:
    """Execute an open operation unchanged, and return the status and the `detail` that the page shows."""
    if (clear := operation.get_by_role("button", name="Clear")).is_visible():
        clear.click()
    operation.get_by_role("button", name="Execute").click()
    return shown_status(operation), shown_body(operation).get("detail")


def execute_prefilled(page: Page, method: str) -> dict[str, tuple[str, Any]]:
    """Execute the operations of a method unchanged, and return the status and body that the page shows, by path."""
    shown = {}
    operations = page.locator(f".opblock-{method.lower()}")
    expect(operations).to_have_count(len(paths_of(method)))
    for operation in operations.all():
        path = str(operation.locator("[data-path]").get_attribute("data-path"))
        operation.locator(".opblock-summary-control").click()
        operation.get_by_role("button", name="Try it out").click()
        operation.get_by_role("button", name="Execute").click()
        status = shown_status(operation)
        shown[path] = status, shown_body(operation)
        # The page slows down with every open operation.
        operation.locator(".opblock-summary-control").click()
    return shown


def statuses(shown: dict[str, tuple[str, Any]]) -> dict[str, str]:
    return {path: status for path, (status, _body) in shown.items()}


def paths_of(method: str) -> list[str]:
    return [operation.path for operation in Contract().operations.values() if operation.method == method]


def shown_status(operation: Locator) -> str:
    status = operation.locator(".live-responses-table .response .response-col_status")
    expect(status).to_be_visible()
    return str(status.inner_text().split()[0])


def shown_body(operation: Locator) -> Any:
    return json.loads(operation.locator(".live-responses-table .response .highlight-code pre").first.inner_text())
