"""The application in a worker that can be killed at any moment: gunicorn serves `support.mortal:app`.

A request with `X-Die-At: N` ends its worker, as `kill -9` does, at its N-th moment. Moments are: before
and after each transaction is committed, after each question to a video provider, amid and after each
write into the file of a recording, and after a file is removed: all that outlives a worker.
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


def _mark(owner: Any, name: str) -> None:
    """A moment after each call of this function."""
    genuine = getattr(owner, name)

    def call(*args: Any, **more: Any) -> Any:
        answer = genuine(*args, **more)
        moment()
        return answer

    setattr(owner, name, call)


def _commit(session: DbSession, genuine: Callable[[DbSession], None] = DbSession.commit) -> None:
    writing = session.info.get("writing")
    if writing:
        moment()
    genuine(session)
    if writing:
        moment()


def _halves_first(write: Callable[[Recording, bytes], None]) -> Callable[[Recording, bytes], None]:
    def call(recording: Recording, data: bytes) -> None:
        write(recording, data[: len(data) // 2])
        moment()
        write(recording, data)

    return call


def _make() -> Flask:
    DbSession.commit = _commit  # type: ignore[method-assign, assignment]
    _mark(requests.Session, "send")
    recording_files.write = _halves_first(recording_files.write)  # type: ignore[assignment]
    _mark(recording_files, "write")
    _mark(recording_files, "remove")
    made = create_app()
    genuine = made.wsgi_app

    def serve(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        _request.left = int(environ.get("HTTP_X_DIE_AT", 0))
        try:
            return genuine(environ, start_response)
        finally:
            _request.left = 0

    made.wsgi_app = serve  # type: ignore[method-assign]
    return made


app = _make()
