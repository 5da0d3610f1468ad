"""What people write: which characters no database keeps, and which deceive whoever reads them."""

from __future__ import annotations

import unicodedata

from flask_babel import lazy_gettext as _l

UNUSABLE = _l("Some of the characters cannot be used.")

_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")


def is_unkept(text: str) -> bool:
    """Whether no database keeps this: NUL, or half a character."""
    return "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text)


def is_deceptive(line: str) -> bool:
    """Whether a line is not what it looks like.

    It turns the reading direction of what stands after it, steers a terminal, or shows nothing at all.
    """
    if any(one in _TURNING or unicodedata.category(one) in ("Cc", "Cs") for one in line):
        return True
    return bool(line) and all(one in _BLANK or unicodedata.category(one)[0] in "CMZ" for one in line)
