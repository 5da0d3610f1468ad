"""Clinic time: what a form says in the clinic's zone, and moments told in its words."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import dates
from flask_babel import get_locale, ngettext
from flask_babel import gettext as _

from telehealth import clock
from telehealth.config import Settings
from telehealth.errors import Invalid

_Day = date
"""In ClinicTime `date` is something else."""


class Twice(Invalid):
    """The clock shows this time twice that night; the person has to say which one is meant."""


def from_form(local: datetime, zone: ZoneInfo, fold: int | None = None) -> datetime:
    """The moment that a wall clock in `zone` showing `local` (naive) means, in UTC.

    `fold` 0 or 1 picks the first or the second where the clock is put back. Raises Invalid for a
    time that is left out when the clock is put forward, Twice for one that needs `fold`.
    """
    try:
        first, second = (local.replace(tzinfo=zone, fold=n).astimezone(UTC) for n in (0, 1))
    except OverflowError:
        raise Invalid(fields={"scheduled_start": [_("Check the year.")]}) from None
    if first.astimezone(zone).replace(tzinfo=None) != local:
        words = _("The clocks go forward that night: this time does not exist. Choose another.")
        raise Invalid(fields={"scheduled_start": [words]})
    if first != second and fold is None:
        words = _("The clocks go back that night: this time comes twice. Choose which one.")
        raise Twice(fields={"scheduled_start": [words]})
    return second if fold else first


class ClinicTime:
    """Moments in the words and the zone of the clinic, for pages."""

    def __init__(self, settings: Settings) -> None:
        self.zone = settings.timezone

    def local(self, moment: datetime) -> datetime:
        """The moment on the clinic's wall clock."""
        return moment.astimezone(self.zone)

    def time(self, moment: datetime) -> str:
        """“14:30”."""
        local = self.local(moment)
        return _time(time(local.hour, local.minute), str(get_locale()))

    def day(self, moment: datetime) -> str:
        """“Today, Tue 9 June”, “Fri 5 June”, and with the year when it is another one."""
        local, today = self.local(moment), self.local(clock.now()).date()
        form = "EEE d MMMM" if local.year == today.year else "EEE d MMMM y"
        words = _date(local.date(), form, str(get_locale()))
        near = {today: _("Today"), today + timedelta(days=1): _("Tomorrow")}.get(local.date())
        return f"{near}, {words}" if near else words

    def date(self, moment: datetime | date) -> str:
        """“2 June 2026”."""
        day = self.local(moment).date() if isinstance(moment, datetime) else moment
        return _date(day, "d MMMM y", str(get_locale()))

    def moment(self, moment: datetime) -> str:
        """“Tue 9 June, 14:30”."""
        return f"{self.day(moment)}, {self.time(moment)}"

    def zone_name(self) -> str:
        """“Berlin”: an offset would be wrong for half of the year."""
        return self.zone.key.rpartition("/")[2].replace("_", " ")

    def exactly(self, moment: datetime) -> str:
        """“9 June, 14:27:08”, with the year when it is another one."""
        local = self.local(moment)
        form = "d MMMM" if local.year == self.local(clock.now()).year else "d MMMM y"
        return f"{_date(local.date(), form, str(get_locale()))}, {local:%H:%M:%S}"

    def begin(self, day: _Day) -> datetime:
        """The moment at which this day begins in the clinic, in UTC."""
        return datetime.combine(day, time(), self.zone).astimezone(UTC)

    def day_bounds(self) -> tuple[datetime, datetime]:
        """Where the clinic's today begins and ends, in UTC."""
        today = self.local(clock.now()).date()
        return self.begin(today), self.begin(today + timedelta(days=1))


# A day looks the same all day, and the words for it take longer to find than a page has time for.
@lru_cache(4096)
def _date(day: date, form: str, locale: str) -> str:
    return dates.format_date(day, form, locale=locale)


@lru_cache(4096)
def _time(moment: time, locale: str) -> str:
    return dates.format_time(moment, "HH:mm", locale=locale)


def iso(moment: datetime) -> str:
    """RFC 3339 in UTC, as the API and `datetime` attributes have it."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def duration(seconds: int | None) -> str:
    """“21 min”, “1 h 5 min”, “40 seconds”."""
    if seconds is None:
        return ""
    if seconds < 60:
        return ngettext("%(num)d second", "%(num)d seconds", seconds)
    hours, minutes = divmod(seconds // 60, 60)
    if hours:
        return _("%(hours)d h %(minutes)d min", hours=hours, minutes=minutes)
    return _("%(number)d min", number=minutes)


def minutes_since(moment: datetime) -> int:
    """Whole minutes that have passed."""
    return max(0, int((clock.now() - moment).total_seconds() // 60))


def waited(moment: datetime) -> str:
    """“less than a minute”, “3 minutes”."""
    minutes = minutes_since(moment)
    if minutes == 0:
        return _("less than a minute")
    return ngettext("%(num)d minute", "%(num)d minutes", minutes)


def age(born: date) -> int:
    """Full years of life today."""
    today = clock.now().date()
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))
