"""A fault that can be planted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Fault:
    """One check that is missing. `old` stands in `file` exactly once; `tests` run on this `kind`."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    kind: str = "sqlite"

    def plant(self, root: Path) -> None:
        """Take the check away in the copy of the tree at `root`."""
        file = root / self.file
        text = file.read_text()
        count = text.count(self.old)
        if count != 1:
            raise LookupError(f"“{self.name}”: its text is {count} times in {self.file}")
        file.write_text(text.replace(self.old, self.new))
