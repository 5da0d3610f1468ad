"""Access tokens, verified as Twilio does. Which code belongs to which fault is in part a guess."""

from __future__ import annotations

import time
from dataclasses import dataclass

import jwt

from doubles.twilio.model import Json

LONGEST = 24 * 3600


class Refused(Exception):
    """Says no, with a code of Twilio's."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Grant:
    """What a token allows: to be this identity in this room; no room means any."""

    identity: str
    room: str | None


def payload_of(token: str) -> Json:
    """What a token says, whoever signed it; empty if it cannot be read."""
    try:
        said: Json = jwt.decode(token, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        return {}
    return said


def check(token: str, account_sid: str, keys: dict[str, str]) -> Grant:
    """Verify a token; `keys` are API keys with their secrets."""
    try:
        header = jwt.get_unverified_header(token)
    except jwt.InvalidTokenError as error:
        raise Refused(20101, "Invalid Access Token") from error
    if header.get("alg") != "HS256" or header.get("cty") != "twilio-fpa;v=1":
        raise Refused(20102, "Invalid Access Token header")
    said = payload_of(token)
    if said.get("iss") not in keys or said.get("sub") != account_sid:
        raise Refused(20103, "Invalid Access Token issuer/subject")
    try:
        jwt.decode(
            token,
            keys[said["iss"]],
            algorithms=["HS256"],
            options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
        )
    except jwt.InvalidTokenError as error:
        raise Refused(20107, "Invalid Access Token signature") from error
    _check_times(said)
    grants = said.get("grants", {})
    if not grants.get("identity") or "video" not in grants:
        raise Refused(20106, "Invalid Access Token grants")
    return Grant(grants["identity"], grants["video"].get("room"))


def _check_times(said: Json) -> None:
    now = time.time()
    if not isinstance(said.get("exp"), int) or not now < said["exp"] <= now + LONGEST + 60:
        raise Refused(20104, "Access Token expired or expiration date invalid")
    if said.get("nbf", 0) > now:
        raise Refused(20105, "Access Token not yet valid")
