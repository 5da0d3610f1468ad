"""What is put right by itself, again and again: pages that are gone, calls that nobody is in any more."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import exists, select

from telehealth import clock, compositions, consents, presence, reconcile, recordings, sessions
from telehealth.access import SYSTEM
from telehealth.errors import WrongState
from telehealth.extensions import db
from telehealth.models import Attendance, Participation, Room, Session, Status

if TYPE_CHECKING:
    from telehealth.video import VideoProvider


ABANDONED = timedelta(hours=2)
"""After how long without anybody in it a call is ended."""

LOOKS = 5
"""So often in a row a server finds such a call before it ends it.

After a clock was put ahead, or the server was away for hours, everybody looks gone until their pages
speak again; a hidden one does once a minute.
"""

LONGEST_STAY = timedelta(hours=6)
"""Longer than any provider lets a person stay: whose end we never heard of is gone all the same."""


# How often in a row this process has found which call abandoned.
_looks: Counter[str] = Counter()


@dataclass(frozen=True)
class Report:
    """How many pages were found lost, and how many calls were ended."""

    lost: int
    ended: int


def run(*, video: VideoProvider, looks: int = 1) -> Report:
    """Do all of it once; harmless to repeat, and in several processes at a time.

    `looks`: so often in a row a call must be found abandoned, this time included, to be ended.
    """
    report = Report(lost=presence.sweep(), ended=_end_abandoned(video, looks))
    recordings.sweep()
    consents.repeat(video=video)
    compositions.follow(video=video)
    return report


def run_by_itself(*, video: VideoProvider) -> None:
    """What a server does again and again; the provider is asked by one process, now and then."""
    if video.hosted and reconcile.is_due():
        reconcile.run(video=video)
    run(video=video, looks=LOOKS)


def _end_abandoned(video: VideoProvider, looks: int) -> int:
    """End the calls that nobody has been in for ABANDONED; a doctor who lost the network is back sooner.

    Whom the provider still has in the room is in the call, though we may not have heard of their page.
    """
    now = clock.now()
    since = now - ABANDONED
    # Written at a time to come: the clock was ahead then.
    heard = exists().where(
        Participation.session_id == Session.id,
        Participation.seen_at > since,
        Participation.seen_at < now + ABANDONED,
    )
    inside = exists().where(
        Attendance.left_at.is_(None),
        Attendance.joined_at > now - LONGEST_STAY,
        Attendance.room_id == Room.id,
        Room.closed_at.is_(None),
        Room.session_id == Session.id,
    )
    abandoned = (~Session.started_at.between(since, now), ~heard, ~inside)
    query = select(Session).where(Session.status == Status.IN_PROGRESS, *abandoned)
    count = 0
    found = list(db.session.scalars(query).all())
    for session_id in set(_looks).difference(session.id for session in found):
        del _looks[session_id]
    _looks.update(session.id for session in found)
    for session in found:
        if _looks[session.id] < looks:
            continue
        with suppress(WrongState):
            # Closing one room takes a while, and somebody may be back in the next meanwhile.
            sessions.end(session, by=SYSTEM, video=video, still=abandoned)
            count += 1
    return count
