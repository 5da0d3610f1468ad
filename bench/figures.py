"""A figure: what was measured, against which limit."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One line of the table. `limit` is the most that the value may be, or with `least` the least.

    None: only told.
    """

    name: str
    value: float
    unit: str
    limit: float | None = None
    detail: str = ""
    least: bool = False

    @property
    def ok(self) -> bool:
        """Whether the value keeps to its limit."""
        if self.limit is None:
            return True
        return self.value >= self.limit if self.least else self.value <= self.limit

    @property
    def row(self) -> str:
        """As a row of a table in Markdown."""
        limit = "–" if self.limit is None else f"{'≥' if self.least else '≤'} {self.limit:g}{self.unit}"
        verdict = "" if self.limit is None else (" ✓" if self.ok else " ✗")
        return f"| {self.name} | {self.value:.3g}{self.unit}{verdict} | {limit} | {self.detail} |"
