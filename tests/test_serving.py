"""How the application is served: what the log may show, and how workers come and go."""

import os
import resource
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from support.databases import on_sqlite
from support.server import Server

SECRET = "tooSecretToBeWrittenDown"


@on_sqlite
def test_no_token_of_a_link_reaches_the_log(server: Server):
    for path in (
        f"/join/{SECRET}",
        f"/join/{SECRET}?more={SECRET}",
        f"//JOIN//{SECRET}",
        f"/%6aoin/{SECRET}%0a{SECRET}",
        f"/invitation/{SECRET}",
        f"/sign-in?next=/join/{SECRET}",
    ):
        requests.get(server.url + path, headers={"Referer": f"{server.url}/join/{SECRET}"}, timeout=30)
    for line in (f"GET /join/{SECRET} HTTP/9", f"GET /join/{SECRET} {SECRET} now", f"/join/{SECRET}"):
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as raw:
            raw.sendall(f"{line}\r\n\r\n".encode())
            assert b" 400 " in raw.recv(1000)
    server.stop()
    assert "/join/***" in server.log
    assert "/invitation/***" in server.log
    assert SECRET not in server.log


@on_sqlite
def test_workers_may_open_as_many_files_as_their_connections_need(database_url: str, tmp_path: Path):
    soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    server = Server(tmp_path, database_url)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, most))
    try:
        server.start()
        found = [resource.prlimit(pid, resource.RLIMIT_NOFILE) for pid in server.workers()]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, most))
        server.stop()
    assert found == [(min(8000, most), most)] * 2


@on_sqlite
def test_a_worker_that_dies_is_replaced(server: Server):
    server.kill_worker()
    for _ in range(10):
        assert requests.get(f"{server.url}/readyz", timeout=30).status_code == 200


def test_it_serves_on_both_databases(server: Server):
    page = requests.get(f"{server.url}/sign-in", timeout=30)
    assert page.status_code == 200
    server.restart()
    assert requests.get(f"{server.url}/sign-in", timeout=30).status_code == 200


@on_sqlite
def test_a_proxy_that_nobody_trusts_changes_nothing(server: Server):
    spoofed = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9", "Forwarded": "for=x"}
    requests.get(f"{server.url}/sign-in", headers=spoofed, timeout=30)
    server.stop()
    assert "203.0.113.9" not in server.log
    assert ' 127.0.0.1 "GET /sign-in" 200 ' in server.log


@pytest.fixture
def stream(server: Server) -> Iterator[requests.Response]:
    """An open event stream of somebody who is signed in."""
    with server.browser("dr_grey").get(f"{server.url}/live", stream=True, timeout=30) as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        yield answer


@on_sqlite
def test_stopping_ends_open_streams_soon(server: Server, stream: requests.Response):
    ended = threading.Event()

    def read() -> None:
        for _ in stream.iter_content(None):
            pass
        ended.set()

    threading.Thread(target=read, daemon=True).start()
    server.stop()
    assert ended.wait(5)
    assert "graceful timeout" not in server.log


@on_sqlite
def test_ctrl_c_stops_at_once_and_without_a_word_of_trouble(server: Server, stream: requests.Response):
    # A terminal sends it to the whole group: the workers hear it from there and from the master.
    os.killpg(server.pid, signal.SIGINT)
    server.wait(15)
    assert "Traceback" not in server.log
    assert "ERROR" not in server.log
