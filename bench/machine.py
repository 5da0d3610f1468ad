"""The state machine of the tests, for longer than `make test` has time for."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from support.databases import Databases

from bench.figures import Figure

RUNS = 2000


def measure(databases: Databases, folder: Path) -> Iterator[Figure]:
    """How many clinics in which anything happened stayed in order; one that did not stops it."""
    command = [sys.executable, "-m", "pytest", "-q", f"--runs={RUNS}", "tests/test_state_machine.py"]
    found = subprocess.run(command, check=False, capture_output=True, text=True)
    if found.returncode:
        print(found.stdout, file=sys.stderr)
    held = RUNS if found.returncode == 0 else 0
    yield Figure("State machine: runs of 50 steps without a fault", held, "", RUNS, least=True)
