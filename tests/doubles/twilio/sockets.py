"""One browser's signalling socket: TCMP frames out in order, and a trace of all of them."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import NamedTuple

from aiohttp import web

from doubles.twilio.model import Json, Participant


class Frame(NamedTuple):
    """One frame as it was seen; `sender` is `browser`, `twilio` or `insights`."""

    identity: str
    sender: str
    message: Json


class Socket:
    """Writes to one WebSocket; whoever closed it meanwhile is not written to."""

    def __init__(self, ws: web.WebSocketResponse, request: web.Request, trace: list[Frame]) -> None:
        self.participant: Participant | None = None
        self.identity = ""
        self._ws = ws
        self._request = request
        self._trace = trace
        self._queue: asyncio.Queue[Json] = asyncio.Queue()
        self._writer = asyncio.create_task(self._write())

    def heard(self, message: Json) -> None:
        """Note a frame of the browser."""
        self._trace.append(Frame(self.identity, "browser", message))

    def send(self, message: Json) -> None:
        """A frame of TCMP."""
        self._trace.append(Frame(self.identity, "twilio", message))
        self._queue.put_nowait(message)

    def say(self, body: Json) -> None:
        """A message of RSP."""
        self.send({"type": "msg", "body": {"version": 2, **body}})

    def cut(self) -> None:
        """End the connection without a word."""
        if self._request.transport is not None:
            self._request.transport.abort()

    async def close(self) -> None:
        """Stop writing."""
        self._writer.cancel()
        with suppress(asyncio.CancelledError):
            await self._writer

    async def _write(self) -> None:
        with suppress(ConnectionError):
            while True:
                message = await self._queue.get()
                await self._ws.send_str(json.dumps(message))
