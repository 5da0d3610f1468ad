"""What is put right by itself, again and again: pages that are gone, calls that nobody is in any more."""

from __future__ import annotations

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

LONGEST_STAY = timedelta(hours=6)
"""Longer than any provider lets a person stay: whose end we never heard of is gone all the same."""


@dataclass(frozen=True)
class Report:
    """How many pages were found lost, and how many calls were ended."""

    lost: int
    ended: int


def run(*, video: VideoProvider) -> Report:
    """Do all of it once; harmless to repeat, and in several processes at a time."""
    report = Report(lost=presence.sweep(), ended=_end_abandoned(video))
    recordings.sweep()
    consents.repeat(video=video)
    compositions.follow(video=video)
    return report


def run_by_itself(*, video: VideoProvider) -> None:
    """What a server does again and again; the provider is asked by one process, now and then."""
    if video.hosted and reconcile.is_due():
        reconcile.run(video=video)
    run(video=video)


def _end_abandoned(video: VideoProvider) -> int:
    """End the calls that nobody has been in for ABANDONED; a doctor who lost the network is back sooner.

    Whom the provider still has in the room is in the call, though we may not have heard of their page.
    """
    since = clock.now() - ABANDONED
    heard = exists().where(Participation.session_id == Session.id, Participation.seen_at > since)
    inside = exists().where(
        Attendance.left_at.is_(None),
        Attendance.joined_at > clock.now() - LONGEST_STAY,
        Attendance.room_id == Room.id,
        Room.closed_at.is_(None),
        Room.session_id == Session.id,
    )
    query = select(Session).where(
        Session.status == Status.IN_PROGRESS, Session.started_at < since, ~heard, ~inside
    )
    count = 0
    for session in db.session.scalars(query).all():
        with suppress(WrongState):
            sessions.end(session, by=SYSTEM, video=video)
            count += 1
    return count
