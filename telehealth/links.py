"""A patient's links into a session: made, opened, revoked."""

from __future__ import annotations

from datetime import timedelta

from flask_babel import gettext as _
from sqlalchemy import select, update
from sqlalchemy.orm import joinedload

from telehealth import audit, changes, clock, sessions, sign_ins, signals
from telehealth.access import Actor
from telehealth.errors import Gone, NotFound
from telehealth.extensions import db
from telehealth.models import Link, Session, Status
from telehealth.origin import Origin
from telehealth.secret import digest, new_token
from telehealth.store import transaction

AFTERWARDS = timedelta(hours=24)
"""How long after its time a link into a session that never began still works."""


class Over(Gone):
    """The link was one once."""

    def __init__(self, link: Link) -> None:
        self.link = link
        super().__init__(_("This link no longer works."))


def make(session: Session, *, by: Actor) -> tuple[str, Link]:
    """A new link for the session's patient: its token (shown once) and its row.

    Links made before stop working. Raises NotAllowed or WrongState.
    """
    sessions.check(session, "link", by=by)
    token = new_token()
    with transaction():
        _revoke(session)
        link = Link(
            session_id=session.id,
            user_id=session.patient_id,
            token_hash=digest(token),
            created_at=clock.now(),
            expires_at=max(session.scheduled_start, clock.now()) + AFTERWARDS,
        )
        db.session.add(link)
        db.session.flush()
        _tell(session, "link", by=by)
    return token, link


def revoke(session: Session, *, by: Actor) -> None:
    """Make the session's links worthless, and the sign-ins they opened. Harmless twice."""
    sessions.check(session, "link", by=by)
    with transaction():
        if _revoke(session):
            _tell(session, "link_revoked", by=by)


def find(token: str) -> Link:
    """The link of this token, ready to open. Raises NotFound for none, Over for one that is over."""
    query = select(Link).where(Link.token_hash == digest(token))
    link = db.session.scalar(query.options(joinedload(Link.session), joinedload(Link.user)))
    if link is None:
        raise NotFound()
    late = link.expires_at < clock.now() and link.session.status != Status.IN_PROGRESS
    if link.revoked_at or late or not link.session.is_open or not link.user.active:
        raise Over(link)
    return link


def sign_in(link: Link, origin: Origin) -> str:
    """The secret for the cookie of a link's visitor: one session and nothing else.

    Raises Gone for a link that was revoked a moment ago, or whose owner was deactivated.
    """
    with transaction():
        if not sign_ins.is_active(link.user_id, held=True):
            raise Gone()
        signals.lock(link.session_id)
        token, entry = sign_ins.begin(link.user, "link", origin, link)
        _use(link, by=sign_ins.actor_for(link.user, "link", origin, entry))
    return token


def use(link: Link, *, by: Actor) -> None:
    """Its patient is signed in already and stays so; that the link was opened is written down all the same.

    Raises Gone for a link that was revoked a moment ago.
    """
    with transaction():
        signals.lock(link.session_id)
        _use(link, by=by)


def _use(link: Link, *, by: Actor) -> None:
    used = db.session.execute(
        update(Link).where(Link.id == link.id, Link.revoked_at.is_(None)).values(opened_at=clock.now())
    )
    if used.rowcount == 0:  # type: ignore[attr-defined]
        raise Gone()
    _note_use(link, by=by)
    changes.announce(*changes.about(link.session))


def refuse(link: Link, origin: Origin) -> None:
    """Write down that somebody tried a link that is over."""
    _note_use(link, by=sign_ins.stranger(origin), outcome="denied", reason="over")


def _note_use(link: Link, *, by: Actor, outcome: str = "ok", reason: str = "") -> None:
    audit.record(
        "session.link_used",
        by=by,
        object_type="session",
        object_id=link.session_id,
        outcome=outcome,
        reason=reason,
        detail={"link": link.id},
    )


def _revoke(session: Session) -> bool:
    signals.lock(session.id)
    ended = db.session.execute(
        update(Link)
        .where(Link.session_id == session.id, Link.revoked_at.is_(None))
        .values(revoked_at=clock.now())
        .execution_options(synchronize_session="fetch")
    )
    sign_ins.end_by_link(session.id)
    return bool(ended.rowcount)  # type: ignore[attr-defined]


def _tell(session: Session, action: str, *, by: Actor) -> None:
    audit.record(f"session.{action}", by=by, object_type="session", object_id=session.id)
    changes.announce(*changes.about(session))
