"""A figure: what was measured, against which limit."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One line of the table. `limit` is the most that the value may be; None: only told."""

    name: str
    value: float
    unit: str
    limit: float | None = None
    detail: str = ""

    @property
    def ok(self) -> bool:
        """Whether the value keeps to its limit."""
        return self.limit is None or self.value <= self.limit

    @property
    def row(self) -> str:
        """As a row of a table in Markdown."""
        limit = "–" if self.limit is None else f"≤ {self.limit:g}{self.unit}"
        verdict = "" if self.limit is None else (" ✓" if self.ok else " ✗")
        return f"| {self.name} | {self.value:.3g}{self.unit}{verdict} | {limit} | {self.detail} |"
