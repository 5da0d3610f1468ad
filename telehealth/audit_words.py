"""What the staff's audit calls an entry: plain words for each action, and for why."""

from __future__ import annotations

from functools import cache

from flask_babel import get_locale
from flask_babel import gettext as _

from telehealth.models import AuditEntry


def of(entry: AuditEntry) -> str:
    """What happened, or what somebody tried in vain."""
    if entry.outcome == "ok":
        return events().get(entry.action, entry.action)
    if entry.action == "user.sign_in":
        return _("Sign-in failed")
    return _tried(str(get_locale())).get(entry.action.rpartition(".")[2], _("Tried to change"))


def why(entry: AuditEntry) -> str:
    """The reason, where there is one."""
    return _reasons(str(get_locale())).get(entry.reason, entry.reason)


def events() -> dict[str, str]:
    """Every action that can succeed, with its words, in the order of the day's work."""
    return _events(str(get_locale()))


# A page has a hundred entries: the words are put together once a language.
@cache
def _reasons(_locale: str) -> dict[str, str]:
    return {
        "password": _("wrong password, or no such account"),
        "locked": _("too many tries"),
        "forbidden": _("another role’s work"),
        "not_found": _("somebody else’s, or not there"),
        "left": "",
        "lost": _("connection lost"),
        "not connected": _("before the call was connected"),
        "opened in another window": _("went on in another window"),
        "signed out": _("because they signed out"),
        "ended": _("until the end"),
        "in": _("told by the video service"),
        "back": _("after a silence"),
        "asked for": _("asked for at the video service"),
        "ready": _("it is ready"),
        "failed": _("none could be made"),
        "downloaded": _("as a download"),
        "over": _("a link that no longer works"),
        "prepared by the browser": _("prepared by the browser, before it was opened"),
    }


@cache
def _events(_locale: str) -> dict[str, str]:
    return {
        "user.sign_in": _("Signed in"),
        "user.sign_out": _("Signed out"),
        "user.read": _("Person looked at"),
        "user.create": _("Person added"),
        "user.change": _("Person changed"),
        "user.invite": _("Invitation made"),
        "user.password": _("Password chosen"),
        "user.deactivate": _("Person deactivated"),
        "user.activate": _("Person activated again"),
        "user.api_token": _("API token made"),
        "user.api_token_revoked": _("API token revoked"),
        "visit.open": _("Visit opened"),
        "visit.read": _("Visit looked at"),
        "visit.close": _("Visit closed"),
        "session.create": _("Session created"),
        "session.read": _("Session looked at"),
        "session.link": _("Patient link made"),
        "session.link_used": _("Patient link opened"),
        "session.link_revoked": _("Patient link revoked"),
        "session.wait": _("Came into the waiting room"),
        "session.start": _("Session started"),
        "session.token": _("Got the key to join"),
        "session.join": _("Joined the call"),
        "session.leave": _("Left the call"),
        "session.end": _("Session ended"),
        "session.cancel": _("Session cancelled"),
        "session.fail": _("Session failed"),
        "session.consent_given": _("Agreed to a recording"),
        "session.consent_declined": _("Did not agree to a recording"),
        "session.consent_withdrawn": _("Took back the agreement to a recording"),
        "recording.begin": _("Recording begun"),
        "recording.finish": _("Recording finished"),
        "recording.read": _("Recording opened"),
        "recording.delete": _("Recording deleted"),
    }


@cache
def _tried(_locale: str) -> dict[str, str]:
    reading, adding = _("Tried to read"), _("Tried to add")
    return {
        "read": reading,
        "list": reading,
        "history": reading,
        "create": adding,
        "open": adding,
        "start": _("Tried to start"),
        "join": _("Tried to join"),
        "token": _("Tried to get the key to join"),
        "end": _("Tried to end"),
        "cancel": _("Tried to cancel"),
        "leave": _("Tried to leave"),
        "link_used": _("Tried a patient link"),
        "delete": _("Tried to delete"),
    }
