"""The rooms that sessions have at a video provider: opened, opened again where one died, closed.

Embedded calls have none. A room dies by itself when nobody is in it for long; the session remembers
every one it had.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from flask import current_app
from sqlalchemy import bindparam, case, select, update

from telehealth import clock, consents, presence, sign_ins, signals
from telehealth.errors import ProviderRefused, ProviderUnavailable, Unauthenticated, WrongState
from telehealth.extensions import db
from telehealth.models import Room, Session, Status
from telehealth.store import release, transaction

if TYPE_CHECKING:
    from telehealth.access import Actor
    from telehealth.video import VideoProvider

log = logging.getLogger(__name__)

# Asked for every ticket: put together once.
_NEWEST = (
    select(Room.closed_at, Room.checked_at)
    .where(Room.session_id == bindparam("session_id"))
    .order_by(Room.opened_at.desc())
    .limit(1)
)

TRUST = timedelta(minutes=30)
"""How long a room that was seen is taken to be there still; shorter than any provider lets one live."""


def open_for(session: Session, *, video: VideoProvider) -> None:
    """Have a room for the session, whether one is there or not.

    That one may be open is written down before the provider is asked: a reply may get lost, and we
    with it. Raises ProviderRefused, ProviderUnavailable.
    """
    if not video.hosted:
        return
    with transaction():
        _mark(session.id, True)
    provider_id = video.open_room(session.room)
    with transaction():
        signals.lock(session.id)
        _keep(session.id, provider_id)


def ensure(session: Session, *, by: Actor, video: VideoProvider, doubtful: bool = False) -> None:
    """Before somebody goes in: open the room again if it may have died meanwhile.

    `doubtful`: somebody was told that it is not there. Raises ProviderRefused, ProviderUnavailable, or
    what took the right to go in away while the provider was asked: WrongState, Unauthenticated.
    """
    if not video.hosted or session.status != Status.IN_PROGRESS:
        return
    if not doubtful and _is_there(session):
        return
    release()
    open_for(session, video=video)
    consents.carry_out(session, video=video)
    _check_still(session, by=by, video=video)


def ensure_if_reachable(session: Session, *, by: Actor, video: VideoProvider) -> None:
    """The same for a page that can ask again when it finds no room, while its ticket needs no provider.

    Most likely the room is there. Raises WrongState, Unauthenticated.
    """
    try:
        ensure(session, by=by, video=video)
    except (ProviderRefused, ProviderUnavailable):
        _check_still(session, by=by, video=video)


def close(session: Session, *, video: VideoProvider) -> bool:
    """Close the room of a session that is over; what fails is tried again by the chores."""
    if not video.hosted:
        return True
    release()
    try:
        video.close_room(session.room)
    except (ProviderRefused, ProviderUnavailable) as trouble:
        log.warning("room of session %s is not closed yet: %s", session.id, type(trouble).__name__)
        return False
    with transaction():
        signals.lock(session.id)
        _mark(session.id, False)
        now = clock.now()
        # A clock that was set back must not look as if it had been asked about after its end.
        checked_at = case((Room.checked_at > now, now), else_=Room.checked_at)
        db.session.execute(
            update(Room)
            .where(Room.session_id == session.id, Room.closed_at.is_(None))
            .values(closed_at=now, checked_at=checked_at)
            .execution_options(synchronize_session=False)
        )
    return True


def of(session_id: str) -> list[Room]:
    """The rooms that the session had, the newest first."""
    query = select(Room).where(Room.session_id == session_id).order_by(Room.opened_at.desc())
    return list(db.session.scalars(query.execution_options(populate_existing=True)))


def checked(room: Room) -> None:
    """The provider has just told how this room is."""
    with transaction():
        db.session.execute(
            update(Room)
            .where(Room.id == room.id)
            .values(checked_at=clock.now())
            .execution_options(synchronize_session=False)
        )


def put_out(room: str, identity: str, *, video: VideoProvider) -> None:
    """Take somebody out of the room; if that fails now, the chores do it."""
    try:
        video.remove(room, identity)
    except (ProviderRefused, ProviderUnavailable) as trouble:
        log.warning("somebody could not be put out of a room yet: %s", type(trouble).__name__)


@presence.put_out_of_room.connect
def _put_out(_sender: object, room: str, identity: str) -> None:
    """Somebody lost the right to be in the room."""
    put_out(room, identity, video=current_app.extensions["video"])


def _is_there(session: Session) -> bool:
    newest = db.session.execute(_NEWEST, {"session_id": session.id}).one_or_none()
    if newest is None or newest.closed_at is not None:
        return False
    if newest.checked_at > clock.now() - TRUST:
        return True
    return any(part.connected_at and presence.is_fresh(part) for part in session.participations)


def _check_still(session: Session, *, by: Actor, video: VideoProvider) -> None:
    """Whether they may still go in, after the provider was asked for a while."""
    now = db.session.get_one(Session, session.id, populate_existing=True)
    if not now.is_open:
        close(now, video=video)
        raise WrongState(session=now)
    if not sign_ins.may_go_on(by):
        raise Unauthenticated()


def _mark(session_id: str, is_open: bool) -> None:
    db.session.execute(
        update(Session)
        .where(Session.id == session_id)
        .values(room_open=is_open)
        .execution_options(synchronize_session=False)
    )


def _keep(session_id: str, provider_id: str) -> None:
    now = clock.now()
    # Once more: it may have been closed, as far as we knew, while the provider opened it.
    _mark(session_id, True)
    room = db.session.scalar(select(Room).where(Room.provider_id == provider_id))
    if room is None:
        room = Room(session_id=session_id, provider_id=provider_id, opened_at=now, checked_at=now)
        db.session.add(room)
        # Nothing is recorded in a new room until it is told to.
        db.session.execute(
            update(Session)
            .where(Session.id == session_id)
            .values(recording_on=False)
            .execution_options(synchronize_session=False)
        )
    room.checked_at = now
