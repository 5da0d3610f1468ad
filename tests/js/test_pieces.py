"""Pieces of a recording on their way to the server: in order, each kept until it has arrived."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route

UPLOAD = """
const { Upload, recover } = await import("/call/pieces.js");
const upload = new Upload({ id: "a".repeat(20), url: "/s/call", csrf: "x" });
const piece = (words) => new Blob([words]);
const left = async () => {
  const request = indexedDB.open("recordings");
  const database = await new Promise((done) => (request.onsuccess = () => done(request.result)));
  const all = async (name) => {
    const found = database.transaction(name).objectStore(name).getAll();
    return new Promise((done) => (found.onsuccess = () => done(found.result)));
  };
  const [recordings, pieces] = [await all("recordings"), await all("pieces")];
  database.close();
  return [recordings.length, pieces.map(({ number }) => number)];
};
"""

Answer = Callable[[str, int], int]


class Server:
    """Answers what the test says, and remembers what came."""

    def __init__(self, page: Page) -> None:
        self.heard: list[str] = []
        self.tries = 0
        self.answer: Answer = lambda _what, _try: 200
        page.route("**/s/call/**", self._on)

    def _on(self, route: Route) -> None:
        path = route.request.url.partition("/call/recordings")[2][22:] or "begin"
        self.tries += 1
        status = self.answer(path, self.tries)
        if status == 0:
            route.abort()
            return
        if status < 300:
            self.heard.append(path)
        code = '{"error": {"code": "wrong_state"}}' if status >= 300 else "{}"
        route.fulfill(status=status, body=code, content_type="application/json")


@pytest.fixture
def server(fresh_page: Page) -> Server:
    return Server(fresh_page)


def run(page: Page, script: str) -> Any:
    return page.evaluate(f"async () => {{ {UPLOAD} {script} }}")


def test_pieces_arrive_in_order_and_nothing_is_left(fresh_page, server):
    left = run(
        fresh_page,
        """await upload.begin("video/webm");
        for (const words of ["one", "two", "three"]) upload.add(piece(words), 1);
        await upload.finish();
        return left();""",
    )
    assert server.heard == ["begin", "pieces/0", "pieces/1", "pieces/2", "finish"]
    assert left == [0, []]


@pytest.mark.parametrize("fault", [0, 408, 429])
def test_a_piece_that_does_not_arrive_is_sent_again_before_the_next(fresh_page, server, fault):
    server.answer = lambda what, tries: fault if what == "pieces/0" and tries < 4 else 200
    run(
        fresh_page,
        """await upload.begin("video/webm");
        upload.add(piece("one"), 1);
        upload.add(piece("two"), 2);
        await upload.finish();""",
    )
    assert server.heard == ["begin", "pieces/0", "pieces/1", "finish"]


def test_what_did_not_arrive_is_kept_and_sent_by_the_next_page(fresh_page, server):
    server.answer = lambda what, _: 0 if what in ("pieces/1", "pieces/2", "finish") else 200
    left = run(
        fresh_page,
        """await upload.begin("video/webm");
        for (const words of ["one", "two", "three"]) upload.add(piece(words), 1);
        await until(async () => (await left())[1].length === 2);
        return [upload.behind > 0, ...(await left())];""",
    )
    assert left == [True, 1, [1, 2]]
    server.answer = lambda _what, _try: 200
    fresh_page.reload()
    assert run(fresh_page, "return [await recover('x'), await left()];") == [1, [0, []]]
    assert server.heard == ["begin", "pieces/0", "pieces/1", "pieces/2", "finish"]


def test_another_page_leaves_alone_what_a_page_still_sends(fresh_page, server):
    server.answer = lambda what, _: 0 if what == "pieces/0" else 200
    found = run(
        fresh_page,
        """await upload.begin("video/webm");
        upload.add(piece("one"), 1);
        await until(async () => (await left())[1].length === 1);
        const held = (await navigator.locks.query()).held.map(({ name }) => name);
        return held;""",
    )
    assert found == [f"recording {'a' * 20}"]


def test_what_the_server_refuses_for_good_is_forgotten(fresh_page, server):
    server.answer = lambda what, _: 409 if what == "pieces/1" else 200
    found = run(
        fresh_page,
        """await upload.begin("video/webm");
        for (const words of ["one", "two", "three"]) upload.add(piece(words), 1);
        await until(() => upload.refusal);
        const { status } = upload.refusal;
        await upload.finish();
        return [status, upload.behind, await left()];""",
    )
    assert found == [409, 0, [0, []]]
    assert server.heard == ["begin", "pieces/0", "finish"]


@pytest.mark.parametrize("status", [401, 403, 404])
def test_what_somebody_else_made_on_this_computer_waits_for_them(fresh_page, server, status):
    server.answer = lambda what, _: 0 if what in ("pieces/0", "finish") else 200
    run(
        fresh_page,
        """await upload.begin("video/webm");
        upload.add(piece("one"), 1);
        await until(async () => (await left())[1].length === 1);""",
    )
    server.answer = lambda _what, _try: status
    fresh_page.reload()
    assert run(fresh_page, "return [await recover('x'), await left()];") == [0, [1, [0]]]
    server.answer = lambda _what, _try: 200
    fresh_page.reload()
    assert run(fresh_page, "return [await recover('x'), await left()];") == [1, [0, []]]


def test_without_a_store_of_its_own_a_browser_sends_all_the_same(fresh_page, server):
    fresh_page.evaluate("() => { indexedDB.open = () => { throw new Error('private window'); }; }")
    run(
        fresh_page,
        """await upload.begin("video/webm");
        upload.add(piece("one"), 1);
        await upload.finish();""",
    )
    assert server.heard == ["begin", "pieces/0", "finish"]
