"""The staff's audit speaks in words, whatever the code writes into it."""

import re
from pathlib import Path

from telehealth import audit_words
from telehealth.models import AuditEntry
from telehealth.sessions import STEPS

PACKAGE = Path(audit_words.__file__).parent
ACTION = re.compile(r'"((?:session|visit|user|recording)\.[a-z_]+)"')
REASON = re.compile(r'(?:reason|why|how)="([a-z ]+)"')
REFUSED_ONLY = {"visit.list", "session.history", "session.consent"}
"""Only refusals are written of these, or nothing."""


WITH_REASONS = ("presence.py", "calls.py", "attendance.py", "compositions.py")


def written(what: re.Pattern[str], *names: str) -> set[str]:
    """All that stands in the code as an action, or as a reason."""
    files = [PACKAGE / name for name in names] or PACKAGE.rglob("*.py")
    return {found for file in files for found in what.findall(file.read_text())}


def test_every_action_has_words(inside):
    steps = {f"session.{step}" for step in STEPS}
    assert (written(ACTION) | steps) - set(audit_words.events()) == REFUSED_ONLY


def test_every_reason_has_words(inside):
    reasons = written(REASON, *WITH_REASONS)
    assert len(reasons) > 5
    for reason in reasons:
        assert audit_words.why(AuditEntry(reason=reason)) != reason, reason


def test_a_refusal_is_told_as_a_try_whatever_it_was(inside):
    for action in written(ACTION):
        words = audit_words.of(AuditEntry(action=action, outcome="denied"))
        assert words.startswith(("Tried", "Sign-in failed")), action


def test_a_reason_that_nobody_foresaw_is_told_as_it_is(inside):
    assert audit_words.why(AuditEntry(reason="something new")) == "something new"
