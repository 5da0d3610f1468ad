"""The application in a worker that can be killed at any moment: gunicorn serves `support.mortal:app`.

A request with `X-Die-At: N` ends its worker, as `kill -9` does, at its N-th moment. Moments are: before
and after each transaction is committed, before and after each question to a video provider, before,
amid and after each write into the file of a recording, before and after a file is removed, and
when the answer is ready but not sent.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable
from typing import Any

import requests
from flask import Flask
from sqlalchemy.orm import Session as DbSession

from telehealth import create_app, recording_files
from telehealth.models import Recording

HEADER = "X-Die-At"

_request = threading.local()


def moment() -> None:
    """One moment of the request at hand, if that is to end at one."""
    left = getattr(_request, "left", 0)
    if left == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    _request.left = left - 1


def _around(owner: Any, name: str, counts: Callable[..., bool] = lambda *_: True) -> None:
    """A moment before, and one after, each call of this function."""
    genuine = getattr(owner, name)

    def call(*args: Any, **more: Any) -> Any:
        counted = counts(*args)
        if counted:
            moment()
        answer = genuine(*args, **more)
        if counted:
            moment()
        return answer

    setattr(owner, name, call)


def _halves_first(write: Callable[[Recording, bytes], None]) -> Callable[[Recording, bytes], None]:
    def call(recording: Recording, data: bytes) -> None:
        write(recording, data[: len(data) // 2])
        moment()
        write(recording, data)

    return call


def _make() -> Flask:
    _around(DbSession, "commit", lambda session: bool(session.info.get("writing")))
    _around(requests.Session, "send")
    recording_files.write = _halves_first(recording_files.write)  # type: ignore[assignment]
    _around(recording_files, "write")
    _around(recording_files, "remove")
    made = create_app()
    genuine = made.wsgi_app

    def serve(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        _request.left = int(environ.get("HTTP_X_DIE_AT", 0))
        try:
            answer = genuine(environ, start_response)
            moment()
            return answer
        finally:
            _request.left = 0

    made.wsgi_app = serve  # type: ignore[method-assign]
    return made


app = _make()
