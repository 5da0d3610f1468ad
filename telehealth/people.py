"""People: created, changed, deactivated, invited to choose a password."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

import phonenumbers
from flask_babel import gettext as _
from sqlalchemy import Select, func, select, update
from sqlalchemy.exc import IntegrityError

from telehealth import audit, clock, paging, passwords, presence, sign_ins, texts
from telehealth.access import SYSTEM, Actor, require_role
from telehealth.errors import Gone, Invalid
from telehealth.extensions import db
from telehealth.models import ApiToken, Invitation, Role, User
from telehealth.origin import Origin
from telehealth.secret import digest, new_token
from telehealth.store import holds, new_id, transaction

INVITATION_LIFE = timedelta(days=7)
PAGE = 100
"""So many people are listed at a time."""
_EMAIL = re.compile(r"[^@\s,;<>\"()\[\]\\]{1,64}@[a-z0-9.-]{1,180}\.[a-z0-9-]{2,60}")


@dataclass(frozen=True)
class Details:
    """What is known of a person, as it was typed."""

    email: str
    name: str
    phone: str = ""
    date_of_birth: date | None = None


def create(
    role: str,
    details: Details,
    *,
    by: Actor,
    password: str | None = None,
    demo: bool = False,
) -> User:
    """Add a person; without a password they choose theirs through an invitation.

    Raises Invalid, with one entry a field that is wrong.
    """
    _only_staff(by, "user.create")
    user = User(id=new_id(), role=role, active=True, demo=demo, created_at=clock.now(), password_hash=None)
    _fill(user, details)
    if role not in Role.ALL:
        raise Invalid(fields={"role": [_("Choose doctor, patient or staff.")]})
    if password is not None:
        passwords.check_new(password, about=(user.name, *user.email.split("@")))
        user.password_hash = passwords.hash_new(password)
    try:
        with transaction():
            db.session.add(user)
            db.session.flush()
            audit.record("user.create", by=by, object_type="user", object_id=user.id, detail={"role": role})
    except IntegrityError:
        raise Invalid(fields={"email": [_("Somebody has this e-mail address already.")]}) from None
    return user


def change(user: User, details: Details, *, by: Actor) -> bool:
    """Correct what is known of a person; whether anything was different. Raises Invalid."""
    _only_staff(by, "user.change")
    try:
        with transaction():
            _fill(user, details)
            if not db.session.is_modified(user):
                return False
            db.session.flush()
            audit.record("user.change", by=by, object_type="user", object_id=user.id)
            return True
    except IntegrityError:
        raise Invalid(fields={"email": [_("Somebody has this e-mail address already.")]}) from None


def set_active(user: User, active: bool, *, by: Actor) -> None:
    """Let a person in again, or keep them out: their sign-ins and API tokens end at once. Harmless twice."""
    _only_staff(by, "user.change")
    if user.id == by.user_id:
        raise Invalid(_("You cannot do this to yourself. Ask somebody else of the staff."))
    action = "user.activate" if active else "user.deactivate"
    with transaction():
        if not active:
            _use_up(user.id)
        changed = db.session.execute(
            update(User)
            .where(User.id == user.id, User.active != active)
            .values(active=active)
            .execution_options(synchronize_session="fetch")
        )
        if changed.rowcount == 0:  # type: ignore[attr-defined]
            return
        if not active:
            sign_ins.end_all(user)
            presence.take_out_everywhere(user)
            db.session.execute(
                update(ApiToken)
                .where(ApiToken.user_id == user.id, ApiToken.revoked_at.is_(None))
                .values(revoked_at=clock.now())
            )
        audit.record(action, by=by, object_type="user", object_id=user.id)


def invite(user: User, *, by: Actor) -> str:
    """A one-time token with which the person chooses a password; earlier ones stop working."""
    _only_staff(by, "user.invite")
    token = new_token()
    with transaction():
        _use_up(user.id)
        db.session.add(
            Invitation(
                user_id=user.id,
                token_hash=digest(token),
                created_at=clock.now(),
                expires_at=clock.now() + INVITATION_LIFE,
            )
        )
        audit.record("user.invite", by=by, object_type="user", object_id=user.id)
    return token


def invitation(token: str) -> Invitation:
    """The invitation of this token. Raises Gone for one that was used, replaced or is too old."""
    found = db.session.scalar(select(Invitation).where(Invitation.token_hash == digest(token)))
    if found is None or found.used_at or found.expires_at < clock.now() or not found.user.active:
        raise Gone(_("This invitation no longer works."))
    return found


def accept(token: str, password: str, *, origin: Origin) -> User:
    """Set the password that its owner chose; every sign-in there was ends. Raises Invalid, Gone."""
    user = invitation(token).user
    passwords.check_new(password, about=(user.name, *user.email.split("@")))
    kept = passwords.hash_new(password)
    with transaction():
        user = invitation(token).user
        claimed = db.session.execute(
            update(Invitation)
            .where(Invitation.token_hash == digest(token), Invitation.used_at.is_(None))
            .values(used_at=clock.now())
        )
        if claimed.rowcount == 0:  # type: ignore[attr-defined]
            raise Gone(_("This invitation no longer works."))
        user.password_hash = kept
        _use_up(user.id)
        sign_ins.end_all(user)
        who = sign_ins.actor_for(user, "invitation", origin)
        audit.record("user.password", by=who, object_type="user", object_id=user.id)
    return user


def by_email(email: str) -> User | None:
    """The person with this address."""
    return db.session.scalar(select(User).where(User.email == email.strip().casefold()))


@dataclass(frozen=True)
class Found:
    """One page of people, by name, and how many there are on all `pages`."""

    people: list[User]
    count: int
    page: int
    pages: int


def listing(words: str, *, by: Actor, page: int = 1) -> Found:
    """Everybody by part of a name or address, PAGE of them at a time."""
    require_role(by, (Role.STAFF,), "user.read")
    query = _named(words)
    count = db.session.scalar(select(func.count()).select_from(query.subquery())) or 0
    page, pages = paging.place(page, count, PAGE)
    found = db.session.scalars(query.order_by(User.name, User.id).offset((page - 1) * PAGE).limit(PAGE))
    return Found(list(found), count, page, pages)


def search(words: str, *, by: Actor, role: str, limit: int) -> list[User]:
    """Active people of a role by part of a name or address, by name."""
    require_role(by, (Role.STAFF, Role.DOCTOR), "user.read")
    if by.role == Role.DOCTOR:
        role = Role.PATIENT
    query = _named(words).where(User.role == role, User.active)
    return list(db.session.scalars(query.order_by(User.name, User.id).limit(limit)))


def colleagues(also: str, *, by: Actor) -> list[User]:
    """Doctors and staff, by name, and whoever has the id `also`."""
    require_role(by, (Role.STAFF,), "user.read")
    query = select(User).where(User.role.in_((Role.DOCTOR, Role.STAFF)) | (User.id == also))
    return list(db.session.scalars(query.order_by(User.name, User.id)))


def _named(words: str) -> Select[User]:
    """Everybody whose name or address holds these words."""
    if not words.strip():
        return select(User)
    return select(User).where(holds(words, User.name, User.email))


def _fill(user: User, details: Details) -> None:
    fields: dict[str, list[str]] = {}
    email, phone = details.email.strip().casefold(), details.phone.strip()
    name, born = " ".join(details.name.split()), details.date_of_birth
    if not _EMAIL.fullmatch(email) or len(email) > 254 or texts.is_deceptive(email):
        fields["email"] = [_("Write an e-mail address such as name@example.org.")]
    if not name or len(name) > 200:
        fields["name"] = [_("Write the name, with at most 200 characters.")]
    elif texts.is_deceptive(name):
        fields["name"] = [str(texts.UNUSABLE)]
    if phone and (len(phone) > 40 or not _is_phone(phone)):
        fields["phone"] = [_("Write the number with its country, such as +49 30 123456.")]
    if born and not date(1880, 1, 1) <= born <= clock.now().date():
        fields["date_of_birth"] = [_("This cannot be a date of birth.")]
    if fields:
        raise Invalid(fields=fields)
    user.email, user.name, user.phone = email, name, phone or None
    user.date_of_birth = born


def _is_phone(value: str) -> bool:
    # The library looks for a number anywhere in what was written.
    if not re.fullmatch(r"[-+0-9 ()./]+", value):
        return False
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(value, None))
    except phonenumbers.NumberParseException:
        return False


def _use_up(user_id: str) -> None:
    db.session.execute(
        update(Invitation)
        .where(Invitation.user_id == user_id, Invitation.used_at.is_(None))
        .values(used_at=clock.now())
        .execution_options(synchronize_session="fetch")
    )


def _only_staff(by: Actor, action: str) -> None:
    if by is not SYSTEM:
        require_role(by, (Role.STAFF,), action)
