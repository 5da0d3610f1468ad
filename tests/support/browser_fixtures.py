"""Fixtures for tests in real browsers."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from support import browsers
from support.server import Server


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """Playwright's driver, one for each worker."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """Chromium, whose fake camera and microphone are allowed."""
    browser = browsers.launch(playwright)
    yield browser
    browser.close()


@pytest.fixture
def open_page(browser: Browser, server: Server) -> Iterator[Callable[..., Page]]:
    """Opens a page in a context of its own; `as_` signs a member of the cast in."""
    with ExitStack() as stack:

        def open_page(as_: str | None = None, **options: object) -> Page:
            page, watch = stack.enter_context(browsers.browsing(browser, server.url, **options))
            page.watch = watch  # type: ignore[attr-defined]
            if as_ is not None:
                sign_in(page, as_)
            return page

        yield open_page


def sign_in(page: Page, key: str) -> None:
    """Sign a member of the cast in by the page."""
    from support.cast import CAST, PASSWORD

    page.goto("/sign-in")
    page.get_by_label("Email").fill(CAST[key].email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/sign-in" not in url)
