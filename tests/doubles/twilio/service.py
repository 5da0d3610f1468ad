"""The double as a test has it in hand: started, switched, asked what it saw, ended."""

from __future__ import annotations

import asyncio
import json
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from aiohttp import web

from doubles.twilio import events
from doubles.twilio.callbacks import Callbacks, Delivered, sign
from doubles.twilio.edge import Proxy, tls
from doubles.twilio.faults import Faults, Handler, Request
from doubles.twilio.model import Participant, Room
from doubles.twilio.rest import Rest
from doubles.twilio.rest_media import RestMedia
from doubles.twilio.signalling import Signalling
from doubles.twilio.sockets import Frame
from doubles.twilio.switches import Switches
from doubles.twilio.world import World

T = TypeVar("T")


class Twilio:
    """Twilio Video on this machine, in a thread of its own: `with Twilio() as twilio:`.

    Switches of behaviour are in `switches`, of callbacks in `callbacks`, of the REST API in `faults`.
    Records: `requests`, `frames`, `delivered`, `rooms`, `everything_seen()`.
    """

    def __init__(
        self,
        account_sid: str = "AC" + "a" * 32,
        auth_token: str = "b" * 32,
        api_key: str = "SK" + "c" * 32,
        api_secret: str = "d" * 32,
        **switches: Any,
    ) -> None:
        self.account_sid, self.auth_token = account_sid, auth_token
        self.api_key, self.api_secret = api_key, api_secret
        self.switches = Switches(**switches)
        self.callbacks = Callbacks(auth_token)
        self._world = World(account_sid, self.switches, self.callbacks.put)
        self._signalling = Signalling(self._world, {api_key: api_secret})
        self._rest = Rest(self._world, {account_sid: auth_token, api_key: api_secret})
        self._media = RestMedia(self._world, self._rest)
        self._folder = tempfile.TemporaryDirectory(prefix="twilio-double-")
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="twilio", daemon=True)
        self._fault: BaseException | None = None

    # Reaching it

    @property
    def settings(self) -> dict[str, str]:
        """The settings of the application for this account."""
        return {
            "TWILIO_ACCOUNT_SID": self.account_sid,
            "TWILIO_AUTH_TOKEN": self.auth_token,
            "TWILIO_API_KEY": self.api_key,
            "TWILIO_API_SECRET": self.api_secret,
        }

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs in its environment for `https://video.twilio.com` to be the double."""
        return {
            "HTTPS_PROXY": f"http://127.0.0.1:{self.proxy_port}",
            "NO_PROXY": "127.0.0.1,localhost",
            "REQUESTS_CA_BUNDLE": str(self._bundle),
        }

    @property
    def chromium_arguments(self) -> tuple[str, ...]:
        """Arguments with which Chromium takes the double for Twilio."""
        return (
            f"--host-resolver-rules=MAP *.twilio.com 127.0.0.1:{self.tls_port}",
            "--ignore-certificate-errors",
        )

    @property
    def rest_url(self) -> str:
        """The REST API without TLS, for a client in the test's own process."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def signalling_url(self) -> str:
        """Signalling without TLS: the SDK's `wsServer`."""
        return f"ws://127.0.0.1:{self.port}/signaling"

    # Making things happen

    @property
    def faults(self) -> Faults:
        """Bad days of the REST API."""
        return self._rest.faults

    def kill_room(self, sid_or_name: str) -> None:
        """A room ends by itself, as one does that was empty for too long."""
        self._do(lambda: self._world.end_room(self.room(sid_or_name)))

    def put_out(self, sid_or_name: str, identity: str) -> None:
        """Somebody is removed from a room."""
        participant = next(p for p in self.room(sid_or_name).inside if p.identity == identity)
        self._do(lambda: self._world.leave(participant, {"type": "disconnected"}))

    def cut_sockets(self, identity: str | None = None) -> None:
        """Cut the signalling of this identity or of all; with `switches.outage` nobody comes back."""
        self._do(lambda: self._signalling.cut(identity))

    def sign(self, url: str, parameters: Mapping[str, str] | Iterable[tuple[str, str]]) -> str:
        """The signature that Twilio would give this callback."""
        return sign(self.auth_token, url, parameters)

    def parameters(self, event: str, room: str, identity: str | None = None, **other: str) -> dict[str, str]:
        """A callback about a room, for a test to send as it likes; `other` replaces or adds parameters."""
        found = self.room(room)
        people = [p for p in found.participants if p.identity == identity]
        participant = people[-1] if people else Participant(found, identity) if identity else None
        return {**self._do(lambda: events.of_room(event, found, participant)), **other}

    def call_back(
        self, url: str, *parameters: dict[str, str], signature: str | None = None
    ) -> list[int | None]:
        """Deliver these callbacks now and all at once; returns the statuses of the answers."""

        async def deliver() -> list[int | None]:
            return await asyncio.gather(*(self.callbacks.post(url, p, signature) for p in parameters))

        return asyncio.run_coroutine_threadsafe(deliver(), self._loop).result(60)

    # Looking at what happened

    def room(self, sid_or_name: str) -> Room:
        """A room by SID, or the latest of this name."""
        named = [room for room in self.rooms if sid_or_name in (room.sid, room.name)]
        assert named, f"there is no room {sid_or_name}"
        return named[-1]

    @property
    def rooms(self) -> list[Room]:
        """Every room there was."""
        return list(self._world.rooms)

    @property
    def requests(self) -> list[Request]:
        """Every request to the REST API."""
        return list(self._rest.requests)

    @property
    def frames(self) -> list[Frame]:
        """Every frame of signalling."""
        return list(self._signalling.frames)

    @property
    def delivered(self) -> list[Delivered]:
        """Every callback that went out, with what was answered."""
        return list(self.callbacks.delivered)

    def everything_seen(self) -> str:
        """All that the provider ever saw or said, tokens opened: the place to look for what leaked."""
        seen = {
            "requests": self.requests,
            "frames": self.frames,
            "tokens": self._signalling.tokens,
            "delivered": self.delivered,
            "media": self._media.fetched,
        }
        return json.dumps(seen, ensure_ascii=False)

    # Running

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait(30)
        if self._fault is not None:
            self._folder.cleanup()
            raise self._fault
        return self

    def __exit__(self, kind: type[BaseException] | None, _: object, __: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(30)
        self._folder.cleanup()
        if self._fault is not None and kind is None:
            raise self._fault

    async def _run(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        self._loop.set_exception_handler(lambda _, about: self._note(about.get("exception")))
        try:
            await self._serve()
        except BaseException as fault:  # noqa: BLE001 - raised again in the test's own thread
            self._fault = fault
        finally:
            self._ready.set()

    def _note(self, fault: BaseException | None) -> None:
        """A fault of the double itself ends the test; a connection that broke is daily life."""
        if fault is not None and not isinstance(fault, OSError):
            self._fault = self._fault or fault

    async def _serve(self) -> None:
        @web.middleware
        async def watched(request: web.Request, handler: Handler) -> web.StreamResponse:
            try:
                return await handler(request)
            except web.HTTPException:
                raise
            except Exception as fault:
                self._note(fault)
                raise

        app = web.Application(middlewares=[watched])
        app.router.add_get("/signaling", self._signalling.serve)
        app.router.add_get("/v1/VideoEvents", self._signalling.insights)
        app.add_routes([*self._rest.routes(), *self._media.routes()])
        app.router.add_route("*", "/{rest:.*}", self._rest.guarded(self._rest.nothing))
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        context, self._bundle = tls(Path(self._folder.name))
        plain = web.TCPSite(runner, "127.0.0.1", 0)
        secure = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
        await plain.start()
        await secure.start()
        self.port, self.tls_port = (address[1] for address in runner.addresses)
        proxy = Proxy(self.tls_port)
        self.proxy_port = await proxy.start()
        delivery = asyncio.create_task(self.callbacks.run())
        self._ready.set()
        await self._over.wait()
        self.faults.clear()
        self._world.stop()
        self._signalling.cut()
        delivery.cancel()
        with suppress(asyncio.CancelledError):
            await delivery
        await proxy.stop()
        await runner.cleanup()

    def _do(self, what: Callable[[], T]) -> T:
        async def done() -> T:
            return what()

        return asyncio.run_coroutine_threadsafe(done(), self._loop).result(30)
