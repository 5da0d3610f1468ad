"""Workers that die at every moment of a request, one after the other, and what must be true after each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http.client import HTTPException
from itertools import count
from types import MappingProxyType
from typing import Any, NamedTuple

from flask import Flask

from support import apps
from support.wire import Wire

HEADER = "X-Die-At"
PATIENCE = 60.0
"""While new workers start, a request waits."""


class Asked(NamedTuple):
    """A request that is to be made: what it is about, by whom, and what is posted."""

    about: Any
    wire: Wire
    path: str
    sent: Any = None
    headers: Mapping[str, str] = MappingProxyType({})


def at_every_moment(prepare: Callable[[], Asked], after: Callable[[Asked], None], least: int) -> None:
    """Prepare, let the worker die at the first moment, look; then at the second, until it lives to answer.

    `least` is how many deaths there must be: fewer mean that the moments are not found any more.
    """
    for number in count(1):
        asked = prepare()
        if ask(asked.wire, asked.path, asked.sent, **asked.headers, **{HEADER: str(number)}) is not None:
            assert number > least, f"only {number - 1} moments in {asked.path}"
            after(asked)
            return
        after(asked)


def ask(wire: Wire, path: str, sent: Any = None, **headers: str) -> tuple[int, str] | None:
    """Status and text of a POST on a line of its own; None if that was cut before there were any."""
    line = Wire(wire.server, wire.cookies, wire.csrf)
    line.connection.timeout = PATIENCE
    try:
        if isinstance(sent, bytes):
            return line.post_bytes(path, sent, **headers)
        return line.ask("POST", path, sent, **headers)
    except (HTTPException, ConnectionError):
        return None
    finally:
        line.close()


def again(asked: Asked) -> tuple[int, str]:
    """The same once more, by a person or a page that got no answer."""
    answer = ask(asked.wire, asked.path, asked.sent, **asked.headers)
    assert answer is not None, f"{asked.path} was not answered"
    return answer


def put_right(app: Flask) -> None:
    """What an operator does after trouble, and what must hold then."""
    for words in ("reconcile", "verify-audit"):
        done = apps.command(app, words)
        assert done.exit_code == 0, f"flask {words}: {done.output}"
