"""Bad days of the REST API, and a record of all that it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from fnmatch import fnmatch
from typing import NamedTuple

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Request(NamedTuple):
    """One request as it came in; `parameters` are those of the form and of the query, in their order."""

    method: str
    path: str
    parameters: list[tuple[str, str]]
    headers: dict[str, str]


@dataclass(eq=False)
class Fault:
    """What happens to requests that fit `on`, at most `times` times; `met` counts them."""

    kind: str
    on: str = "*"
    times: int | None = None
    seconds: float = 0
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    met: int = 0


class Faults:
    """Makes the REST API fail. `on` is a pattern over "METHOD /path", as in `"POST /v1/Rooms"` or
    `"* /v1/Rooms/*"`; of several that fit, the one asked for first is met. Without `times`, a fault lasts
    until `clear`.
    """

    def __init__(self) -> None:
        self._active: list[Fault] = []

    def refuse(self, on: str = "*", times: int | None = None) -> Fault:
        """The connection is reset and nothing takes effect."""
        return self._add(Fault("refuse", on, times))

    def hang(self, on: str = "*", times: int | None = None) -> Fault:
        """No answer, ever, and nothing takes effect."""
        return self._add(Fault("hang", on, times))

    def slow(self, seconds: float, on: str = "*", times: int | None = None) -> Fault:
        """The right answer, late."""
        return self._add(Fault("slow", on, times, seconds=seconds))

    def fail(
        self, status: int, on: str = "*", times: int | None = None, retry_after: int | None = None
    ) -> Fault:
        """An error of this status (500, 503, 429, 401 …), and nothing takes effect."""
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        return self._add(Fault("fail", on, times, status=status, headers=headers))

    def cut(self, on: str = "*", times: int | None = None) -> Fault:
        """The request takes effect, but the connection is reset instead of an answer."""
        return self._add(Fault("cut", on, times))

    def clear(self) -> None:
        """All is well again; what hangs is dropped."""
        self._active = []

    async def around(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer as the handler or as a fault has it."""
        fault = self._next(f"{request.method} {request.path}")
        if fault is None:
            return await handler(request)
        if fault.kind == "fail":
            return error(fault.status, CODES.get(fault.status, fault.status), "As asked for", fault.headers)
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
            return await handler(request)
        if fault.kind == "hang":
            while fault in self._active and request.transport is not None:
                await asyncio.sleep(0.02)
        if fault.kind == "cut":
            await handler(request)
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)

    def _add(self, fault: Fault) -> Fault:
        self._active.append(fault)
        return fault

    def _next(self, asked: str) -> Fault | None:
        for fault in self._active:
            if fnmatch(asked, fault.on) and (fault.times is None or fault.met < fault.times):
                fault.met += 1
                return fault
        return None


CODES = {401: 20003, 404: 20404, 429: 20429, 500: 20500, 503: 20503}


def error(status: int, code: int, message: str, headers: dict[str, str] | None = None) -> web.Response:
    """An error as the REST API words it."""
    body = {
        "code": code,
        "message": message,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return web.json_response(body, status=status, headers=headers)
