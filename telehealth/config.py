"""Settings from the environment; a wrong or half-given set stops the start with one clear line."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

TWILIO = ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_API_KEY", "TWILIO_API_SECRET")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
_SAMPLES = ("change-me", "changeme", "secret", "dev", "development", "test", "password")


class BadSetting(Exception):
    """A setting cannot be used. The text names the setting, never its value."""

    def __init__(self, name: str, what: str) -> None:
        super().__init__(f"{name}: {what}")
        self.name = name


@dataclass(frozen=True)
class TwilioSettings:
    """The clinic's account at Twilio. While the Auth Token is exchanged there are two: new and old."""

    account_sid: str
    auth_tokens: tuple[str, ...] = field(repr=False)
    api_key: str
    api_secret: str = field(repr=False)


@dataclass(frozen=True)
class Settings:
    """All settings, checked. Built by `from_environment`; tests may build it by hand."""

    secret_key: str = field(repr=False)
    database_url: str = field(repr=False)
    public_url: str = "http://127.0.0.1:8000"
    trusted_proxies: int = 0
    clinic_name: str = "Example Clinic"
    timezone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    video_provider: str = "peer"
    turn_urls: tuple[str, ...] = ()
    turn_secret: str = field(default="", repr=False)
    metrics_token: str = field(default="", repr=False)
    clinic_phone: str = ""
    emergency_number: str = ""
    relay_only: bool = False
    twilio: TwilioSettings | None = field(default=None, repr=False)
    """The account, where all four of its settings are given, whether calls go over it or not."""
    instance: Path = Path("instance")
    """The folder of what belongs to this clinic alone: its SQLite file, its recordings."""

    @property
    def https(self) -> bool:
        """Whether people reach us over TLS: cookies are Secure then."""
        return self.public_url.startswith("https://")

    @property
    def trusted_hosts(self) -> list[str]:
        """The host names we answer to; operators ask on loopback whatever the public one is."""
        return [urlsplit(self.public_url).hostname or "", *LOOPBACK]


def from_environment(env: Mapping[str, str], instance: Path) -> Settings:
    """Read and check the settings.

    `instance` is where the SQLite file lives when DATABASE_URL is empty. Raises BadSetting.
    """
    given = {name: value.strip() for name, value in env.items()}

    def get(name: str, default: str) -> str:
        return given.get(name, default)

    public_url = _public_url(get("PUBLIC_URL", "") or "http://127.0.0.1:8000")
    if given.get("FLASK_DEBUG", "").lower() not in ("", "0", "no", "false") and public_url.startswith(
        "https://"
    ):
        raise BadSetting("FLASK_DEBUG", "must not be set where people come in")
    return Settings(
        secret_key=_secret_key(get("SECRET_KEY", "")),
        database_url=_database_url(get("DATABASE_URL", ""), instance),
        public_url=public_url,
        trusted_proxies=_number("TRUSTED_PROXIES", get("TRUSTED_PROXIES", "") or "0"),
        clinic_name=_line("CLINIC_NAME", get("CLINIC_NAME", "") or "Example Clinic"),
        timezone=_timezone(get("TIMEZONE", "") or "UTC"),
        video_provider=_video_provider(get),
        turn_urls=_turn_urls(get),
        turn_secret=get("TURN_SECRET", ""),
        metrics_token=get("METRICS_TOKEN", ""),
        clinic_phone=_line("CLINIC_PHONE", get("CLINIC_PHONE", "")),
        emergency_number=_line("EMERGENCY_NUMBER", get("EMERGENCY_NUMBER", "")),
        relay_only=_relay_only(get),
        twilio=_twilio(get),
        instance=instance,
    )


def load(env: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process, from its environment and a `.env` file in the working folder."""
    from dotenv import dotenv_values

    given = dict(dotenv_values(".env")) if env is None else {}
    merged = {**{k: v or "" for k, v in given.items()}, **(os.environ if env is None else env)}
    return from_environment(merged, Path(os.getcwd()) / "instance")


def _secret_key(value: str) -> str:
    if not value:
        raise BadSetting("SECRET_KEY", "is missing; make one: openssl rand -hex 32")
    if len(value) < 32:
        raise BadSetting("SECRET_KEY", "is too short; use at least 32 random characters")
    if any(value.lower().startswith(sample) for sample in _SAMPLES) or len(set(value)) < 10:
        raise BadSetting("SECRET_KEY", "looks like a sample; use random characters")
    return value


def _database_url(value: str, instance: Path) -> str:
    if not value:
        instance.mkdir(mode=0o700, exist_ok=True)
        return f"sqlite:///{instance / 'telehealth.sqlite'}"
    scheme, _colon, rest = value.partition("://")
    if scheme in ("postgresql", "postgres"):
        value = f"postgresql+psycopg://{rest}"
    elif scheme != "postgresql+psycopg" and not value.startswith("sqlite:///"):
        raise BadSetting("DATABASE_URL", "must begin with postgresql:// or sqlite:///, or be empty")
    try:
        named = make_url(value).database or scheme != "sqlite"
    except (ArgumentError, ValueError):
        raise BadSetting("DATABASE_URL", "is no address of a database") from None
    if not named:
        raise BadSetting("DATABASE_URL", "must name the file after sqlite:///")
    return value


def _public_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018 - reading it is what checks it
    except ValueError:
        raise BadSetting("PUBLIC_URL", "is no address such as https://visit.clinic.example") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
        raise BadSetting("PUBLIC_URL", "is no address such as https://visit.clinic.example")
    if parts.query or parts.fragment or parts.username:
        raise BadSetting("PUBLIC_URL", "must hold the scheme and the host alone")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise BadSetting("PUBLIC_URL", "must begin with https://, or browsers keep the camera shut")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _number(name: str, value: str) -> int:
    if not value.isascii() or not value.isdigit() or int(value) > 10:
        raise BadSetting(name, "must be a whole number from 0 to 10")
    return int(value)


def _yes_no(name: str, value: str) -> bool:
    if value.lower() not in ("", "0", "1", "no", "yes", "false", "true"):
        raise BadSetting(name, "must be yes or no")
    return value.lower() in ("1", "yes", "true")


def _line(name: str, value: str) -> str:
    if len(value) > 100 or any(ord(character) < 32 for character in value):
        raise BadSetting(name, "must be one line of at most 100 characters")
    return value


def _timezone(value: str) -> ZoneInfo:
    if value not in available_timezones():
        raise BadSetting("TIMEZONE", "is no zone such as Europe/Berlin")
    return ZoneInfo(value)


def _video_provider(get: Callable[[str, str], str]) -> str:
    choice = get("VIDEO_PROVIDER", "") or "auto"
    given = [name for name in TWILIO if get(name, "")]
    missing = [name for name in TWILIO if name not in given]
    if choice not in ("auto", "twilio", "peer"):
        raise BadSetting("VIDEO_PROVIDER", "must be auto, twilio or peer")
    if choice != "peer" and given and missing:
        raise BadSetting(missing[0], "is missing; Twilio needs all four of its settings")
    if choice == "twilio" and missing:
        raise BadSetting(missing[0], "is missing; VIDEO_PROVIDER asks for Twilio")
    return "peer" if choice == "peer" or not given else "twilio"


def _twilio(get: Callable[[str, str], str]) -> TwilioSettings | None:
    if any(not get(name, "") for name in TWILIO):
        return None
    account, tokens, key, secret = (get(name, "") for name in TWILIO)
    auth_tokens = tuple(tokens.replace(",", " ").split())
    if not re.fullmatch(r"AC[0-9a-f]{32}", account):
        raise BadSetting(TWILIO[0], "is not an Account SID: AC and 32 characters from 0 to 9 and a to f")
    if any(re.match("(AC|SK)", token) for token in auth_tokens) or not 0 < len(auth_tokens) < 3:
        raise BadSetting(TWILIO[1], "is not an Auth Token; the SIDs are other settings")
    if not re.fullmatch(r"SK[0-9a-f]{32}", key):
        raise BadSetting(
            TWILIO[2], "is not the SID of an API key: SK and 32 characters from 0 to 9 and a to f"
        )
    return TwilioSettings(account, auth_tokens, key, secret)


def _turn_urls(get: Callable[[str, str], str]) -> tuple[str, ...]:
    secret = get("TURN_SECRET", "")
    urls = tuple(get("TURN_URLS", "").replace(",", " ").split())
    if bool(urls) != bool(secret):
        raise BadSetting(
            "TURN_SECRET" if urls else "TURN_URLS", "is missing; TURN needs both of its settings"
        )
    for url in urls:
        if not re.match(r"turns?:[^?]", url):
            raise BadSetting("TURN_URLS", "each must begin with turn: or turns: and name a host")
    return urls


def _relay_only(get: Callable[[str, str], str]) -> bool:
    wanted = _yes_no("ICE_RELAY_ONLY", get("ICE_RELAY_ONLY", ""))
    # Twilio has relays of its own.
    if wanted and not _turn_urls(get) and _video_provider(get) == "peer":
        raise BadSetting("TURN_URLS", "is missing; with ICE_RELAY_ONLY no call connects without a relay")
    return wanted
