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
    command = [sys.executable, "-m", "pytest", "-q", f"--runs={RUNS}", f"--first-run={first}"]
    found = subprocess.run(
        [*command, "tests/test_state_machine.py"], check=False, capture_output=True, text=True
    )
    if found.returncode:
        print(found.stdout, file=sys.stderr)
    held = RUNS if found.returncode == 0 else 0
    detail = f"those from number {first}"
    yield Figure("State machine: runs of 50 steps without a fault", held, "", RUNS, detail, least=True)
