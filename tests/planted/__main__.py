"""Plant each fault in a copy of the tree, run the tests named for it, and tell which were noticed.

`python -m tests.planted [WORD…]`: all of them, or those whose name holds one of the words. Exit 0 when
every fault was noticed.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tests.planted.fault import ROOT, Fault
from tests.planted.faults import FAULTS

KEPT = ("telehealth", "tests", "bench", "migrations", "wsgi.py", "gunicorn.conf.py", "setup.cfg")
ALL_WELL, SOME_FAILED = 0, 1
PATIENCE = 1200
"""Seconds that the tests of one fault may take."""


def main(words: list[str]) -> int:
    """Run those that are asked for; first all of their tests without a fault, which must pass."""
    chosen = [one for one in FAULTS if not words or any(word in one.name for word in words)]
    for kind in sorted({one.kind for one in chosen}):
        tests = {test for one in chosen if one.kind == kind for test in one.tests}
        code, told = run(None, sorted(tests), kind)
        if code != ALL_WELL:
            say(f"{told}\nThe tests do not pass even without a fault ({kind}).")
            return 2
    missed = [one for one in chosen if not is_noticed(one)]
    say(f"{len(chosen) - len(missed)} of {len(chosen)} planted faults were noticed")
    return 1 if missed else 0


def is_noticed(fault: Fault) -> bool:
    """Whether a test fails; one line of the table."""
    code, told = run(fault, fault.tests, fault.kind)
    if code not in (ALL_WELL, SOME_FAILED):
        raise RuntimeError(f"“{fault.name}” could not be tried:\n{told}")
    failed = next(
        (line for line in told.splitlines() if line.startswith(("FAILED tests", "ERROR tests"))), ""
    )
    test = failed.partition(" ")[2].partition(" - ")[0]
    say(f"| {fault.name} | {test.replace('tests/', '', 1) or '**nothing noticed it**'} |")
    return code == SOME_FAILED


def run(fault: Fault | None, tests: Iterable[str], kind: str) -> tuple[int, str]:
    """The exit code of pytest in a fresh copy with this fault, and what it told."""
    with tempfile.TemporaryDirectory(prefix="planted-") as folder:
        copy = Path(folder)
        for name in KEPT:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / name, copy / name)
        if fault is not None:
            fault.plant(copy)
        other = {"sqlite": "postgresql", "postgresql": "sqlite"}[kind]
        options = ["-q", "--tb=line", "-rfE", "-p", "no:cacheprovider", "-k", f"not {other}"]
        # What hangs is ended here, and then it counts as noticed.
        options += ["-o", "faulthandler_timeout=0"]
        if fault is not None:
            options.append("-x")
        tested = subprocess.Popen(
            [sys.executable, "-m", "pytest", *options, *tests],
            cwd=copy,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            told, _ = tested.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            # What waits for ever is noticed too, though it names no test.
            os.killpg(tested.pid, signal.SIGKILL)
            tested.communicate()
            return SOME_FAILED, "FAILED tests/ that never came to an end"
    return tested.returncode, told


def say(line: str) -> None:
    """Tell it at once: the whole takes minutes."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
