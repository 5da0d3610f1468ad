"""Sign-ins, kept on the server: the cookie holds a random secret, the table its hash.

An idle sign-in ends after 15 minutes for doctors and staff, 30 for patients; any after 12 hours.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import ColumnElement, Select, bindparam, exists, select, update

from telehealth import audit, clock, limits, passwords, presence
from telehealth.access import Actor
from telehealth.errors import TooMany
from telehealth.extensions import db
from telehealth.models import Link, Participation, Role, Session, SignIn, User
from telehealth.origin import Origin
from telehealth.secret import digest, new_token
from telehealth.store import release, transaction

IDLE = {
    Role.DOCTOR: timedelta(minutes=15),
    Role.STAFF: timedelta(minutes=15),
    Role.PATIENT: timedelta(minutes=30),
}
ABSOLUTE = timedelta(hours=12)
TOUCH = timedelta(seconds=30)
"""A use is written down at most this often: not every page needs a write."""


# Asked at every request: put together once, and read as a row.
_SIGN_IN, _USER = SignIn.__table__.c, User.__table__.c
_FIND = (
    select(
        *(_SIGN_IN.id, _SIGN_IN.kind, _SIGN_IN.user_id, _SIGN_IN.session_id),
        *(_SIGN_IN.created_at, _SIGN_IN.last_used_at, _USER.role, _USER.name),
    )
    .join_from(SignIn.__table__, User.__table__, _SIGN_IN.user_id == _USER.id)
    .where(_SIGN_IN.token_hash == bindparam("token_hash"), _SIGN_IN.ended_at.is_(None), _USER.active)
)
_STANDS = select(SignIn.id).where(SignIn.id == bindparam("sign_in"), SignIn.ended_at.is_(None))
_ACTIVE = select(User.id).where(User.id == bindparam("user"), User.active)
_ACTIVE_WITH = _ACTIVE.where(User.password_hash == bindparam("password_hash"))


def actor_for(user: User, via: str, origin: Origin, sign_in: SignIn | None = None) -> Actor:
    """The actor that this user is, come by this way."""
    return Actor(
        user_id=user.id,
        role=user.role,
        name=user.name,
        via=via,
        only_session=sign_in.session_id if sign_in else None,
        sign_in_id=sign_in.id if sign_in else None,
        address=origin.address,
        agent=origin.agent,
        request_id=origin.request_id,
    )


def sign_in(email: str, password: str, origin: Origin) -> str | None:
    """The secret for the cookie, or None: unknown, wrong, locked and deactivated look the same.

    Raises TooMany for an address that tries far too often.
    """
    email = email.strip().casefold()
    address_ok = limits.count("address", origin.line, limits.PER_ADDRESS)
    account_ok = limits.count("account", email, limits.PER_ACCOUNT)
    if not address_ok:
        raise TooMany(retry_after=int(limits.WINDOW.total_seconds()))
    user = db.session.scalar(select(User).where(User.email == email))
    known = user.password_hash if user else None
    release()
    right = passwords.matches(password, known)
    who = actor_for(user, "password", origin) if user else stranger(origin)
    if user is None or not right or not account_ok or not user.active:
        _refuse(who, "locked" if not account_ok else "password")
        return None
    token = None
    with transaction():
        if is_active(user.id, known, held=True):
            limits.forget("account", email)
            limits.give_back("address", origin.line)
            token, _entry = begin(user, "password", origin)
            audit.record("user.sign_in", by=who, object_type="user", object_id=user.id)
    if token is None:
        _refuse(who, "password")
    return token


def find(
    token: str,
    origin: Origin,
    *,
    passive: bool,
    in_call: bool,
    pressed: bool = True,
    session_id: str | None = None,
    visit_id: str | None = None,
) -> Actor | None:
    """Who this cookie belongs to, if it is still good.

    `passive` requests (polls, streams, pages that a browser prepares) extend nothing. `in_call` ones
    live on past the idle end as long as a page of theirs waits for a call or is in it, and past the
    absolute one while it is in it: of that session or visit alone, where one is asked for. A call in
    progress is not cut, and what is `pressed` in it is a use like any other; only to look at what it is
    about opens nothing else.
    """
    found = db.session.execute(_FIND, {"token_hash": digest(token)}).one_or_none()
    if found is None:
        return None
    now = clock.now()
    idle = now - found.last_used_at
    too_old = now - found.created_at > ABSOLUTE
    over = idle > IDLE[found.role]
    if too_old or over:
        lately = now - IDLE[found.role]
        if not in_call or not _in_call(found.id, lately, not too_old, session_id, visit_id):
            return None
    if not passive and not too_old and idle > TOUCH and (pressed or not over):
        with transaction():
            db.session.execute(update(SignIn).where(SignIn.id == found.id).values(last_used_at=now))
    return Actor(
        user_id=found.user_id,
        role=found.role,
        name=found.name,
        via=found.kind,
        only_session=found.session_id,
        sign_in_id=found.id,
        address=origin.address,
        agent=origin.agent,
        request_id=origin.request_id,
        lives_on=too_old or over,
    )


def sign_out(actor: Actor, *, stay_in_call: bool = False) -> None:
    """End the actor's sign-in: its cookie is worth nothing from now on.

    `stay_in_call`: the same person has just signed in anew, and their call goes on under that.
    """
    with transaction():
        _end(SignIn.id == actor.sign_in_id, put_out=not stay_in_call)
        audit.record("user.sign_out", by=actor, object_type="user", object_id=actor.user_id or "")


def same_person(old_token: str, new_token: str) -> bool:
    """Whether both cookies, good or over, are of one person come by the same way."""
    query = select(SignIn.user_id, SignIn.session_id)
    query = query.where(SignIn.token_hash.in_((digest(old_token), digest(new_token))))
    found = db.session.execute(query).all()
    return len(found) == 2 and found[0] == found[1]


def stands(sign_in_id: str | None, *, held: bool = False) -> bool:
    """Whether this sign-in has not been ended; a program's token has none.

    `held`: nor will be before the transaction is over; asked in a locked session.
    """
    return sign_in_id is None or _is_there(_STANDS, held, {"sign_in": sign_in_id})


def is_active(user_id: str | None, password_hash: str | None = None, *, held: bool = False) -> bool:
    """Whether they are active, with this password if given; `held` as above, before a session is locked."""
    asked = {"user": user_id, "password_hash": password_hash}
    return _is_there(_ACTIVE_WITH if password_hash else _ACTIVE, held, asked)


def may_go_on(by: Actor) -> bool:
    """Whether somebody whose request took a while is still active, with a sign-in that stands."""
    return stands(by.sign_in_id) and is_active(by.user_id)


def end_all(user: User) -> None:
    """End the person's sign-ins, in the transaction of what made it necessary."""
    _end(SignIn.user_id == user.id)


def end_by_link(session_id: str) -> None:
    """End the sign-ins that links of this session opened."""
    _end((SignIn.session_id == session_id) & (SignIn.kind == "link"))


def begin(user: User, kind: str, origin: Origin, link: Link | None = None) -> tuple[str, SignIn]:
    """A new sign-in and the secret for its cookie; `link`: good for its session alone."""
    token, now = new_token(), clock.now()
    entry = SignIn(
        token_hash=digest(token),
        kind=kind,
        user_id=user.id,
        link_id=link.id if link else None,
        session_id=link.session_id if link else None,
        created_at=now,
        last_used_at=now,
        address=origin.address[:45],
        agent=origin.agent[:200],
    )
    db.session.add(entry)
    db.session.flush()
    return token, entry


def _end(condition: ColumnElement[bool], *, put_out: bool = True) -> None:
    """End sign-ins, and put their pages out of the calls they are in."""
    presence.hold_calls_of(select(SignIn.id).where(condition, SignIn.ended_at.is_(None)))
    ended = db.session.scalars(
        update(SignIn)
        .where(condition, SignIn.ended_at.is_(None))
        .values(ended_at=clock.now())
        .returning(SignIn.id)
        .execution_options(synchronize_session="fetch")
    ).all()
    if put_out and ended:
        presence.put_out(ended)


def _in_call(
    sign_in_id: str, since: datetime, may_wait: bool, session_id: str | None, visit_id: str | None
) -> bool:
    """Whether a page of this sign-in was heard of since then in the call, or in its waiting room.

    A patient may wait for an hour without touching anything, and then be in a lift for two minutes.
    """
    heard = exists().where(Participation.sign_in_id == sign_in_id, Participation.seen_at > since)
    if not may_wait:
        # One that has just left is being loaded anew.
        heard = heard.where(Participation.state != Participation.WAITING)
    if session_id is not None:
        heard = heard.where(Participation.session_id == session_id)
    if visit_id is not None:
        heard = heard.where(Participation.session_id == Session.id, Session.visit_id == visit_id)
    return bool(db.session.scalar(select(heard)))


def _is_there(query: Select[str], held: bool, asked: Mapping[str, str | None]) -> bool:
    return db.session.scalar(_held(query) if held else query, asked) is not None


@cache
def _held(query: Select[str]) -> Select[str]:
    return query.with_for_update(read=True)


def _refuse(who: Actor, reason: str) -> None:
    audit.record(
        "user.sign_in",
        by=who,
        object_type="user",
        object_id=who.user_id or "",
        outcome="denied",
        reason=reason,
    )


def stranger(origin: Origin) -> Actor:
    """Somebody of whom nothing is known."""
    return Actor(None, "stranger", "", "password", None, None, *_parts(origin))


def _parts(origin: Origin) -> tuple[str, str, str]:
    return origin.address, origin.agent, origin.request_id
