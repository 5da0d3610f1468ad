"""The operations of a telemedicine session, and the table of steps that rules them.

The race between two callers is decided by the database: the UPDATE names the status that the step
starts from, and the loser gets WrongState. Change and audit share one transaction; the network
comes before or after it, never inside.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.exc import IntegrityError

from telehealth import access, audit, changes, clock, consents, planning, presence, rooms, signals, texts
from telehealth.access import SYSTEM, Actor
from telehealth.errors import (
    Invalid,
    NotAllowed,
    ProviderRefused,
    ProviderUnavailable,
    WrongState,
)
from telehealth.extensions import db
from telehealth.models import Role, Session, Status, Visit
from telehealth.store import new_id, release, transaction

if TYPE_CHECKING:
    from telehealth.cards import SessionView, VisitView
    from telehealth.video import Ticket, VideoProvider


@dataclass(frozen=True)
class Step:
    """One row of the table: what may be done, from which statuses, to which, by whom."""

    action: str
    start: tuple[str, ...]
    end: str | None
    by: tuple[str, ...]


STEPS = {
    step.action: step
    for step in (
        Step("create", (), Status.SCHEDULED, (Role.DOCTOR,)),
        Step("start", (Status.SCHEDULED,), Status.IN_PROGRESS, (Role.DOCTOR,)),
        Step("fail", (Status.SCHEDULED,), Status.FAILED, ("system",)),
        Step("join", Status.OPEN, None, (Role.DOCTOR, Role.PATIENT)),
        Step("leave", Status.OPEN, None, (Role.DOCTOR, Role.PATIENT)),
        Step("end", (Status.IN_PROGRESS,), Status.COMPLETED, (Role.DOCTOR, "system")),
        Step("cancel", (Status.SCHEDULED,), Status.CANCELLED, (Role.DOCTOR, Role.STAFF)),
        Step("link", Status.OPEN, None, (Role.DOCTOR, Role.STAFF)),
    )
}

WAITING_ROOM = {Role.PATIENT: Status.OPEN, Role.DOCTOR: (Status.IN_PROGRESS,)}
"""Who may join when: the patient waits before the start, the doctor starts first."""


def check(session: Session, action: str, *, by: Actor) -> Step:
    """The step, if this actor may take it now. Raises NotAllowed (never theirs) or WrongState."""
    step = STEPS[action]
    who = _part(session, by)
    if who not in step.by:
        raise NotAllowed(action=f"session.{action}", object_type="session", object_id=session.id)
    if session.status not in _when(step, who):
        raise WrongState(_why_not(session, action), session=session)
    return step


def check_open(visit: Visit | VisitView) -> None:
    """A session can be planned in it. Raises WrongState."""
    if visit.status != Visit.OPEN:
        raise WrongState(_("This visit is closed. Open a new visit to plan a session."))


def may(session: Session | SessionView, action: str, *, by: Actor) -> bool:
    """Whether `check` would let this actor take the step."""
    step, who = STEPS[action], _part(session, by)
    return who in step.by and session.status in _when(step, who)


def allowed(session: Session | SessionView, by: Actor) -> list[str]:
    """The actions this actor may take now, in the order of the table."""
    actions = ("start", "join", "leave", "end", "cancel")
    here = presence.is_in(session, by)
    return [one for one in actions if may(session, one, by=by) and (one != "leave" or here)]


def _part(session: Session | SessionView, by: Actor) -> str:
    return "system" if by is SYSTEM else access.relation(by, session) or "nobody"


def _when(step: Step, who: str) -> tuple[str, ...]:
    return WAITING_ROOM[who] if step.action == "join" else step.start


def create(
    visit: Visit,
    *,
    by: Actor,
    scheduled_start: datetime,
    recording_enabled: bool = False,
    notes: str = "",
) -> Session:
    """Plan a session of an OPEN visit at an aware moment.

    Raises NotAllowed, WrongState (the visit is closed) or Invalid (the time has passed, or the visit
    already has an open session at that time).
    """
    if access.relation(by, visit) not in STEPS["create"].by:
        raise NotAllowed(action="session.create", object_type="visit", object_id=visit.id)
    planning.check_start_time(scheduled_start)
    try:
        with transaction():
            visit = _locked_open_visit(visit.id)
            newest = select(func.max(Session.number)).where(Session.visit_id == visit.id)
            session = Session(
                id=new_id(),
                visit_id=visit.id,
                doctor_id=visit.doctor_id,
                patient_id=visit.patient_id,
                number=(db.session.scalar(newest) or 0) + 1,
                room=secrets.token_hex(16),
                status=Status.SCHEDULED,
                scheduled_start=scheduled_start,
                recording_enabled=recording_enabled,
                notes=notes,
                created_at=clock.now(),
            )
            db.session.add(session)
            db.session.flush()
            _tell(session, "create", by=by)
    except IntegrityError:
        taken = _("This visit already has a session at this time.")
        raise Invalid(fields={"scheduled_start": [taken]}) from None
    return access.load_session(session.id, by=by)


def start(session: Session, *, by: Actor, video: VideoProvider) -> Session:
    """Open the room, then SCHEDULED → IN_PROGRESS.

    Raises WrongState; ProviderRefused after the session became FAILED; ProviderUnavailable with the
    session still SCHEDULED.
    """
    check(session, "start", by=by)
    release()
    try:
        rooms.open_for(session, video=video)
    except ProviderRefused as refusal:
        with transaction():
            _take(session, "fail", by=SYSTEM, failure_reason=refusal.message[:500])
            presence.close(session)
        raise ProviderRefused(refusal.message, session=_again(session, by)) from refusal
    except ProviderUnavailable as trouble:
        raise ProviderUnavailable(trouble.message, session=_again(session, by)) from trouble
    try:
        _take(session, "start", by=by, started_at=_not_before(session.created_at))
    except WrongState:
        if not session.is_open:
            rooms.close(session, video=video)
        raise
    consents.carry_out(session, video=video)
    return _again(session, by)


def end(
    session: Session, *, by: Actor, video: VideoProvider, still: Sequence[ColumnElement[bool]] = ()
) -> Session:
    """IN_PROGRESS → COMPLETED for everybody, then close the room.

    `still`: what has to be true of the session in that very moment, besides. Raises WrongState.
    """
    check(session, "end", by=by)
    with transaction():
        # A statement sees what was kept before it began: first everybody else has to be done.
        signals.lock(session.id)
        ended_at = _not_before(session.started_at or session.created_at)
        _take(session, "end", by=by, still=still, ended_at=ended_at)
        presence.close(session)
    rooms.close(session, video=video)
    return _again(session, by)


def cancel(session: Session, *, by: Actor, reason: str = "") -> Session:
    """SCHEDULED → CANCELLED. `reason` is for the doctor and staff. Raises WrongState, Invalid."""
    check(session, "cancel", by=by)
    reason = " ".join(reason.split())
    if texts.is_deceptive(reason):
        raise Invalid(fields={"reason": [str(texts.UNUSABLE)]})
    with transaction():
        _take(
            session,
            "cancel",
            by=by,
            cancelled_at=_not_before(session.created_at),
            cancelled_by_id=by.user_id,
            cancel_reason=reason,
        )
        presence.close(session)
    return _again(session, by)


def leave(session: Session, *, by: Actor) -> Session:
    """Step out; the session stays as it is. Harmless when nobody is in, or twice."""
    if access.relation(by, session) not in STEPS["leave"].by:
        raise NotAllowed(action="session.leave", object_type="session", object_id=session.id)
    presence.leave_all(session, by=by)
    return _again(session, by)


def ticket(session: Session, *, by: Actor, video: VideoProvider) -> Ticket:
    """All a browser needs to connect; room and identity come from the session alone.

    A room that died meanwhile is opened again. Raises NotAllowed, WrongState, Unauthenticated,
    ProviderRefused or ProviderUnavailable.
    """
    check(session, "join", by=by)
    rooms.ensure(session, by=by, video=video)
    note_ticket(session, by=by)
    return video.ticket(session.room, presence.identity(session, by.user_id))


def note_ticket(session: Session, *, by: Actor) -> None:
    """Write down that this actor can connect, and by which sign-in."""
    by_sign_in = {"sign_in": by.sign_in_id} if by.sign_in_id else {}
    audit.record("session.token", by=by, object_type="session", object_id=session.id, detail=by_sign_in)


def _not_before(earlier: datetime) -> datetime:
    """Now; a clock that was set back must not give a session that ends before it began."""
    return max(clock.now(), earlier)


def _take(
    session: Session, action: str, *, by: Actor, still: Sequence[ColumnElement[bool]] = (), **values: Any
) -> None:
    """Take a step of the table: compare-and-set, audit and announcement in one transaction."""
    step = STEPS[action]
    with transaction():
        taken = db.session.execute(
            update(Session)
            .where(Session.id == session.id, Session.status.in_(step.start), *still)
            .values(status=step.end, **values)
            .execution_options(synchronize_session=False)
        )
        if taken.rowcount == 0:  # type: ignore[attr-defined]
            db.session.refresh(session)
            raise WrongState(_why_not(session, action), session=session)
        _tell(session, action, by=by)


def _tell(session: Session, action: str, *, by: Actor) -> None:
    audit.record(f"session.{action}", by=by, object_type="session", object_id=session.id)
    changes.announce(*changes.about(session))


def _again(session: Session, by: Actor) -> Session:
    """The session as the database has it now."""
    return access.load_session(session.id, by=by)


def _locked_open_visit(visit_id: str) -> Visit:
    query = select(Visit).where(Visit.id == visit_id).with_for_update(of=Visit)
    visit = db.session.scalars(query.execution_options(populate_existing=True)).one()
    check_open(visit)
    return visit


def _why_not(session: Session, action: str) -> str:
    if action == "join" and session.status == Status.SCHEDULED:
        return _("Start the session first. Then you can join the call.")
    now = {
        Status.SCHEDULED: _("This session has not started yet."),
        Status.IN_PROGRESS: _("This session has already started."),
        Status.COMPLETED: _("This session has already ended."),
        Status.CANCELLED: _("This session was cancelled."),
        Status.FAILED: _("This session could not be started."),
    }
    return now[session.status]
