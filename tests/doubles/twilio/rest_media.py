"""The REST API of Twilio Video: recordings, compositions and their files."""

from __future__ import annotations

import json
import secrets
import time
from pathlib import Path

from aiohttp import web

from doubles.twilio.model import Composition, Json, Recording
from doubles.twilio.rest import Mistake, Rest, base_of, not_found, page_of
from doubles.twilio.world import World

FILES = Path(__file__).parent / "files"


class RestMedia:
    """What was recorded. Files are reached by an address that soon expires, as at Twilio; that its host
    is of twilio.com is ours, so that the one proxy leads there."""

    def __init__(self, world: World, rest: Rest) -> None:
        self.fetched: list[str] = []
        self._world = world
        self._rest = rest
        self._lent: dict[str, tuple[Path, float]] = {}

    def routes(self) -> list[web.RouteDef]:
        """What can be asked."""
        routes = [
            web.get("/v1/Rooms/{room}/Recordings", self.list_recordings),
            web.get("/v1/Rooms/{room}/Recordings/{recording}", self.recording),
            web.delete("/v1/Rooms/{room}/Recordings/{recording}", self.recording),
            web.get("/v1/Recordings/{recording}", self.recording),
            web.delete("/v1/Recordings/{recording}", self.recording),
            web.get("/v1/Recordings/{recording}/Media", self.recording_media),
            web.get("/v1/Compositions", self.list_compositions),
            web.post("/v1/Compositions", self.create_composition),
            web.get("/v1/Compositions/{composition}", self.composition),
            web.delete("/v1/Compositions/{composition}", self.composition),
            web.get("/v1/Compositions/{composition}/Media", self.composition_media),
        ]
        guarded = [web.route(r.method, r.path, self._rest.guarded(r.handler)) for r in routes]
        return [*guarded, web.get("/media/{key}", self.file)]

    async def list_recordings(self, request: web.Request) -> web.Response:
        """The recordings of a room, without deleted ones."""
        room, status = self._rest.room(request), request.query.get("Status")
        found = [r for r in room.recordings if r.status == status or (not status and r.status != "deleted")]
        return page_of(request, "recordings", found)

    async def recording(self, request: web.Request) -> web.Response:
        """One recording, or its end."""
        return self._shown_or_deleted(request, self._recording(request))

    async def recording_media(self, request: web.Request) -> web.Response:
        """The way to the file of one track."""
        return self._lend(request, self._recording(request), "webm")

    async def list_compositions(self, request: web.Request) -> web.Response:
        """Compositions, latest first, without deleted ones."""
        room, status = request.query.get("RoomSid"), request.query.get("Status")
        found = [
            c
            for c in reversed(self._world.compositions)
            if room in (None, c.room.sid) and (c.status == status or (not status and c.status != "deleted"))
        ]
        return page_of(request, "compositions", found)

    async def create_composition(self, request: web.Request) -> web.Response:
        """Ask for one file of a room. That the room must be over, and the code, are guesses."""
        form = await request.post()
        layout = json.loads(str(form.get("VideoLayout", "{}")))
        given: Json = {**form, "AudioSources": form.getall("AudioSources", []), "VideoLayout": layout}
        room = self._world.room(str(form.get("RoomSid", "")))
        if room is None or room.status == "in-progress":
            raise Mistake(400, 20001, "RoomSid is not of a room that is over")
        if not given["AudioSources"] and not given["VideoLayout"]:
            raise Mistake(400, 20001, "AudioSources or VideoLayout is needed")
        if given.get("Format", "webm") not in ("mp4", "webm"):
            raise Mistake(400, 20001, "Format is invalid")
        composition = Composition(room, given)
        composition.size = _file(composition.format).stat().st_size
        self._world.compose(composition)
        return web.json_response(composition.as_json(base_of(request)), status=201)

    async def composition(self, request: web.Request) -> web.Response:
        """One composition, or its end."""
        return self._shown_or_deleted(request, self._composition(request))

    async def composition_media(self, request: web.Request) -> web.Response:
        """The way to the file."""
        composition = self._composition(request)
        return self._lend(request, composition, composition.format)

    async def file(self, request: web.Request) -> web.StreamResponse:
        """The file itself, for whoever has the address while it is good."""
        self.fetched.append(str(request.rel_url))
        return await self._rest.faults.around(request, self._file)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        path, until = self._lent.get(request.match_info["key"], (None, 0.0))
        if path is None or time.monotonic() > until:
            raise web.HTTPForbidden
        return web.FileResponse(path)

    def _recording(self, request: web.Request) -> Recording:
        every = (r for room in self._world.rooms for r in room.recordings)
        return next((r for r in every if r.sid == request.match_info["recording"]), None) or not_found()

    def _composition(self, request: web.Request) -> Composition:
        every = (c for c in self._world.compositions if c.sid == request.match_info["composition"])
        return next(every, None) or not_found()

    def _shown_or_deleted(self, request: web.Request, thing: Recording | Composition) -> web.Response:
        """What was deleted is still shown, as deleted; deleting it again is not found. A guess."""
        if request.method == "GET":
            return web.json_response(thing.as_json(base_of(request)))
        if thing.status == "deleted":
            not_found()
        self._world.delete(thing)
        return web.Response(status=204)

    def _lend(self, request: web.Request, thing: Recording | Composition, kind: str) -> web.Response:
        if thing.status != "completed":
            not_found()
        key = secrets.token_urlsafe(24)
        self._lent[key] = (_file(kind), time.monotonic() + float(request.query.get("Ttl", 3600)))
        secure = request.scheme == "https"
        url = f"{'https://media.twilio.com' if secure else base_of(request)}/media/{key}"
        return web.json_response({"redirect_to": url}, status=302, headers={"Location": url})


def _file(kind: str) -> Path:
    return FILES / f"second.{kind}"
