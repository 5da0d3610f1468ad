"""What templates may use: the clinic, the actor, clinic time, and what this person may do."""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import MutableMapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from babel import Locale, support
from flask import (
    Flask,
    Response,
    current_app,
    g,
    make_response,
    render_template,
    request,
    templating,
    url_for,
)
from flask_babel import get_locale, get_translations
from flask_wtf.csrf import generate_csrf
from markupsafe import Markup

from telehealth import audit_words, presence, sessions, times
from telehealth.cards import SessionView
from telehealth.clock import now
from telehealth.config import Settings
from telehealth.models import Session

_MOST_CARDS = 500
_cards: OrderedDict[tuple[object, ...], str] = OrderedDict()
_TOKEN = re.compile(r'name="csrf_token" value="[^"]*"')


@dataclass(frozen=True)
class Clinic:
    """What a page says of the clinic; settings, never fixed text."""

    name: str
    phone: str
    emergency_number: str


class Environment(templating.Environment):
    """Jinja's, where no template has globals of its own.

    For those it lays a ChainMap over the common ones, whose every use is Python: a tenth of a page.
    """

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """The common globals; give a template what is its own as context."""
        assert not d
        return self.globals


def init_app(app: Flask) -> None:
    """Filters and globals for Jinja."""
    settings: Settings = app.config["SETTINGS"]
    clock = times.ClinicTime(settings)
    app.extensions["clinic_time"] = clock
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(
        clinic_time=clock.time,
        clinic_day=clock.day,
        clinic_date=clock.date,
        clinic_datetime=clock.moment,
        clinic_exactly=clock.exactly,
        iso=times.iso,
        duration=times.duration,
        ago_minutes=lambda moment: int((now() - moment).total_seconds() // 60),
        waited=times.waited,
        age=times.age,
        audit_event=audit_words.of,
        audit_reason=audit_words.why,
    )
    app.jinja_env.globals.update(
        clinic=Clinic(settings.clinic_name, settings.clinic_phone, settings.emergency_number),
        clinic_zone=clock.zone_name,
        clinic_zone_id=settings.timezone.key,
        can=can,
        card=card,
        is_here=is_here,
        csrf_token=_csrf_token,
        url_for=_address,
        who=presence.who,
        video_name=settings.video_provider,
    )
    app.jinja_env.install_gettext_callables(_gettext, _ngettext, newstyle=True)  # type: ignore[attr-defined]
    app.jinja_env.globals["_"] = _say
    app.context_processor(_context)


def can(session: Session | SessionView, action: str) -> bool:
    """Whether the person who asks may take this step now."""
    return sessions.may(session, action, by=g.actor)


def is_here(session: Session | SessionView) -> bool:
    """Whether the person who asks is in it now, waiting or in the call."""
    return presence.is_in(session, g.actor)


def card(session: SessionView) -> Markup:
    """The card of a session, rendered once for all who see the same.

    A doctor's page shows twenty of them, and asks for them again at every change of one.
    """
    key = (session.looks, _reader())
    html = _cards.get(key)
    if html is None:
        html = _cards[key] = render_template("telemedicine/_session_card.html", session=session)
        if len(_cards) > _MOST_CARDS:
            _cards.popitem(last=False)
    else:
        _cards.move_to_end(key)
    return Markup(html)


def _reader() -> tuple[object, ...]:
    """Who reads, in which language and on which day: found once for all cards of a page."""
    found: tuple[object, ...] | None = g.get("reader")
    if found is None:
        today = clinic_time().local(now()).date()
        found = g.reader = (g.actor.role, g.actor.user_id, str(get_locale()), today)
    return found


def clinic_time() -> times.ClinicTime:
    """Clinic time of this app."""
    found: times.ClinicTime = current_app.extensions["clinic_time"]
    return found


def fresh(template: str, **context: object) -> Response:
    """A fragment that a page asks for again and again: 304 while it would look the same.

    The tag is a hash of what is shown; the token in its forms differs each time and is left out.
    """
    html = render_template(template, **context)
    tag = tag_of(html)
    if request.headers.get("HX-PTag") == tag:
        return Response(status=304, headers={"HX-PTag": tag})
    response = make_response(html)
    response.headers["HX-PTag"] = tag
    return response


def part(template: str, **context: object) -> dict[str, object]:
    """The same fragment inside its page: `part` is its HTML, `ptag` what `fresh` will compare."""
    html = render_template(template, **context)
    return {"part": Markup(html), "ptag": tag_of(html)}


def tag_of(html: str) -> str:
    """The tag of a rendered fragment."""
    shown = _TOKEN.sub("", html) if "csrf_token" in html else html
    return hashlib.sha256(shown.encode()).hexdigest()[:16]


def _context() -> dict[str, object]:
    locale = get_locale() or Locale("en")
    return {
        "actor": g.get("actor"),
        "locale_lang": str(locale).replace("_", "-"),
        "locale_dir": "rtl" if locale.character_order == "right-to-left" else "ltr",
    }


def _address(endpoint: str, **values: Any) -> str:
    """Where it is: the same for everybody, and asked for a dozen times on a page. Tokens are not kept."""
    return url_for(endpoint, **values) if "token" in values else _kept_address(endpoint, **values)


@lru_cache(4000)
def _kept_address(endpoint: str, **values: Any) -> str:
    return url_for(endpoint, **values)


def _csrf_token() -> str:
    """The token of this page, made once: every form of it asks."""
    found: str = g.get("csrf_token") or generate_csrf()
    return found


def _translations() -> support.NullTranslations:
    """The catalogue of this request, found once and not again for every word of a page."""
    found: support.NullTranslations | None = g.get("translations")
    if found is None:
        found = g.translations = get_translations()
    return found


def _say(words: str, **values: object) -> Markup:
    """Words in the reader's language, as the extension's own `_`, whose every use is much more Python.

    A page says it dozens of times. Values are escaped; the words are ours.
    """
    catalogue = _translations()
    return _sentence(catalogue, words) % values if values else _phrase(catalogue, words)


@lru_cache(4000)
def _sentence(catalogue: support.NullTranslations, words: str) -> Markup:
    return Markup(catalogue.ugettext(words))


@lru_cache(4000)
def _phrase(catalogue: support.NullTranslations, words: str) -> Markup:
    """What is said without values; a doubled percent sign stands for one here too."""
    return _sentence(catalogue, words) % {}


def _gettext(words: str) -> str:
    return _translations().ugettext(words)


def _ngettext(one: str, many: str, number: int) -> str:
    return _translations().ungettext(one, many, number)
