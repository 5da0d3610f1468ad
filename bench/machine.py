"""The state machine of the tests, for longer than `make test` has time for."""

import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from support.databases import Databases

from bench.figures import Figure

RUNS = 2000


def measure(databases: Databases, folder: Path) -> Iterator[Figure]:
    """How many clinics in which anything happened stayed in order; one that did not stops it."""
    first = secrets.randbelow(10**9)
    found = holds(f"--runs={RUNS}", f"--first-run={first}", "tests/test_state_machine.py")
    held = RUNS if found else 0
    detail = f"those from number {first}"
    yield Figure("State machine: runs of 50 steps without a fault", held, "", RUNS, detail, least=True)


def holds(*given: str) -> bool:
    """Whether these tests pass; what they say is printed where they do not."""
    found = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *given], check=False, capture_output=True, text=True
    )
    if found.returncode:
        print(found.stdout, file=sys.stderr)
    return not found.returncode
