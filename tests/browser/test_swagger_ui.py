"""Swagger UI in a real browser: at the root, below a stage path, and at BROWSER_URL if there is one."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from handlers.contract import Contract
from tests.apparatus.server import service
from tests.apparatus.stage import staged

pytestmark = pytest.mark.deployed

CHROMIUM: Final = os.environ.get("CHROMIUM", "/usr/bin/chromium")

#: A browser on its own: nothing is looked up, updated or reported.
QUIET: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module", params=["local", "stage", "given"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Give the URL of a service, with the stage path if there is one."""
    if request.param == "given":
        if "BROWSER_URL" not in os.environ:
            pytest.skip("BROWSER_URL names no deployed stack")
        yield os.environ["BROWSER_URL"].rstrip("/")
        return
    with service() as local:
        if request.param == "local":
            yield local
        else:
            with staged(local, "/prod") as below:
                yield below


class Sight:
    """What a page did behind the scenes."""

    def __init__(self, page: Page) -> None:
        """Watch a page."""
        self.hosts: set[str] = set()
        self.complaints: list[str] = []
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("requestfailed", lambda request: self.complaints.append(f"{request.url} failed"))
        page.on("console", self._hear)

    def _hear(self, message: ConsoleMessage) -> None:
        # The browser counts the answer to a register that is meant to fail as an error of the page.
        meant = message.location["url"].endswith("/registrations") and "status of 404" in message.text
        if message.type in {"error", "warning"} and not meant:
            self.complaints.append(f"{message.text} {message.location}")


def test_somebody_reads_the_docs_and_tries_the_service_out(browser: Browser, url: str, tmp_path: Path) -> None:
    """Every operation is seen, a create and a failing register are answered, and no other host is asked."""
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    sight = Sight(page)

    page.goto(f"{url}/docs")
    expect(page.locator(".opblock")).to_have_count(len(Contract().operations))
    seen = {
        f"{block.locator('.opblock-summary-method').inner_text()} {block.locator('.opblock-summary-path').inner_text()}"
        for block in page.locator(".opblock").all()
    }
    # Swagger UI lets a browser break long paths with zero-width spaces.
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

    assert sight.hosts == {urlsplit(url).netloc}
    assert not sight.complaints
    page.close()


def try_out(page: Page, path: str, body: str) -> str:
    """Open the POST of a path, send a body, and return the status that Swagger UI shows."""
    operation = page.locator(".opblock-post").filter(has=page.locator(f'[data-path="{path}"]'))
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.locator("textarea.body-param__text").fill(body)
    operation.get_by_role("button", name="Execute").click()
    answer = operation.locator(".live-responses-table .response .response-col_status")
    expect(answer).to_be_visible()
    return str(answer.inner_text().split()[0])
