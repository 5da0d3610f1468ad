"""What Twilio tells us by signed calls, read with mistrust.

A good signature alone says little: names and values are joined without a mark between them, so one
signature fits a form whose boundaries were shifted, and doubled fields verify as well. So every
field must be known, come once and look as it should.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from twilio.request_validator import RequestValidator

from telehealth.config import TwilioSettings
from telehealth.errors import Invalid, NotAllowed
from telehealth.video import Happening

_NUMBER = r"\d{1,12}(\.\d{1,6})?"
_SECONDS = r"\d{1,9}(\.\d{1,6})?"
# Names of fields begin with a capital: none can hide in a word.
_WORD = r"[a-z-]{1,40}"
_URL = r"https?://[^\s]{1,500}|/[^\s]{0,500}"
_PLAIN = r"[^\x00-\x1f\x7f]{0,500}"


def _sid(kind: str) -> str:
    return f"{kind}[0-9a-f]{{32}}"


_FIELDS = {
    "AccountSid": _sid("AC"),
    "RoomName": r"[0-9A-Za-z]{1,128}",
    "RoomSid": _sid("RM"),
    "RoomStatus": _WORD,
    "RoomType": _WORD,
    "RoomDuration": _SECONDS,
    "StatusCallbackEvent": _WORD,
    "Timestamp": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)",
    "SequenceNumber": _NUMBER,
    "ParticipantSid": _sid("PA"),
    "ParticipantIdentity": r"[0-9A-Za-z]{1,128}",
    "ParticipantStatus": _WORD,
    "ParticipantDuration": _SECONDS,
    "TrackSid": _sid("MT"),
    "TrackKind": _WORD,
    "TrackName": _PLAIN,
    "RecordingSid": _sid("RT"),
    "SourceSid": r"[A-Z]{2}[0-9a-f]{32}",
    "RecordingUri": _URL,
    "Container": r"[A-Za-z0-9]{1,10}",
    "Codec": r"[A-Za-z0-9]{1,10}",
    "Type": _WORD,
    "OffsetFromTwilioVideoEpoch": r"-?" + _NUMBER,
    "MediaUri": _URL,
    "MediaExternalLocation": _URL,
    "Duration": _SECONDS,
    "Size": _NUMBER,
    "FailedOperation": _PLAIN,
    "ErrorMessage": _PLAIN,
    "CompositionSid": _sid("CJ"),
    "CompositionUri": _URL,
    "HookSid": _sid("HK"),
    "HookUri": _URL,
    "HookFriendlyName": _PLAIN,
    "PercentageDone": _NUMBER,
    "SecondsRemaining": _NUMBER,
}
_YEARS = range(2010, 2200)
_ALWAYS = {"AccountSid", "RoomSid", "StatusCallbackEvent", "Timestamp"}
_KINDS = {
    "room-ended": (Happening.ENDED, {"RoomName"}),
    "participant-connected": (Happening.JOINED, {"RoomName", "ParticipantSid", "ParticipantIdentity"}),
    "participant-disconnected": (Happening.LEFT, {"RoomName", "ParticipantSid", "ParticipantIdentity"}),
    "composition-available": (Happening.RECORDED, {"CompositionSid"}),
    "composition-failed": (Happening.NOT_RECORDED, {"CompositionSid"}),
}


def read(
    account: TwilioSettings, url: str, fields: Mapping[str, Any], signature: str | None
) -> Happening | None:
    """The event of a signed call to `url`, or None for one that does not concern us.

    `fields` is a MultiDict. Raises NotAllowed for a call that is not signed by this account, Invalid
    for fields that Twilio would not send.
    """
    if not signature or not any(
        RequestValidator(token).validate(url, fields, signature) for token in account.auth_tokens
    ):
        raise NotAllowed()
    given = _checked(fields)
    if given["AccountSid"] != account.account_sid:
        raise NotAllowed()
    kind, needed = _KINDS.get(given["StatusCallbackEvent"], (None, set()))
    if kind is None:
        return None
    if missing := needed - given.keys():
        raise Invalid(fields={name: ["is missing"] for name in missing})
    duration = given.get("ParticipantDuration") or given.get("Duration")
    return Happening(
        kind=kind,
        room=given.get("RoomName", ""),
        room_id=given["RoomSid"],
        at=_moment(given["Timestamp"]),
        attendee_id=given.get("ParticipantSid", ""),
        identity=given.get("ParticipantIdentity", ""),
        seconds=float(duration) if duration else None,
        recording_id=given.get("CompositionSid", ""),
    )


def _checked(fields: Mapping[str, Any]) -> dict[str, str]:
    pairs = list(fields.items(multi=True))  # type: ignore[call-arg]
    given = dict(pairs)
    wrong = {name for name, value in pairs if not re.fullmatch(_FIELDS.get(name, "(?!)"), value, re.ASCII)}
    if wrong or len(given) != len(pairs) or _ALWAYS - given.keys():
        raise Invalid()
    return given


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid() from None
    if moment.year not in _YEARS:
        raise Invalid()
    return moment
