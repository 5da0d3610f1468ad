"""Tokens by which programs act for a person: shown once, kept as a hash, good until somebody ends them."""

from __future__ import annotations

from sqlalchemy import select, update

from telehealth import audit, clock, limits, sign_ins
from telehealth.access import Actor
from telehealth.errors import NotFound
from telehealth.extensions import db
from telehealth.models import ApiToken, User
from telehealth.origin import Origin
from telehealth.secret import digest, new_token
from telehealth.store import transaction


def find(token: str, origin: Origin) -> Actor | None:
    """Who this API token acts for. Raises TooMany for an address that guesses."""
    found = db.session.scalar(select(ApiToken).where(ApiToken.token_hash == digest(token)))
    if found is None or found.revoked_at is not None or not found.user.active:
        limits.guard("bearer", origin.line, limits.PER_ADDRESS)
        return None
    return sign_ins.actor_for(found.user, "token", origin)


def create(user: User, name: str, *, by: Actor) -> str:
    """A new bearer token for the person, shown once."""
    token = "th_" + new_token()
    with transaction():
        db.session.add(ApiToken(user_id=user.id, name=name, token_hash=digest(token), created_at=clock.now()))
        audit.record("user.api_token", by=by, object_type="user", object_id=user.id)
    return token


def listing(user: User | None = None) -> list[ApiToken]:
    """The API tokens of this person, or of everybody, oldest first; what was printed is not among it."""
    query = select(ApiToken).order_by(ApiToken.created_at, ApiToken.id)
    return list(db.session.scalars(query.where(ApiToken.user_id == user.id) if user else query))


def revoke(token_id: str, *, by: Actor) -> None:
    """Make one API token worthless. Raises NotFound for one that is not there or was revoked."""
    with transaction():
        revoked = update(ApiToken).where(ApiToken.id == token_id, ApiToken.revoked_at.is_(None))
        owner = db.session.scalar(revoked.values(revoked_at=clock.now()).returning(ApiToken.user_id))
        if owner is None:
            raise NotFound()
        audit.record("user.api_token_revoked", by=by, object_type="user", object_id=owner)
