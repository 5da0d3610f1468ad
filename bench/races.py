"""Any two things at the same moment, more often than `make test` has time for."""

from collections.abc import Iterator
from pathlib import Path

from support.databases import Databases
from support.race import ACTIONS

from bench.figures import Figure
from bench.machine import holds

ROUNDS = 20
PAIRS = len(ACTIONS) * (len(ACTIONS) + 1) // 2


def measure(databases: Databases, folder: Path) -> Iterator[Figure]:
    """How many races of two workers on both databases came to a legal end; one that did not stops it."""
    races = 2 * ROUNDS * PAIRS
    held = races if holds(f"--rounds={ROUNDS}", "tests/test_race_pairs.py") else 0
    yield Figure("Races of any two steps without a fault", held, "", races, "SQLite, PostgreSQL", least=True)
