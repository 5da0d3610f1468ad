"""Runs of Hypothesis that differ more from each other than its own, and are the same ones every time."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from random import Random
from typing import Any

from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, HypothesisProvider

_numbers: Iterator[int] = itertools.count()


class Numbered(HypothesisProvider):
    """Each run by the number it has; the usual way tries five variants of each, much the same."""

    def __init__(self, data: Any, /) -> None:
        super().__init__(data)
        self._random = Random(next(_numbers))


def numbered(first: int) -> str:
    """The backend of runs that begin with this number."""
    global _numbers
    _numbers = itertools.count(first)
    AVAILABLE_PROVIDERS["numbered"] = f"{__name__}.{Numbered.__name__}"
    return "numbered"
