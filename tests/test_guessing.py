"""Guessing against the real server: both workers count together, and no header gives a new try."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
import requests
from bs4 import BeautifulSoup
from support.cast import CAST, PASSWORD
from support.databases import on_sqlite
from support.server import Server

from telehealth import limits

_number = itertools.count(1)


def forged() -> dict[str, str]:
    """Headers of somebody who claims to be elsewhere; the connection is closed, so any worker may answer."""
    address = f"203.0.113.{next(_number) % 250}"
    names = ("X-Forwarded-For", "X-Real-IP", "Forwarded", "True-Client-IP", "X-Client-IP")
    return {"Connection": "close", **dict.fromkeys(names, address)}


def sign_in(server: Server, key: str, password: str) -> int:
    """Try to sign in from a fresh browser; the status that comes back."""
    with requests.Session() as browser:
        page = BeautifulSoup(
            browser.get(f"{server.url}/sign-in", headers=forged(), timeout=30).text, "html5lib"
        )
        token = page.select_one("meta[name=csrf-token]")
        assert token is not None
        form = {"csrf_token": str(token["content"]), "email": CAST[key].email, "password": password}
        url = f"{server.url}/sign-in"
        return browser.post(url, data=form, headers=forged(), timeout=30, allow_redirects=False).status_code


def test_passwords_are_guessed_ten_times_and_not_once_a_worker_or_an_address(server: Server):
    assert {sign_in(server, "dr_grey", f"guess number {number}") for number in range(limits.PER_ACCOUNT)} == {
        422
    }
    assert sign_in(server, "dr_grey", PASSWORD) == 422
    assert sign_in(server, "dr_house", PASSWORD) == 303
    server.restart()
    assert sign_in(server, "dr_grey", PASSWORD) == 422


@on_sqlite
@pytest.mark.parametrize(
    ("ask", "refused"),
    [
        (lambda url, guess: requests.get(f"{url}/join/{guess}", headers=forged(), timeout=30), 404),
        (
            lambda url, guess: requests.get(
                f"{url}/api/v1/visits/",
                headers={**forged(), "Authorization": f"Bearer th_{guess}"},
                timeout=30,
            ),
            401,
        ),
    ],
    ids=["links", "tokens of programs"],
)
def test_secrets_are_guessed_a_hundred_times_and_not_once_more(
    server: Server, ask: Callable[[str, str], requests.Response], refused: int
):
    statuses = [ask(server.url, f"{number:043}").status_code for number in range(limits.PER_ADDRESS)]
    assert set(statuses) == {refused}
    answer = ask(server.url, "x" * 43)
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
