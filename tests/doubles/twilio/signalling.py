"""What the browser's SDK speaks: RSP (rooms) inside TCMP (frames), over a WebSocket.

Written down from the SDK's sources; the server's messages are those that the SDK accepts.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from aiohttp import WSMsgType, web

from doubles.twilio import mesh
from doubles.twilio.model import Json, Participant, Room
from doubles.twilio.sockets import Frame, Socket
from doubles.twilio.tokens import Grant, Refused, check, payload_of
from doubles.twilio.world import World

HEARTBEAT = 5000
"""Milliseconds; three times that in silence, and the socket counts as lost."""


class Signalling:
    """Lets browsers into rooms and tells them what changes there."""

    def __init__(self, world: World, keys: dict[str, str]) -> None:
        self.frames: list[Frame] = []
        self.tokens: list[Json] = []
        self.sockets: set[Socket] = set()
        self._world = world
        self._keys = keys
        world.listener = self

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One socket from its opening to its end."""
        if self._world.switches.outage:
            raise web.HTTPServiceUnavailable
        ws = web.WebSocketResponse(receive_timeout=3 * HEARTBEAT / 1000)
        await ws.prepare(request)
        socket = Socket(ws, request, self.frames)
        socket.heard({"type": "opened", "headers": dict(request.headers), "url": str(request.rel_url)})
        self.sockets.add(socket)
        try:
            async for frame in ws:
                if frame.type is WSMsgType.TEXT:
                    self._frame(socket, json.loads(frame.data))
        except TimeoutError:
            socket.cut()
        finally:
            self.sockets.discard(socket)
            self._lost(socket)
            await socket.close()
        return ws

    async def insights(self, request: web.Request) -> web.StreamResponse:
        """The SDK's second socket: listened to, no more."""
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        async for frame in ws:
            message = json.loads(frame.data)
            self.frames.append(Frame("", "insights", message))
            if message["type"] == "connect":
                await ws.send_json({"type": "connected", "session": "insights", "version": 1})
        return ws

    def cut(self, identity: str | None = None) -> None:
        """Cut the sockets of this identity or of all."""
        for socket in list(self.sockets):
            if identity in (None, socket.identity):
                socket.cut()

    # What browsers say

    def _frame(self, socket: Socket, frame: Json) -> None:
        socket.heard(frame)
        if frame["type"] == "hello":
            socket.send({"type": "welcome", "negotiatedTimeout": HEARTBEAT})
        elif frame["type"] == "heartbeat":
            socket.send({"type": "heartbeat"})
        body = frame.get("body")
        if body:
            try:
                self._hear(socket, body)
            except Refused as refused:
                socket.say({"type": "error", "code": refused.code, "message": refused.message})

    def _hear(self, socket: Socket, body: Json) -> None:
        participant = socket.participant
        if body["type"] == "ice":
            self._grant(body["token"])
            servers = self._world.switches.ice_servers
            socket.say({"type": "iced", "version": 1, "ice_servers": servers})
        elif body["type"] == "connect":
            self._connect(socket, body)
        elif body["type"] == "sync":
            self._sync(socket, body)
        elif participant is not None and body["type"] == "update":
            self._update(participant, body)
        elif participant is not None and body["type"] == "disconnect":
            socket.participant = participant.socket = None
            self._world.leave(participant)

    def _grant(self, token: str) -> Grant:
        self.tokens.append(payload_of(token))
        return check(token, self._world.account_sid, self._keys)

    def _connect(self, socket: Socket, body: Json) -> None:
        grant = self._grant(body["token"])
        name = body.get("name") or grant.room
        if not name:
            raise Refused(53100, "Room name is invalid")
        participant = self._world.join(name, grant.identity, grant.room)
        self._seat(participant, socket)
        self._world.set_tracks(participant, body["participant"])
        meant_for_the_media_server = [
            mesh.closed(given["id"], given["description"]["revision"] + 1)
            for given in body["peer_connections"]
        ]
        room = participant.room
        room.revision += 1
        socket.say(
            {
                **self._state(participant),
                "type": "connected",
                "sid": room.sid,
                "name": room.name,
                "session": participant.session,
                "peer_connections": [
                    *meant_for_the_media_server,
                    *(mesh.asked_to_offer(link) for link in _links(participant)),
                ],
                "media_signaling": {},
                "options": {
                    "session_timeout": self._world.switches.session_timeout,
                    "signaling_region": room.media_region,
                    "media_region": room.media_region,
                    "audio_processors": [],
                },
            }
        )
        self.changed(room, but=participant)

    def _sync(self, socket: Socket, body: Json) -> None:
        if self._world.switches.refuse_tokens_at_sync:
            raise Refused(20104, "Access Token expired or expiration date invalid")
        self._grant(body["token"])
        participant = self._world.come_back(body["session"])
        self._seat(participant, socket)
        self._update(participant, body)
        participant.room.revision += 1
        links = [link.state_for(participant) for link in _links(participant)]
        socket.say({**self._state(participant), "type": "synced", "peer_connections": links})

    def _update(self, participant: Participant, body: Json) -> None:
        room = participant.room
        if self._world.set_tracks(participant, body["participant"]):
            self.changed(room)
        for state in body.get("peer_connections", []):
            link = room.links.get(state["id"])
            news = link.hear(participant, state) if link else None
            other = link.other(participant).socket if link else None
            if news and other:
                other.say({"type": "update", "peer_connections": [news]})

    def _seat(self, participant: Participant, socket: Socket) -> None:
        if participant.socket is not None:
            participant.socket.participant = None
        participant.socket, socket.participant = socket, participant
        socket.identity = participant.identity

    def _lost(self, socket: Socket) -> None:
        participant = socket.participant
        if participant is not None:
            socket.participant = participant.socket = None
            self._world.lose(participant)

    # What browsers are told

    def changed(self, room: Room, gone: Sequence[Participant] = (), but: Participant | None = None) -> None:
        """Tell everybody in the room, except one, how it is now."""
        room.revision += 1
        closed = []
        for link in [link for link in room.links.values() if set(link.ends) & set(gone)]:
            closed.append(link)
            del room.links[link.id]
        for participant in room.inside:
            if participant.socket is None or participant is but:
                continue
            update = {**self._state(participant, gone), "type": "update"}
            del update["participant"]
            mine = [mesh.closed(link.id) for link in closed if participant in link.ends]
            participant.socket.say({**update, **({"peer_connections": mine} if mine else {})})

    def put_out(self, participant: Participant, message: Json) -> None:
        """The last message to somebody."""
        socket = participant.socket
        if socket is not None:
            socket.say(message)
            socket.participant = participant.socket = None

    def _state(self, participant: Participant, gone: Sequence[Participant] = ()) -> Json:
        room = participant.room
        others = [other for other in room.inside if other is not participant]
        subscribed = [{"id": t.id, "sid": t.sid} for other in others for t in other.tracks.values()]
        published = [{"id": t.id, "sid": t.sid, "state": "ready"} for t in participant.tracks.values()]
        recording = any(room.recording)
        return {
            "participant": {"sid": participant.sid, "identity": participant.identity},
            "participants": [_shown(other) for other in (*others, *gone)],
            "published": {"revision": room.revision, "tracks": published},
            "subscribed": {"revision": room.revision, "tracks": subscribed},
            "recording": {"revision": room.revision, "enabled": recording, "is_recording": recording},
        }


def _shown(participant: Participant) -> Json:
    return {
        "sid": participant.sid,
        "identity": participant.identity,
        "state": participant.status,
        "revision": participant.revision,
        "tracks": [
            {"sid": t.sid, "name": t.name, "kind": t.kind, "enabled": t.enabled, "priority": t.priority}
            for t in participant.tracks.values()
        ],
    }


def _links(participant: Participant) -> list[mesh.Link]:
    return [link for link in participant.room.links.values() if participant in link.ends]
