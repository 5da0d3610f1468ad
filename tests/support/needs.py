"""What some tests need of the machine; without it they say so, and under CI=true they fail."""

import os
import shutil

import pytest

PACKAGES = {"chromium": "chromium", "turnserver": "coturn", "node": "nodejs"}


def program(name: str) -> str:
    """The path of a program; a test that asks for one that is missing does not run."""
    found = shutil.which(name)
    if found is None:
        cannot_run(f"{name} is missing (on Debian: apt-get install {PACKAGES.get(name, name)})")
        raise AssertionError("unreachable")
    return found


def cannot_run(why: str) -> None:
    """End the test here, as a failure where nobody would read a notice."""
    if in_ci():
        pytest.fail(why, pytrace=False)
    pytest.skip(why)


def in_ci() -> bool:
    """Whether a machine runs us, not a person."""
    return os.environ.get("CI") == "true"


def report(terminal: pytest.TerminalReporter) -> None:
    """The last lines of a run: what did not run, and why."""
    skipped = terminal.stats.get("skipped", [])
    if not skipped:
        return
    reasons: dict[str, int] = {}
    for result in skipped:
        why = result.longrepr[2] if isinstance(result.longrepr, tuple) else str(result.longrepr)
        reasons[why.removeprefix("Skipped: ")] = reasons.get(why, 0) + 1
    terminal.section("not run", yellow=True, bold=True)
    for why, count in sorted(reasons.items()):
        terminal.line(f"{count} tests did not run: {why}", yellow=True)
