"""The benchmarks: `make bench`. They use the databases, servers and browsers of the tests."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
