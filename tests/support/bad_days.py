"""Bad days of Twilio's REST interface at its double: each is put on all questions, or on those like `on`."""

from __future__ import annotations

from typing import Protocol

import pytest
from doubles.twilio.faults import Fault, Faults


class BadDay(Protocol):
    """Begins at once, and lasts until the faults are cleared or `times` questions met it."""

    def __call__(self, faults: Faults, on: str = "*", times: int | None = None) -> Fault:
        """The fault, which counts the questions that met it."""


def refuse(faults: Faults, on: str = "*", times: int | None = None) -> Fault:
    """Nobody there."""
    return faults.refuse(on, times)


def hang(faults: Faults, on: str = "*", times: int | None = None) -> Fault:
    """No answer, ever."""
    return faults.hang(on, times)


def slow(faults: Faults, on: str = "*", times: int | None = None) -> Fault:
    """The right answer, later than anybody waits for it."""
    return faults.slow(5, on, times)


def cut(faults: Faults, on: str = "*", times: int | None = None) -> Fault:
    """It is done, but the answer gets lost."""
    return faults.cut(on, times)


def status(number: int) -> BadDay:
    """The interface answers with this."""

    def answers(faults: Faults, on: str = "*", times: int | None = None) -> Fault:
        return faults.fail(number, on, times, retry_after=9 if number == 429 else None)

    return answers


PASSING: dict[str, BadDay] = {
    "refuse": refuse,
    "hang": hang,
    "slow": slow,
    "500": status(500),
    "429": status(429),
}
"""What may be over in a minute."""

WRONG_CREDENTIALS: dict[str, BadDay] = {"401": status(401)}
"""What stays until somebody sees to it."""


def each(days: dict[str, BadDay]) -> pytest.MarkDecorator:
    """The test's `trouble` is each of these in turn."""
    return pytest.mark.parametrize("trouble", days.values(), ids=days)
