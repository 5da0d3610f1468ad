"""Clinic time: what a form says, where clocks go forward and back, and moments told in words."""

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
import time_machine
from flask_babel import force_locale

from telehealth import times
from telehealth.errors import Invalid
from telehealth.times import ClinicTime, Twice

BERLIN = "Europe/Berlin"
NEW_YORK = "America/New_York"
LORD_HOWE = "Australia/Lord_Howe"

GAPS = [
    (BERLIN, "2026-03-29 02:00"),
    (BERLIN, "2026-03-29 02:30"),
    (BERLIN, "2026-03-29 02:59"),
    (NEW_YORK, "2026-03-08 02:00"),
    (NEW_YORK, "2026-03-08 02:59"),
    # Half an hour, not a whole one.
    (LORD_HOWE, "2026-10-04 02:00"),
    (LORD_HOWE, "2026-10-04 02:29"),
]
FOLDS = [
    (BERLIN, "2026-10-25 02:00", "00:00", "01:00"),
    (BERLIN, "2026-10-25 02:59", "00:59", "01:59"),
    (NEW_YORK, "2026-11-01 01:30", "05:30", "06:30"),
    (LORD_HOWE, "2026-04-05 01:30", "14:30", "15:00"),
    (LORD_HOWE, "2026-04-05 01:59", "14:59", "15:29"),
]
CLEAR = [
    (BERLIN, "2026-03-29 01:59", "2026-03-29 00:59"),
    (BERLIN, "2026-03-29 03:00", "2026-03-29 01:00"),
    (BERLIN, "2026-10-25 01:59", "2026-10-24 23:59"),
    (BERLIN, "2026-10-25 03:00", "2026-10-25 02:00"),
    (BERLIN, "2026-06-09 14:30", "2026-06-09 12:30"),
    (BERLIN, "2026-12-09 14:30", "2026-12-09 13:30"),
    (NEW_YORK, "2026-03-08 03:00", "2026-03-08 07:00"),
    (NEW_YORK, "2026-11-01 02:00", "2026-11-01 07:00"),
    (NEW_YORK, "2026-07-04 23:30", "2026-07-05 03:30"),
    (LORD_HOWE, "2026-10-04 02:30", "2026-10-03 15:30"),
    (LORD_HOWE, "2026-04-05 02:00", "2026-04-04 15:30"),
    ("UTC", "2026-03-29 02:30", "2026-03-29 02:30"),
    ("Asia/Kathmandu", "2026-06-09 12:00", "2026-06-09 06:15"),
]


@pytest.fixture(autouse=True)
def _in_english(app):
    """Words need an app; nothing here asks its database."""
    with app.app_context(), force_locale("en"):
        yield


@pytest.fixture
def database_url(tmp_path):
    return f"sqlite:///{tmp_path / 'empty.sqlite'}"


def naive(text):
    return datetime.fromisoformat(text)


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def clinic(zone=BERLIN):
    return ClinicTime(SimpleNamespace(timezone=ZoneInfo(zone)))


@pytest.mark.parametrize(("zone", "local", "moment"), CLEAR)
@pytest.mark.parametrize("fold", [None, 0, 1])
def test_a_clear_time_means_one_moment(zone, local, moment, fold):
    found = times.from_form(naive(local), ZoneInfo(zone), fold)
    assert found == utc(moment)
    assert found.tzinfo is UTC


@pytest.mark.parametrize(("zone", "local"), GAPS)
@pytest.mark.parametrize("fold", [None, 0, 1])
def test_a_time_that_the_clock_leaves_out_is_asked_back(zone, local, fold):
    with pytest.raises(Invalid) as refusal:
        times.from_form(naive(local), ZoneInfo(zone), fold)
    assert not isinstance(refusal.value, Twice)
    assert "does not exist" in refusal.value.fields["scheduled_start"][0]


@pytest.mark.parametrize(("zone", "local", "first", "second"), FOLDS)
def test_a_time_that_comes_twice_is_asked_back_and_then_means_one(zone, local, first, second):
    with pytest.raises(Twice) as refusal:
        times.from_form(naive(local), ZoneInfo(zone))
    assert "twice" in refusal.value.fields["scheduled_start"][0]
    found = [times.from_form(naive(local), ZoneInfo(zone), fold) for fold in (0, 1)]
    assert [f"{one:%H:%M}" for one in found] == [first, second]
    assert [one.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for one in found] == [naive(local)] * 2


@pytest.mark.parametrize("zone", [BERLIN, NEW_YORK, LORD_HOWE])
@pytest.mark.parametrize("local", ["0001-01-01 00:00", "9999-12-31 23:59"])
def test_a_year_beyond_all_clocks_is_refused_or_told(zone, local):
    """A slip in the year is no fault of ours; whether it is too far is asked elsewhere."""
    try:
        assert times.from_form(naive(local), ZoneInfo(zone)).tzinfo is UTC
    except Invalid as refusal:
        assert "year" in refusal.fields["scheduled_start"][0]


@pytest.mark.parametrize("zone", [BERLIN, NEW_YORK, LORD_HOWE])
def test_every_moment_of_the_year_comes_back_from_the_form(zone):
    """What a page shows, typed into a form again, is the same moment."""
    moment, place = datetime(2026, 1, 1, tzinfo=UTC), ZoneInfo(zone)
    while moment.year == 2026:
        local = moment.astimezone(place)
        assert times.from_form(local.replace(tzinfo=None, fold=0), place, local.fold) == moment
        moment += timedelta(minutes=30)


@time_machine.travel(utc("2026-06-09 12:00"), tick=False)
def test_moments_are_told_on_the_clinics_clock():
    berlin = clinic()
    assert berlin.time(utc("2026-06-09 12:30")) == "14:30"
    assert berlin.time(utc("2026-12-09 22:05")) == "23:05"
    assert berlin.moment(utc("2026-06-09 12:30")) == "Today, Tue 9 June, 14:30"
    assert berlin.date(utc("2026-06-01 22:30")) == "2 June 2026"
    assert berlin.date(date(1984, 5, 17)) == "17 May 1984"


@time_machine.travel(utc("2026-12-30 22:59"), tick=False)
def test_days_are_the_clinics_days():
    berlin = clinic()
    assert berlin.day(utc("2026-12-30 22:59")) == "Today, Wed 30 December"
    assert berlin.day(utc("2026-12-30 23:00")) == "Tomorrow, Thu 31 December"
    assert berlin.day(utc("2026-12-31 22:59")) == "Tomorrow, Thu 31 December"
    assert berlin.day(utc("2026-12-31 23:00")) == "Fri 1 January 2027"
    assert berlin.day(utc("2026-12-29 22:59")) == "Tue 29 December"


@pytest.mark.parametrize(
    ("zone", "now", "begin", "hours"),
    [
        (BERLIN, "2026-06-09 12:00", "2026-06-08 22:00", 24),
        (BERLIN, "2026-06-08 21:59", "2026-06-07 22:00", 24),
        (BERLIN, "2026-03-29 12:00", "2026-03-28 23:00", 23),
        (BERLIN, "2026-10-25 12:00", "2026-10-24 22:00", 25),
        (NEW_YORK, "2026-03-08 12:00", "2026-03-08 05:00", 23),
        (LORD_HOWE, "2026-10-04 00:00", "2026-10-03 13:30", 23.5),
        (LORD_HOWE, "2026-04-05 00:00", "2026-04-04 13:00", 24.5),
    ],
)
def test_a_day_has_as_many_hours_as_the_clock_gives_it(zone, now, begin, hours):
    with time_machine.travel(utc(now), tick=False):
        found = clinic(zone).day_bounds()
    assert found == (utc(begin), utc(begin) + timedelta(hours=hours))


@pytest.mark.parametrize(
    ("zone", "name"),
    [
        (BERLIN, "Berlin"),
        (NEW_YORK, "New York"),
        (LORD_HOWE, "Lord Howe"),
        ("America/Argentina/Buenos_Aires", "Buenos Aires"),
        ("UTC", "UTC"),
    ],
)
def test_the_zone_is_told_by_a_name_that_holds_all_year(zone, name):
    assert clinic(zone).zone_name() == name


def test_moments_for_programs_are_in_utc():
    moment = datetime(2026, 6, 9, 14, 30, 5, 999_999, tzinfo=ZoneInfo(BERLIN))
    assert times.iso(moment) == "2026-06-09T12:30:05Z"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""),
        (0, "0 seconds"),
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "1 min"),
        (21 * 60 + 59, "21 min"),
        (3600, "1 h 0 min"),
        (25 * 3600 + 5 * 60, "25 h 5 min"),
    ],
)
def test_a_duration_is_told_in_words(seconds, words):
    assert times.duration(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-30, "less than a minute"),
        (59, "less than a minute"),
        (60, "1 minute"),
        (179, "2 minutes"),
        (4000, "66 minutes"),
    ],
)
def test_a_wait_is_told_in_words(seconds, words):
    with time_machine.travel(utc("2026-06-09 12:00"), tick=False):
        assert times.waited(utc("2026-06-09 12:00") - timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("born", "age"),
    [("1984-06-09", 42), ("1984-06-10", 41), ("2026-06-09", 0), ("2000-02-29", 26)],
)
def test_the_age_is_in_full_years(born, age):
    with time_machine.travel(utc("2026-06-09 12:00"), tick=False):
        assert times.age(date.fromisoformat(born)) == age
