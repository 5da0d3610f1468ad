"""text/event-stream for one browser: names of what changed, never content."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from flask import Response, current_app

from telehealth.extensions import db
from telehealth.live.hub import hub

BEAT = 15.0
"""Seconds after which a comment is sent, so that proxies and we notice a line that is dead."""
LONGEST = 300.0
"""Seconds after which a stream ends; the browser opens the next one by itself."""


@dataclass(frozen=True)
class Event:
    """One event of a stream; `number` is where it goes on after a break."""

    name: str
    data: Any = None
    number: int | None = None


def respond(topics: Iterable[str], news: Callable[[set[str]], Iterable[Event]]) -> Response:
    """A stream that asks `news` for events at its start (no topics) and whenever a topic changed.

    `news` runs in an app context of its own. It ends the stream by raising StopIteration-like
    `Over`.
    """
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    the_hub = hub()
    db.session.remove()

    def generate() -> Iterator[str]:
        end = time.monotonic() + LONGEST
        with the_hub.subscribe(topics) as subscription:
            heard: set[str] = set()
            first = True
            while not the_hub.closing and time.monotonic() < end:
                text, over = "", False
                if heard or first:
                    with app.app_context():
                        try:
                            text = "".join(_write(event) for event in news(heard))
                        except Over as last:
                            text, over = "".join(_write(event) for event in last.events), True
                yield text or ": beat\n\n"
                if over:
                    return
                first = False
                heard = subscription.wait(min(BEAT, max(0.0, end - time.monotonic())))

    response = Response(generate(), mimetype="text/event-stream")
    response.headers["X-Accel-Buffering"] = "no"
    response.headers["Cache-Control"] = "no-store"
    return response


class Over(Exception):
    """Raised by `news`: send these events and end the stream."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        super().__init__()
        self.events = list(events)


def _write(event: Event) -> str:
    number = f"id: {event.number}\n" if event.number is not None else ""
    return f"{number}event: {event.name}\ndata: {json.dumps(event.data or {})}\n\n"
