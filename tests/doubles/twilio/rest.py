"""The REST API of Twilio Video, version 1, as far as a visit needs it: rooms and who is in them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, Protocol

from aiohttp import BasicAuth, web

from doubles.twilio.faults import Faults, Handler, Request, error
from doubles.twilio.model import Json, Room, written
from doubles.twilio.world import RECORD_ALL, RECORD_NOTHING, World

REGIONS = {"gll", "au1", "br1", "de1", "ie1", "in1", "jp1", "sg1", "us1", "us2"}


class Shown(Protocol):
    """Whatever the API shows."""

    def as_json(self, base: str) -> Json:
        """As the API shows it; `base` begins its addresses."""


class Mistake(Exception):
    """The request is answered with an error."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(status, code, message)
        self.answer = (status, code, message)


def not_found() -> NoReturn:
    """There is no such thing."""
    raise Mistake(404, 20404, "The requested resource was not found")


def base_of(request: web.Request) -> str:
    """How addresses begin for whoever asked."""
    return str(request.url.origin())


def page_of(request: web.Request, key: str, things: Sequence[Shown]) -> web.Response:
    """One page of a list."""
    size, page = int(request.query.get("PageSize", 50)), int(request.query.get("Page", 0))

    def address(number: int) -> str:
        return str(request.url.update_query(Page=number, PageSize=size))

    base = base_of(request)
    meta = {
        "page": page,
        "page_size": size,
        "key": key,
        "url": str(request.url),
        "first_page_url": address(0),
        "previous_page_url": address(page - 1) if page else None,
        "next_page_url": address(page + 1) if len(things) > (page + 1) * size else None,
    }
    shown = [thing.as_json(base) for thing in things[page * size : (page + 1) * size]]
    return web.json_response({"meta": meta, key: shown})


class Rest:
    """Rooms, participants and recording rules; the way in for all requests, with their record."""

    def __init__(self, world: World, accounts: dict[str, str]) -> None:
        self.requests: list[Request] = []
        self.faults = Faults()
        self._world = world
        self._accounts = accounts

    def routes(self) -> list[web.RouteDef]:
        """What can be asked."""
        one = "/v1/Rooms/{room}"
        routes = [
            web.get("/2010-04-01/Accounts/{sid}.json", self.account),
            web.get("/v1/Rooms", self.list_rooms),
            web.post("/v1/Rooms", self.create_room),
            web.get(one, self.fetch_room),
            web.post(one, self.update_room),
            web.get(f"{one}/Participants", self.list_participants),
            web.get(one + "/Participants/{participant}", self.fetch_participant),
            web.post(one + "/Participants/{participant}", self.update_participant),
            web.get(f"{one}/RecordingRules", self.rules),
            web.post(f"{one}/RecordingRules", self.rules),
        ]
        return [web.route(r.method, r.path, self.guarded(r.handler)) for r in routes]

    def guarded(self, handler: Callable[..., Any]) -> Handler:
        """With the record, the faults, the credentials and the errors around it."""

        async def checked(request: web.Request) -> web.StreamResponse:
            if not self._known(request.headers.get("Authorization", "")):
                return error(401, 20003, "Authenticate")
            try:
                answer: web.StreamResponse = await handler(request)
                return answer
            except Mistake as mistake:
                return error(*mistake.answer)

        async def guarded(request: web.Request) -> web.StreamResponse:
            form = await request.post()
            given = [(name, str(value)) for name, value in (*form.items(), *request.query.items())]
            headers = {k: v for k, v in request.headers.items() if k != "Authorization"}
            self.requests.append(Request(request.method, request.path, given, headers))
            return await self.faults.around(request, checked)

        return guarded

    def _known(self, authorization: str) -> bool:
        try:
            user = BasicAuth.decode(authorization)
        except ValueError:
            return False
        return self._accounts.get(user.login) == user.password

    async def nothing(self, request: web.Request) -> NoReturn:
        """Whatever else is asked for."""
        not_found()

    def room(self, request: web.Request) -> Room:
        """The room that the address names."""
        return self._world.room(request.match_info["room"]) or not_found()

    async def account(self, request: web.Request) -> web.Response:
        """The account itself: the usual check of credentials."""
        sid = request.match_info["sid"]
        if sid != self._world.account_sid:
            not_found()
        return web.json_response({"sid": sid, "status": "active", "type": "Full", "friendly_name": "Double"})

    async def list_rooms(self, request: web.Request) -> web.Response:
        """Rooms, latest first; in progress unless another status is asked for."""
        status, name = request.query.get("Status", "in-progress"), request.query.get("UniqueName")
        rooms = [r for r in reversed(self._world.rooms) if r.status == status and name in (None, r.name)]
        return page_of(request, "rooms", rooms)

    async def create_room(self, request: web.Request) -> web.Response:
        """A new room, if what is asked for is sound and the name free."""
        form = {name: str(value) for name, value in (await request.post()).items()}
        room = _room(self._world.account_sid, form)
        if room.name and self._world.room(room.name):
            raise Mistake(400, 53113, "Room exists")
        return web.json_response(self._world.open_room(room).as_json(base_of(request)), status=201)

    async def fetch_room(self, request: web.Request) -> web.Response:
        """One room."""
        return web.json_response(self.room(request).as_json(base_of(request)))

    async def update_room(self, request: web.Request) -> web.Response:
        """Complete a room. Doing so twice is refused: a guess."""
        room = self.room(request)
        if (await request.post()).get("Status") != "completed" or room.status != "in-progress":
            raise Mistake(400, 53112, "Status is invalid")
        self._world.end_room(room)
        return web.json_response(room.as_json(base_of(request)), status=202)

    async def list_participants(self, request: web.Request) -> web.Response:
        """Who is or was in the room."""
        room = self.room(request)
        status, identity = request.query.get("Status"), request.query.get("Identity")
        found = [
            p for p in room.participants if status in (None, p.status) and identity in (None, p.identity)
        ]
        return page_of(request, "participants", found)

    async def fetch_participant(self, request: web.Request) -> web.Response:
        """One participant by SID or, while in the room, by identity."""
        return await self._participant(request)

    async def update_participant(self, request: web.Request) -> web.Response:
        """Put somebody out. What their browser is told is a guess: disconnected, without an error."""
        return await self._participant(request, remove=True)

    async def _participant(self, request: web.Request, remove: bool = False) -> web.Response:
        room, key = self.room(request), request.match_info["participant"]
        by_identity = (p for p in room.inside if p.identity == key)
        by_sid = (p for p in room.participants if p.sid == key)
        participant = next(by_identity, None) or next(by_sid, None) or not_found()
        if remove:
            if (await request.post()).get("Status") != "disconnected":
                raise Mistake(400, 20001, "Status is invalid")
            self._world.leave(participant, {"type": "disconnected"})
        return web.json_response(participant.as_json(base_of(request)), status=202 if remove else 200)

    async def rules(self, request: web.Request) -> web.Response:
        """The rules of recording, or new ones."""
        room = self.room(request)
        if request.method == "POST":
            if room.status != "in-progress":
                raise Mistake(400, 53112, "Status is invalid")
            self._world.set_rules(room, _rules(str((await request.post()).get("Rules", ""))))
        moments = {"date_created": written(room.created), "date_updated": written(room.rules_changed)}
        return web.json_response({"room_sid": room.sid, "rules": room.rules, **moments})


def _room(account_sid: str, form: dict[str, str]) -> Room:
    """A room as asked for; raises Mistake."""

    def number(name: str, default: int, low: int, high: int, code: int) -> int:
        text = form.get(name, str(default))
        if not re.fullmatch(r"\d{1,6}", text) or not low <= int(text) <= high:
            raise Mistake(400, code, f"{name} is out of range")
        return int(text)

    def must(fits: bool, code: int, message: str) -> None:
        if not fits:
            raise Mistake(400, code, message)

    name, callback = form.get("UniqueName", ""), form.get("StatusCallback", "")
    must(len(name) <= 128, 53101, "Room name is too long")
    must(name.isprintable() and "/" not in name, 53102, "Room name contains invalid characters")
    must(form.get("Type", "group") == "group", 53108, "RoomType is not valid")
    must(form.get("StatusCallbackMethod", "POST") == "POST", 53110, "StatusCallbackMethod is invalid")
    must(
        not callback or re.match(r"https?://[^/\s]+", callback) is not None,
        53111,
        "StatusCallback is invalid",
    )
    must(form.get("MediaRegion", "us1") in REGIONS, 53115, "MediaRegion is invalid")
    record = form.get("RecordParticipantsOnConnect", "").lower() == "true"
    rules = form.get("RecordingRules")
    return Room(
        account_sid,
        name,
        _rules(rules) if rules else RECORD_ALL if record else RECORD_NOTHING,
        callback,
        number("MaxParticipants", 50, 1, 50, 53107),
        # The lowest value and the code are guesses.
        number("MaxParticipantDuration", 14400, 600, 86400, 53121),
        number("EmptyRoomTimeout", 5, 1, 60, 53109),
        number("UnusedRoomTimeout", 5, 1, 60, 53109),
        form.get("MediaRegion", "us1"),
        record,
    )


def _rules(text: str) -> list[Json]:
    """Rules of recording as they were written; raises Mistake, whose code is a guess."""
    try:
        rules: list[Json] = json.loads(text)
        sound = all(
            rule["type"] in ("include", "exclude") and set(rule) & {"all", "kind", "publisher", "track"}
            for rule in rules
        )
    except (ValueError, TypeError, KeyError):
        sound = False
    if not sound:
        raise Mistake(400, 53120, "Recording rules are invalid")
    return rules
