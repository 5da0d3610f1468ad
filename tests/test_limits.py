"""Limits on guessing: counted in the database, for everybody at once."""

from datetime import timedelta

import pytest
from support.domain import NOW, rows, together

from telehealth import limits
from telehealth.errors import TooMany
from telehealth.models import Limit

SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _here(inside, moment):
    """Every test is inside the app, at one moment."""


def counted(times, kind="link", what="abc", most=3):
    return [limits.count(kind, what, most) for _ in range(times)]


def test_as_many_tries_as_there_may_be_are_let_through():
    assert counted(5) == [True, True, True, False, False]


def test_tries_are_counted_for_each_thing_by_itself():
    counted(4)
    assert counted(1, what="abd") == [True]
    assert counted(1, kind="account") == [True]


def test_a_window_ends_with_its_time(moment):
    counted(4)
    moment.shift(limits.WINDOW)
    assert counted(1) == [False]
    moment.shift(SECOND)
    assert counted(4) == [True, True, True, False]


def test_a_try_beyond_the_limit_does_not_extend_the_window(moment):
    counted(4)
    moment.shift(limits.WINDOW)
    counted(4)
    assert rows(Limit)[0]["since"] == NOW


def test_a_success_is_forgotten():
    counted(4)
    limits.forget("link", "abc")
    assert counted(1) == [True]
    limits.forget("link", "never counted")


def test_a_guard_says_how_long_to_wait():
    limits.guard("link", "abc", 1)
    with pytest.raises(TooMany) as refusal:
        limits.guard("link", "abc", 1)
    assert refusal.value.retry_after == limits.WINDOW.total_seconds()


@pytest.mark.parametrize("what", ["", "ana@people.example", "\x00", "\ud800", "a" * 100_000])
def test_what_is_counted_is_never_kept(what):
    assert counted(1, what=what) == [True]
    (row,) = rows(Limit)
    assert len(row["key"]) <= 80
    assert not what or what not in row["key"]


def test_counters_that_are_over_are_removed(moment):
    counted(1, what="old")
    moment.shift(limits.WINDOW + SECOND)
    counted(2, what="new")
    assert len(rows(Limit)) == 1


def test_many_at_once_are_counted_one_by_one(app):
    answers = together(app, [lambda: limits.count("link", "abc", 3)] * 12)
    assert sorted(answers) == [False] * 9 + [True] * 3
    assert rows(Limit)[0]["tries"] == 12


def test_many_come_back_at_once_after_their_windows_ended(app, moment):
    """Each begins its own counter anew and clears away what is over."""
    for _ in range(4):
        names = [f"somebody {number}" for number in range(8)]
        for name in names:
            counted(1, what=name)
        moment.shift(limits.WINDOW + SECOND)
        answers = together(app, [lambda n=n: limits.count("link", n, 3) for n in names * 2])
        assert answers == [True] * 16
        moment.shift(limits.WINDOW + SECOND)
