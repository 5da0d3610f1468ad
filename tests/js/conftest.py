"""The modules of the call page, each on an empty page in a real browser."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from support import browsers
from support.browsers import Watch

STATIC = Path(__file__).parents[2] / "telehealth" / "static"


HELPERS = """
window.sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
window.until = async (what, longest = 40000) => {
  for (const end = performance.now() + longest; performance.now() < end; await sleep(10)) {
    const answer = await what();
    if (answer) return answer;
  }
  throw new Error(`never: ${what}`);
};
"""


class Files(SimpleHTTPRequestHandler):
    """The static files, and an empty page at `/`."""

    def do_GET(self) -> None:
        """Answer with the page or with a file."""
        if self.path != "/":
            super().do_GET()
            return
        body = b"<!doctype html><html lang=en><title>test</title><body></body></html>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="session")
def static_server() -> Iterator[str]:
    """The address under which the static files are served."""
    handler = functools.partial(Files, directory=str(STATIC))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
def device() -> dict[str, Any]:
    """What is special about the device of `fresh_page`, in Playwright's words."""
    return {}


@pytest.fixture
def fresh_page(browser: Browser, static_server: str, device: dict[str, Any]) -> Iterator[Page]:
    """As `static_page`, in a browser that keeps nothing of other tests: neither a store nor a clock."""
    with browsers.browsing(browser, static_server, **device) as (page, _watch):
        yield ready(page)


@pytest.fixture(scope="module")
def shared(browser: Browser, static_server: str) -> Iterator[tuple[BrowserContext, Watch]]:
    """One context for all tabs of a file: starting it takes longer than most of the tests."""
    with browsers.browsing(browser, static_server) as (page, watch):
        yield page.context, watch


@pytest.fixture
def static_page(shared: tuple[BrowserContext, Watch]) -> Iterator[Page]:
    """An empty page that can import the modules: `await import('/call/signal.js')`."""
    context, watch = shared
    page = context.new_page()
    yield ready(page)
    page.close()
    watch.check()


def ready(page: Page) -> Page:
    """The page with what scripts of tests use."""
    page.add_init_script(HELPERS)
    page.goto("/")
    return page
