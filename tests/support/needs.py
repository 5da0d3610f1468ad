"""What some tests need of the machine; without it they say so, and under CI=true they fail."""

import os
import shutil
from collections import Counter
from typing import Any, NoReturn

import pytest

PACKAGES = {"chromium": "chromium", "turnserver": "coturn", "node": "nodejs"}


def program(name: str) -> str:
    """The path of a program; a test that asks for one that is missing does not run."""
    found = shutil.which(name)
    if found is None:
        cannot_run(f"{name} is missing (on Debian: apt-get install {PACKAGES.get(name, name)})")
    return found


def cannot_run(why: str) -> NoReturn:
    """End the test here, as a failure where nobody would read a notice."""
    if in_ci():
        pytest.fail(why, pytrace=False)
    pytest.skip(why)


def in_ci() -> bool:
    """Whether a machine runs us, not a person."""
    return os.environ.get("CI") == "true"


def not_run(config: pytest.Config) -> Counter[str]:
    """Why tests did not run so far, and how many."""
    terminal: Any = config.pluginmanager.get_plugin("terminalreporter")
    skipped = terminal.stats.get("skipped", []) if terminal else []
    reasons = [
        result.longrepr[2] if isinstance(result.longrepr, tuple) else str(result.longrepr)
        for result in skipped
    ]
    return Counter(reason.removeprefix("Skipped: ") for reason in reasons)


def report(terminal: pytest.TerminalReporter) -> None:
    """The last lines of a run: what did not run, and why."""
    reasons = not_run(terminal.config)
    if reasons:
        terminal.section("not run", yellow=True, bold=True)
    for why, count in sorted(reasons.items()):
        terminal.line(f"{count} did not run: {why}", yellow=True)
