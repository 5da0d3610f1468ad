"""What Twilio keeps: rooms, the people in them, their tracks, recordings and compositions.

Plain data, with the words that the REST API has for it; what nobody reads is left out.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from doubles.twilio.mesh import Link
    from doubles.twilio.sockets import Socket

Json = dict[str, Any]


def new_sid(prefix: str) -> str:
    """A fresh identifier as Twilio makes them."""
    return prefix + secrets.token_hex(16)


def now() -> datetime:
    """This moment."""
    return datetime.now(UTC)


def written(moment: datetime | None) -> str | None:
    """A moment as the REST API writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


def seconds(start: datetime, end: datetime | None) -> int:
    """Whole seconds from `start` to `end` or to now."""
    return round(((end or now()) - start).total_seconds())


@dataclass
class Track:
    """Something a participant publishes. `id` is the browser's name for it, `sid` Twilio's."""

    id: str
    name: str
    kind: str
    enabled: bool
    priority: str = "standard"
    sid: str = field(default_factory=lambda: new_sid("MT"))


@dataclass(eq=False)
class Participant:
    """Somebody in a room; who comes again is another participant."""

    room: Room
    identity: str
    status: str = "connected"
    sid: str = field(default_factory=lambda: new_sid("PA"))
    session: str = field(default_factory=lambda: secrets.token_hex(16))
    tracks: dict[str, Track] = field(default_factory=dict)
    revision: int = 1  # of what the others are told
    told: int = 0  # the revision of what the browser told last
    socket: Socket | None = None
    start: datetime = field(default_factory=now)
    end: datetime | None = None

    def as_json(self, base: str) -> Json:
        """As the REST API shows it."""
        return {
            "sid": self.sid,
            "room_sid": self.room.sid,
            "account_sid": self.room.account_sid,
            "status": self.status,
            "identity": self.identity,
            "date_created": written(self.start),
            "start_time": written(self.start),
            "end_time": written(self.end),
            "duration": seconds(self.start, self.end) if self.end else None,
            "url": f"{base}/v1/Rooms/{self.room.sid}/Participants/{self.sid}",
        }


@dataclass(eq=False)
class Recording:
    """One recorded track."""

    participant: Participant
    track: Track
    sid: str = field(default_factory=lambda: new_sid("RT"))
    status: str = "processing"
    start: datetime = field(default_factory=now)
    end: datetime | None = None

    @property
    def container(self) -> str:
        """The kind of file it is in."""
        return "mka" if self.track.kind == "audio" else "mkv"

    @property
    def codec(self) -> str:
        """How it is encoded."""
        return "opus" if self.track.kind == "audio" else "vp8"

    @property
    def size(self) -> int:
        """Its bytes: a figure of ours."""
        return 1000 * (1 + seconds(self.start, self.end))

    @property
    def offset(self) -> int:
        """Milliseconds since a moment that all rooms share."""
        return int(self.start.timestamp() * 1000) - 1_500_000_000_000

    def as_json(self, base: str) -> Json:
        """As the REST API shows it."""
        room = self.participant.room
        done = self.end is not None
        return {
            **_file(base, "Recordings", room, self),
            "date_created": written(self.start),
            "source_sid": self.track.sid,
            "size": self.size if done else None,
            "type": self.track.kind,
            "duration": max(1, seconds(self.start, self.end)) if done else None,
            "container_format": self.container,
            "codec": self.codec,
            "grouping_sids": {"room_sid": room.sid, "participant_sid": self.participant.sid},
            "track_name": self.track.name,
            "offset": self.offset,
        }


@dataclass(eq=False)
class Composition:
    """One file made of a room's recordings. `given` is what was asked for."""

    room: Room
    given: Json
    sid: str = field(default_factory=lambda: new_sid("CJ"))
    status: str = "enqueued"
    created: datetime = field(default_factory=now)
    completed: datetime | None = None
    deleted: datetime | None = None
    size: int = 0

    @property
    def format(self) -> str:
        """mp4 or webm."""
        return str(self.given.get("Format") or "webm")

    @property
    def duration(self) -> int:
        """As long as the room was."""
        return max(1, seconds(self.room.created, self.room.end))

    def as_json(self, base: str) -> Json:
        """As the REST API shows it."""
        done = self.completed is not None
        return {
            **_file(base, "Compositions", self.room, self),
            "date_created": written(self.created),
            "date_completed": written(self.completed),
            "date_deleted": written(self.deleted),
            "audio_sources": self.given["AudioSources"],
            "video_layout": self.given["VideoLayout"],
            "resolution": self.given.get("Resolution") or "640x480",
            "trim": self.given.get("Trim", "true") == "true",
            "format": self.format,
            "size": self.size if done else 0,
            "duration": self.duration if done else 0,
            "status_callback": self.given.get("StatusCallback"),
            "status_callback_method": "POST",
        }


def _file(base: str, kind: str, room: Room, one: Recording | Composition) -> Json:
    """What the REST API shows of recordings and compositions alike."""
    url = f"{base}/v1/{kind}/{one.sid}"
    return {
        "account_sid": room.account_sid,
        "room_sid": room.sid,
        "sid": one.sid,
        "status": one.status,
        "url": url,
        "links": {"media": f"{url}/Media"},
    }


@dataclass(eq=False)
class Room:
    """A room. Numbers that are minutes or seconds at Twilio are so here, too."""

    account_sid: str
    name: str
    rules: list[Json]
    status_callback: str = ""
    max_participants: int = 50
    max_participant_duration: int = 14400
    empty_timeout: int = 5
    unused_timeout: int = 5
    media_region: str = "us1"
    record_on_connect: bool = False
    sid: str = field(default_factory=lambda: new_sid("RM"))
    status: str = "in-progress"
    created: datetime = field(default_factory=now)
    rules_changed: datetime = field(default_factory=now)
    end: datetime | None = None
    participants: list[Participant] = field(default_factory=list)
    recordings: list[Recording] = field(default_factory=list)
    links: dict[str, Link] = field(default_factory=dict)
    revision: int = 1
    events: int = 0

    @property
    def inside(self) -> list[Participant]:
        """Who is in the room, those with a lost socket too."""
        return [p for p in self.participants if p.status != "disconnected"]

    @property
    def recording(self) -> Iterator[Recording]:
        """What is being recorded at this moment."""
        return (r for r in self.recordings if r.status == "processing")

    def as_json(self, base: str) -> Json:
        """As the REST API shows it."""
        url = f"{base}/v1/Rooms/{self.sid}"
        return {
            "account_sid": self.account_sid,
            "date_created": written(self.created),
            "date_updated": written(self.end or self.created),
            "status": self.status,
            "type": "group",
            "sid": self.sid,
            "unique_name": self.name,
            "max_participants": self.max_participants,
            "max_participant_duration": self.max_participant_duration,
            "duration": seconds(self.created, self.end) if self.end else None,
            "status_callback_method": "POST",
            "status_callback": self.status_callback or None,
            "record_participants_on_connect": self.record_on_connect,
            "media_region": self.media_region,
            "end_time": written(self.end),
            "empty_room_timeout": self.empty_timeout,
            "unused_room_timeout": self.unused_timeout,
            "url": url,
            "links": {
                "recordings": f"{url}/Recordings",
                "participants": f"{url}/Participants",
                "recording_rules": f"{url}/RecordingRules",
            },
        }
