"""Passwords: what is accepted, how they are hashed (Argon2id) and checked.

Rules from NIST SP 800-63B: length counts, composition rules do not, common ones are refused.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from flask_babel import gettext as _

from telehealth.errors import Invalid

SHORTEST = 15
LONGEST = 128

# OWASP's Argon2id setting: 19 MiB, two passes, one lane. The library's own costs 64 MiB a sign-in.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def check_new(password: str, *, about: tuple[str, ...] = (), field: str = "password") -> None:
    """Refuse a password that is too short, too long, common, or made of what `about` tells.

    Raises Invalid.
    """
    words = ""
    plain = password.casefold()
    if len(password) < SHORTEST:
        words = _("Use at least %(number)d characters. A short sentence works well.", number=SHORTEST)
    elif len(password) > LONGEST:
        words = _("Use at most %(number)d characters.", number=LONGEST)
    elif plain in _common() or len(set(plain)) < 5:
        words = _("This password is easy to guess. Choose another one.")
    elif any(len(part) > 3 and part.casefold() in plain for part in about):
        words = _("Do not use your name or e-mail address in the password.")
    if words:
        raise Invalid(fields={field: [words]})


def hash_new(password: str) -> str:
    """The Argon2id hash to keep."""
    return str(_apart(_hasher.hash, password))


def matches(password: str, kept: str | None) -> bool:
    """Whether this is the password. Takes the same time where there is none to compare with."""
    if len(password) > LONGEST:
        password = ""
    return bool(_apart(_verify, kept or _decoy(), password)) and kept is not None


def _verify(kept: str, password: str) -> bool:
    # Caught here, in the thread: what leaves it, gevent writes into the log with its traceback.
    try:
        return _hasher.verify(kept, password)
    except (VerificationError, InvalidHashError):
        return False


@cache
def _decoy() -> str:
    return _hasher.hash("nobody has this password")


@cache
def _common() -> frozenset[str]:
    return frozenset((files("telehealth") / "common_passwords.txt").read_text().split())


def _apart(work: Callable[..., Any], *args: Any) -> Any:
    """Run slow computing beside the event loop, or under gevent it would stop every other person."""
    from gevent import get_hub
    from gevent.monkey import is_module_patched

    if is_module_patched("threading"):
        return get_hub().threadpool.apply(work, args)
    return work(*args)
