"""The embedded provider: calls from browser to browser, introduced through our own database.

There is no room to open or close anywhere: the session's status is the room. Media goes directly
between the browsers, or through the clinic's own TURN relay where one is set.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from itsdangerous import BadData, URLSafeTimedSerializer

from telehealth import clock
from telehealth.config import Settings
from telehealth.errors import NotAllowed, NotFound
from telehealth.video import Happening, RoomReport, Ticket

LIFE = timedelta(hours=4)


class PeerProvider:
    """Tickets signed with the app's key, and short-lived TURN credentials in them."""

    name = "peer"
    hosted = False
    connects_to: tuple[str, ...] = ()
    records = False

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.early = not settings.turn_urls and not settings.relay_only
        self._signer = URLSafeTimedSerializer(settings.secret_key, salt="peer ticket")

    def open_room(self, room: str) -> str:
        """Nothing to do: the session's status is the room."""
        return ""

    def ticket(self, room: str, identity: str) -> Ticket:
        """A ticket good for LIFE; renewed at every join."""
        return Ticket(
            provider=self.name,
            room=room,
            identity=identity,
            token=self._signer.dumps([room, identity]),
            expires_at=clock.now() + LIFE,
            more={
                "ice_servers": self._ice_servers(identity),
                "ice_transport_policy": "relay" if self._settings.relay_only else "all",
            },
        )

    def check(self, token: str, room: str, identity: str) -> None:
        """Refuse a ticket that is not for this identity in this room, or too old: NotAllowed."""
        try:
            good = self._signer.loads(token, max_age=int(LIFE.total_seconds())) == [room, identity]
        except BadData:
            good = False
        if not good:
            raise NotAllowed(action="session.join", object_type="room", object_id="")

    def close_room(self, room: str) -> None:
        """Nothing to do: with the session over, nobody gets in and the pages hang up."""

    def remove(self, room: str, identity: str) -> None:
        """Nothing to do: whoever lost the right to the session is refused at the next message."""

    def look(self, room: str, room_id: str) -> RoomReport:
        """There is nothing to see anywhere else."""
        return RoomReport(room, room_id, clock.now(), [])

    def read_callback(
        self, path: str, fields: Mapping[str, Any], headers: Mapping[str, str]
    ) -> Happening | None:
        """Nobody calls us."""
        raise NotFound()

    def record(self, room: str, *, on: bool) -> None:
        """Nothing to do: the doctor's browser records, and is refused when it may not."""

    def _ice_servers(self, identity: str) -> list[dict[str, Any]]:
        """TURN with credentials that the relay checks by itself (the TURN REST scheme, as coturn has it)."""
        if not self._settings.turn_urls:
            return []
        username = f"{int((clock.now() + LIFE).timestamp())}:{identity}"
        mac = hmac.new(self._settings.turn_secret.encode(), username.encode(), hashlib.sha1)
        credential = base64.b64encode(mac.digest()).decode()
        urls = list(self._settings.turn_urls)
        return [{"urls": urls, "username": username, "credential": credential}]
