"""Long lists in pages."""

from __future__ import annotations


def place(page: int, count: int, size: int) -> tuple[int, int]:
    """The page to show, counted from 1, and how many there are; for one that there is not, the nearest."""
    pages = max(1, -(-count // size))
    return min(max(page, 1), pages), pages
