"""Calls over Twilio Video. Nothing outside this package knows of Twilio.

The name of a room belongs to its session and is all that a ticket holds; the room itself may die
(unused and empty ones do, after ROOM_LIFE at the latest) and be made again under the same name.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from twilio.jwt.access_token import AccessToken
from twilio.jwt.access_token.grants import VideoGrant
from twilio.rest.video.v1.room import RoomInstance
from twilio.rest.video.v1.room.participant import ParticipantInstance

from telehealth import clock
from telehealth.config import Settings
from telehealth.errors import ProviderUnavailable
from telehealth.video import Attendee, Happening, Media, Recorded, RoomReport, Ticket
from telehealth.video.twilio import callbacks, media
from telehealth.video.twilio.rest import COMPLETED_BEFORE, EXISTS, NOT_FOUND, ask, client_for

LIFE = timedelta(hours=4)
"""A ticket covers the visit: Twilio's browser library cannot exchange it in a running call."""

ROOM_LIFE = timedelta(minutes=60)
"""How long an unused or empty room lives; the most that Twilio allows."""

LONGEST = timedelta(hours=4)
"""After so long one participant is put out; they can come in again."""

EARLY_CLOCK = timedelta(seconds=60)
"""How far ahead of Twilio's our clock may be before a fresh ticket counts as not valid yet."""

MOST = 10
_EVERYTHING = {"all": True}


class TwilioProvider:
    """Group rooms, and tickets for one identity in one of them."""

    name = "twilio"
    early = False
    hosted = True
    records = True
    connects_to: tuple[str, ...] = ("wss://global.vss.twilio.com",)

    def __init__(self, settings: Settings) -> None:
        if settings.twilio is None:
            raise ValueError("no account at Twilio")
        self._account = settings.twilio
        self._url = settings.public_url
        self._client = client_for(settings.twilio)
        self._rooms = self._client.video.v1.rooms

    def open_room(self, room: str) -> str:
        """Make the room ready; one of this name that is there already is taken. Returns its id.

        Two callers, or a reply that was lost, end with the same room: Twilio refuses a second one of
        a name, and then it is fetched.
        """
        for _try in range(2):
            made = ask("open room", lambda: self._create(room), known=(EXISTS,))
            made = made or ask("fetch room", self._rooms(room).fetch, known=(NOT_FOUND,))
            if made and made.status == "in-progress":
                return str(made.sid)
        # It died between the two questions, twice over.
        raise ProviderUnavailable()

    def ticket(self, room: str, identity: str) -> Ticket:
        """A ticket good for LIFE; made here, without asking Twilio."""
        now = clock.now()
        account = self._account
        token = AccessToken(
            account.account_sid,
            account.api_key,
            account.api_secret,
            identity=identity,
            ttl=int(LIFE.total_seconds()),
            nbf=int((now - EARLY_CLOCK).timestamp()),
        )
        token.add_grant(VideoGrant(room=room))
        return Ticket(self.name, room, identity, token.to_jwt(), now + LIFE)

    def close_room(self, room: str) -> None:
        """End the room for everybody; one that is over already is fine."""
        complete = self._rooms(room)
        ask("close room", lambda: complete.update(status="completed"), known=(NOT_FOUND, COMPLETED_BEFORE))

    def remove(self, room: str, identity: str) -> None:
        """Put one identity out of the room; one that is not there is fine."""
        person = self._rooms(room).participants(identity)
        ask("put out", lambda: person.update(status="disconnected"), known=(NOT_FOUND,))

    def record(self, room: str, *, on: bool) -> None:
        """Record everybody in the room from now on, or nobody."""
        rules = [{"type": "include" if on else "exclude", **_EVERYTHING}]
        ask("record", lambda: self._rooms(room).recording_rules.update(rules=rules), known=(NOT_FOUND,))

    def look(self, room: str, room_id: str) -> RoomReport:
        """How the room is and who was in it; one that Twilio does not know is over."""
        found = ask("look at room", self._rooms(room_id).fetch, known=(NOT_FOUND,))
        if found is None:
            return RoomReport(room, room_id, clock.now(), [])
        people = ask("list people", lambda: self._rooms(room_id).participants.list(limit=1000)) or []
        attendees = [
            Attendee(one.sid, one.identity, _utc(one.start_time), _left_at(one))
            for one in people
            if one.start_time
        ]
        return RoomReport(room, room_id, _ended_at(found), attendees)

    def read_callback(
        self, path: str, fields: Mapping[str, Any], headers: Mapping[str, str]
    ) -> Happening | None:
        """What Twilio tells by a call to `path`; None for what does not concern us.

        Raises NotAllowed for a wrong signature, Invalid for what cannot be from Twilio.
        """
        return callbacks.read(self._account, self._url + path, fields, headers.get("X-Twilio-Signature"))

    def compose(self, room_id: str) -> str | None:
        """Ask for one file of a room that is over. Its id, or None where nothing was recorded."""
        return media.compose(self._client, room_id, f"{self._url}/webhooks/twilio/composition")

    def recorded(self, source_id: str) -> Recorded:
        """How far that file is."""
        return media.look(self._client, source_id)

    def media(self, source_id: str, byte_range: str | None) -> Media:
        """The bytes of a finished recording, or a part of them."""
        return media.read(self._client, source_id, byte_range)

    def erase(self, source_id: str, room_id: str) -> None:
        """Delete a recording with all that it was made of."""
        media.erase(self._client, source_id, room_id)

    def _create(self, room: str) -> RoomInstance:
        minutes = int(ROOM_LIFE.total_seconds() // 60)
        return self._rooms.create(
            unique_name=room,
            type="group",
            status_callback=f"{self._url}/webhooks/twilio/room",
            status_callback_method="POST",
            empty_room_timeout=minutes,
            unused_room_timeout=minutes,
            max_participants=MOST,
            max_participant_duration=int(LONGEST.total_seconds()),
            record_participants_on_connect=False,
        )


def _ended_at(room: RoomInstance) -> datetime | None:
    if room.status == "in-progress":
        return None
    return _utc(room.end_time) if room.end_time else clock.now()


def _left_at(person: ParticipantInstance) -> datetime | None:
    if person.status != "disconnected":
        return None
    return _utc(person.end_time) if person.end_time else clock.now()


def _utc(moment: datetime) -> datetime:
    """Twilio's times are UTC, whatever the client makes of them."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
