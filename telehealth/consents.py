"""Whether the patient agrees to be recorded: asked, agreed or declined; and the video service told so.

Nothing is recorded before the patient has agreed, and no longer than they agree.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from flask_babel import gettext as _
from sqlalchemy import ScalarSelect, func, select, update

from telehealth import access, audit, changes, clock, compositions, signals
from telehealth.access import Actor
from telehealth.errors import NotAllowed, ProviderRefused, ProviderUnavailable, WrongState
from telehealth.extensions import db
from telehealth.models import Consent, Role, Session, Status
from telehealth.store import release, transaction

if TYPE_CHECKING:
    from telehealth.video import VideoProvider

log = logging.getLogger(__name__)

ASKED, AGREED, DECLINED = "asked", "agreed", "declined"


def decide(session: Session, agreed: bool, *, by: Actor, video: VideoProvider) -> None:
    """Keep what the session's patient decided, and let it take effect. The same again is harmless.

    Raises NotAllowed, or WrongState where there is nothing to decide.
    """
    if access.relation(by, session) != Role.PATIENT:
        raise NotAllowed(action="session.consent", object_type="session", object_id=session.id)
    with transaction():
        session = access.lock_session(session)
        if not session.is_open or not session.recording_enabled:
            raise WrongState(_("There is nothing to decide: this visit is not recorded."), session=session)
        before = newest(session.id)
        if before is not agreed:
            _keep(session, agreed, before, by=by)
    carry_out(session, video=video)


def newest(session_id: str) -> bool | None:
    """What was decided last; None before the first decision."""
    return db.session.scalar(select(newest_of(session_id)))


def newest_of(session_id: object) -> ScalarSelect[bool]:
    """The same as a part of a statement; `session_id` may be a column."""
    query = select(Consent.agreed).where(Consent.session_id == session_id)
    return query.order_by(Consent.id.desc()).limit(1).scalar_subquery()


def words_of(decision: bool | None) -> str:
    """The decision as programs know it."""
    return {None: ASKED, True: AGREED, False: DECLINED}[decision]


def carry_out(session: Session, *, video: VideoProvider) -> bool:
    """Let a video service that records by itself do what was decided. Returns whether it does now.

    One that cannot be reached is asked again by `repeat`; until it has answered it may do either, and
    is taken to record.
    """
    if not video.records:
        return True
    wanted, told = _wanted_and_told(session.id)
    while wanted != told:
        told = _begin_to_tell(session, video.name, records=wanted)
        release()
        try:
            video.record(session.room, on=wanted)
        except (ProviderRefused, ProviderUnavailable) as trouble:
            what = "begun" if wanted else "stopped"
            log.warning("recording of session %s is not %s: %s", session.id, what, type(trouble).__name__)
            if isinstance(trouble, ProviderRefused) and told is not None:
                _note_down(session, told, unless_known=True)
            return False
        _note_down(session, wanted)
        # Another decision may have come meanwhile, and its word may have arrived before ours.
        told, (wanted, _told) = wanted, _wanted_and_told(session.id)
    return True


def repeat(*, video: VideoProvider) -> int:
    """Tell the video service again what it could not be told. Returns how often that worked."""
    if not video.records:
        return 0
    wanted = func.coalesce(newest_of(Session.id), False)
    query = select(Session).where(
        Session.status == Status.IN_PROGRESS,
        Session.recording_enabled.is_(True),
        Session.recording_on.is_distinct_from(wanted),
    )
    return sum(carry_out(session, video=video) for session in db.session.scalars(query).all())


def _keep(session: Session, agreed: bool, before: bool | None, *, by: Actor) -> None:
    db.session.add(Consent(session_id=session.id, user_id=by.user_id, agreed=agreed, at=clock.now()))
    db.session.flush()
    action = "given" if agreed else "withdrawn" if before else "declined"
    audit.record(f"session.consent_{action}", by=by, object_type="session", object_id=session.id)
    changes.announce(*changes.about(session))


def _wanted_and_told(session_id: str) -> tuple[bool, bool | None]:
    """Whether the service should record now, and what it was told last; None: that is not sure."""
    query = select(Session.status, newest_of(session_id), Session.recording_on)
    status, agreed, told = db.session.execute(query.where(Session.id == session_id)).one()
    return status == Status.IN_PROGRESS and bool(agreed), told


def _begin_to_tell(session: Session, carrier: str, *, records: bool) -> bool | None:
    """Before it is told: nothing is recorded that nobody knows of. Returns what it was told before."""
    with transaction():
        signals.lock(session.id)
        _wanted, told = _wanted_and_told(session.id)
        if records:
            compositions.expect(session.id, carrier)
        _note_down(session, None)
    return told


def _note_down(session: Session, told: bool | None, *, unless_known: bool = False) -> None:
    """`unless_known`: somebody else may have told it meanwhile, and had an answer."""
    noted = update(Session).where(Session.id == session.id)
    if unless_known:
        noted = noted.where(Session.recording_on.is_(None))
    with transaction():
        signals.lock(session.id)
        db.session.execute(noted.values(recording_on=told).execution_options(synchronize_session="fetch"))
        changes.announce(*changes.about(session))
