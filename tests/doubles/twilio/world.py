"""What happens in rooms: people come and go, tracks, recordings, compositions, and rooms that die.

Every change here tells those in the room (`listener`) and the application (`call_back`). Runs in the
event loop of the double only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from doubles.twilio import events
from doubles.twilio.mesh import Link
from doubles.twilio.model import Composition, Json, Participant, Recording, Room, Track, now
from doubles.twilio.switches import Switches
from doubles.twilio.tokens import Refused

RECORD_ALL = [{"type": "include", "all": True}]
RECORD_NOTHING = [{"type": "exclude", "all": True}]


class Listener(Protocol):
    """Who passes on to the browsers what changes in a room."""

    def changed(self, room: Room, gone: Sequence[Participant] = ()) -> None:
        """Something in the room is other than before; these have just left."""

    def put_out(self, participant: Participant, message: Json) -> None:
        """This one is no longer in the room and is told so with this message."""


class World:
    """All rooms and compositions of the account."""

    def __init__(
        self, account_sid: str, switches: Switches, call_back: Callable[[str, dict[str, str]], None]
    ) -> None:
        self.account_sid = account_sid
        self.switches = switches
        self.rooms: list[Room] = []
        self.compositions: list[Composition] = []
        self.listener: Listener | None = None
        self._call_back = call_back
        self._timers: dict[tuple[object, str], asyncio.TimerHandle] = {}

    # Rooms

    def room(self, sid_or_name: str) -> Room | None:
        """A room by SID, or one in progress by name."""
        for room in reversed(self.rooms):
            if room.sid == sid_or_name or (room.name == sid_or_name and room.status == "in-progress"):
                return room
        return None

    def open_room(self, room: Room) -> Room:
        """A new room, which dies if nobody comes."""
        room.name = room.name or room.sid
        self.rooms.append(room)
        self._tell(room, "room-created")
        if room.unused_timeout:
            self._die_later(room, room.unused_timeout)
        return room

    def end_room(self, room: Room) -> None:
        """Complete a room, once: everybody is put out, recordings are finished."""
        if room.status != "in-progress":
            return
        self._cancel(room, "death")
        room.status, room.end = "completed", now()
        for participant in room.inside:
            self.leave(participant, {"type": "disconnected", "status": "completed"})
        self._tell(room, "room-ended")
        self._record(room)

    def _die_later(self, room: Room, minutes: int) -> None:
        self._later(minutes * self.switches.minute, (room, "death"), lambda: self.end_room(room))

    # People

    def join(self, name: str, identity: str, scope: str | None) -> Participant:
        """Let somebody into a room; raises Refused."""
        room = self.room(name)
        if room is None and self.switches.client_side_rooms:
            room = self.open_room(
                Room(self.account_sid, name, RECORD_NOTHING, empty_timeout=0, unused_timeout=0)
            )
        if scope is not None and scope not in (name, *((room.sid, room.name) if room else ())):
            raise Refused(20106, "Invalid Access Token grants")
        if room is None:
            raise Refused(53103, "Unable to create Room")
        if room.status != "in-progress":
            raise Refused(53118, "Room completed")
        for old in [p for p in room.inside if p.identity == identity]:
            message = "Participant disconnected because of duplicate identity"
            self.leave(old, {"type": "error", "code": 53205, "message": message})
        if len(room.inside) >= room.max_participants:
            raise Refused(53105, "Room contains too many Participants")
        participant = Participant(room, identity)
        for other in room.inside:
            link = Link((other, participant))
            room.links[link.id] = link
        room.participants.append(participant)
        self._cancel(room, "death")
        self._tell(room, "participant-connected", participant=participant)
        too_long = {"type": "error", "code": 53216, "message": "Participant session length exceeded"}
        self._later(
            room.max_participant_duration * self.switches.minute / 60,
            (participant, "end"),
            lambda: self.leave(participant, too_long),
        )
        return participant

    def leave(self, participant: Participant, message: Json | None = None) -> None:
        """Somebody is out: by themselves, or put out with a message to the browser."""
        if participant.status == "disconnected":
            return
        room = participant.room
        self._cancel(participant, "end")
        self._cancel(participant, "silence")
        participant.status, participant.end = "disconnected", now()
        participant.revision += 1
        tracks, participant.tracks = list(participant.tracks.values()), {}
        for track in tracks:
            self._tell(room, "track-removed", participant=participant, track=track)
        self._tell(room, "participant-disconnected", participant=participant)
        if room.status == "in-progress":
            self._record(room)
        if self.listener:
            if message:
                self.listener.put_out(participant, message)
            self.listener.changed(room, gone=[participant])
        if not room.inside and room.status == "in-progress":
            self._die_later(room, room.empty_timeout)

    def lose(self, participant: Participant) -> None:
        """The socket of somebody is gone; they have some time to come back."""
        if participant.status != "connected":
            return
        self._set_status(participant, "reconnecting")
        key = (participant, "silence")
        self._later(self.switches.session_timeout, key, lambda: self.leave(participant))

    def come_back(self, session: str) -> Participant:
        """Somebody returns with a new socket; raises Refused."""
        known = [p for room in self.rooms for p in room.participants if p.session == session]
        for participant in known:
            if participant.room.status != "in-progress":
                raise Refused(53118, "Room completed")
            if participant.status != "disconnected":
                self._cancel(participant, "silence")
                self._set_status(participant, "connected")
                return participant
        raise Refused(53204, "Participant not found")

    def set_tracks(self, participant: Participant, told: Json) -> bool:
        """Take over what a browser says of its tracks; returns whether anything changed."""
        if told["revision"] <= participant.told or participant.status == "disconnected":
            return False
        participant.told = told["revision"]
        before, room = participant.tracks, participant.room
        after = {said["id"]: _track(before.get(said["id"]), said) for said in told["tracks"]}
        participant.tracks = after
        changed = [
            *(("track-removed", track) for key, track in before.items() if key not in after),
            *(("track-added", track) for key, track in after.items() if key not in before),
            *(
                ("track-enabled" if track.enabled else "track-disabled", track)
                for key, track in after.items()
                if key in before and before[key].enabled != track.enabled
            ),
        ]
        for event, track in changed:
            self._tell(room, event, participant=participant, track=track)
        self._record(room)
        participant.revision += 1
        return before != after

    def _set_status(self, participant: Participant, status: str) -> None:
        if participant.status != status:
            participant.status = status
            participant.revision += 1
            if self.listener:
                self.listener.changed(participant.room)

    # Recordings and compositions

    def set_rules(self, room: Room, rules: list[Json]) -> None:
        """Other rules of recording, from now on."""
        room.rules, room.rules_changed = rules, now()
        self._record(room)
        if self.listener:
            self.listener.changed(room)

    def _record(self, room: Room) -> None:
        """Begin and finish recordings as the rules and the tracks say."""
        due = [
            (participant, track)
            for participant in room.inside
            for track in participant.tracks.values()
            if room.status == "in-progress" and _recorded(room.rules, participant, track)
        ]
        wanted = {track.sid for _, track in due}
        for recording in list(room.recording):
            if recording.track.sid not in wanted:
                recording.status = "failed" if self.switches.recordings_fail else "completed"
                recording.end = now()
                self._tell(room, f"recording-{recording.status}", recording=recording)
        running = {recording.track.sid for recording in room.recording}
        for participant, track in due:
            if track.sid not in running:
                recording = Recording(participant, track)
                room.recordings.append(recording)
                self._tell(room, "recording-started", recording=recording)

    def compose(self, composition: Composition) -> None:
        """Make one file, in time: enqueued, processing, completed or failed."""
        self.compositions.append(composition)
        step = self.switches.composing / 2
        self._later(step, (composition, "step"), lambda: self._composing(composition, step))

    def _composing(self, composition: Composition, step: float) -> None:
        composition.status = "processing"
        self._tell_composition(composition, "composition-started")
        self._tell_composition(composition, "composition-progress")
        self._later(step, (composition, "step"), lambda: self._composed(composition))

    def _composed(self, composition: Composition) -> None:
        usable = [r for r in composition.room.recordings if r.status == "completed"]
        if self.switches.compositions_fail or not usable:
            composition.status = "failed"
            self._tell_composition(composition, "composition-failed")
        else:
            composition.status, composition.completed = "completed", now()
            self._tell_composition(composition, "composition-available")

    def delete(self, thing: Recording | Composition) -> None:
        """The media is gone; the row stays, marked."""
        thing.status = "deleted"
        if isinstance(thing, Composition):
            thing.deleted = now()
            self._cancel(thing, "step")

    # Callbacks and timers

    def _tell(self, room: Room, event: str, **about: Any) -> None:
        if room.status_callback:
            self._call_back(room.status_callback, events.of_room(event, room, **about))

    def _tell_composition(self, composition: Composition, event: str) -> None:
        url = composition.given.get("StatusCallback")
        if url:
            self._call_back(url, events.of_composition(event, composition))

    def stop(self) -> None:
        """Nothing happens by itself any more."""
        for timer in self._timers.values():
            timer.cancel()

    def _later(self, seconds: float, key: tuple[object, str], what: Callable[[], None]) -> None:
        self._cancel(*key)

        def due() -> None:
            self._timers.pop(key, None)
            what()

        self._timers[key] = asyncio.get_running_loop().call_later(seconds, due)

    def _cancel(self, whose: object, what: str) -> None:
        timer = self._timers.pop((whose, what), None)
        if timer:
            timer.cancel()


def _track(before: Track | None, said: Json) -> Track:
    sid = {"sid": before.sid} if before else {}
    priority = said.get("priority") or "standard"
    return Track(said["id"], said["name"], said["kind"], said["enabled"], priority, **sid)


def _recorded(rules: list[Json], participant: Participant, track: Track) -> bool:
    """The last rule that fits decides."""
    recorded = False
    for rule in rules:
        fits = (
            rule.get("kind") in (None, track.kind)
            and rule.get("publisher") in (None, participant.identity, participant.sid)
            and rule.get("track") in (None, track.name, track.sid)
        )
        if fits:
            recorded = rule["type"] == "include"
    return recorded and track.kind != "data"
