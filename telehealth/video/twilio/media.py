"""What was recorded at Twilio: one file of a whole room is composed, followed, played and deleted.

Twilio records each track by itself; one file with both sides is a composition, to be asked for when
the room is over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import requests
from twilio.rest.video.v1.composition import CompositionInstance

from telehealth.errors import NotFound, ProviderUnavailable
from telehealth.video import Media, Recorded
from telehealth.video.twilio.rest import NOT_FOUND, TIMEOUT, ask

if TYPE_CHECKING:
    from twilio.rest import Client

MEDIA = "https://video.twilio.com/v1/Compositions/{}/Media"
LENT_SECONDS = 300
"""How long the address of a file is good; it never reaches a browser."""

CHUNK = 2**16
_PASSED_ON = ("Content-Type", "Content-Length", "Content-Range", "Accept-Ranges")
_STATES = {"completed": Recorded.READY, "failed": Recorded.FAILED, "deleted": Recorded.FAILED}


def compose(client: Client, room_id: str, callback: str) -> str | None:
    """Ask for one file of a room that is over; returns its id, None where nothing was recorded.

    One that was asked for before is taken: a reply may have been lost.
    """
    video = client.video.v1
    for one in ask("list compositions", lambda: video.compositions.list(room_sid=room_id, limit=10)) or []:
        if one.status not in ("failed", "deleted"):
            return str(one.sid)
    if not ask("list recordings", lambda: video.rooms(room_id).recordings.list(limit=1)):
        return None
    made = ask(
        "compose",
        lambda: video.compositions.create(
            room_sid=room_id,
            audio_sources=["*"],
            video_layout={"grid": {"video_sources": ["*"]}},
            resolution="1280x720",
            format="mp4",
            status_callback=callback,
            status_callback_method="POST",
        ),
        tries=1,
    )
    return str(made.sid) if made else None


def look(client: Client, source_id: str) -> Recorded:
    """How far the file is."""
    found: CompositionInstance | None = ask(
        "look at composition", client.video.v1.compositions(source_id).fetch, known=(NOT_FOUND,)
    )
    if found is None:
        return Recorded(Recorded.FAILED)
    seconds = int(found.duration) if found.duration else None
    return Recorded(_STATES.get(found.status, Recorded.COMING), seconds)


def read(client: Client, source_id: str, byte_range: str | None) -> Media:
    """The bytes, passed on from where Twilio lends them; that address stays here."""
    address = ask("lend media", lambda: _lend(client, source_id), known=(NOT_FOUND,))
    if address is None:
        raise NotFound()
    if not address.startswith("https://"):
        raise ProviderUnavailable()
    headers = {"Range": byte_range} if byte_range else {}
    try:
        answer = requests.get(address, headers=headers, stream=True, timeout=TIMEOUT)
    except requests.RequestException as error:
        raise ProviderUnavailable() from error
    if answer.status_code not in (200, 206, 416):
        answer.close()
        raise ProviderUnavailable()
    passed_on = {name: answer.headers[name] for name in _PASSED_ON if name in answer.headers}
    return Media(answer.status_code, passed_on, answer.iter_content(CHUNK))


def erase(client: Client, source_id: str, room_id: str) -> None:
    """Delete the file and the tracks that it was made of; what is gone already is fine.

    Of a room every file: that one was made we may never have heard.
    """
    video = client.video.v1
    deletions = [video.compositions(source_id).delete] if source_id else []
    if room_id:
        recorded = video.rooms(room_id).recordings
        files = ask("list compositions", lambda: video.compositions.list(room_sid=room_id, limit=100)) or []
        tracks = ask("list recordings", lambda: recorded.list(limit=1000), known=(NOT_FOUND,)) or []
        deletions += [one.delete for one in (*files, *tracks)]
    for delete in deletions:
        ask("delete recording", delete, known=(NOT_FOUND,))


def _lend(client: Client, source_id: str) -> str:
    """Where the file is to be had for a while; a bad answer is no error to this part of the client."""
    url = MEDIA.format(source_id)
    answer = client.request("GET", url, params={"Ttl": LENT_SECONDS})
    if answer.status_code >= 400:
        raise client.video.v1.exception("GET", url, answer, "No media")
    return str((answer.headers or {}).get("Location", ""))
