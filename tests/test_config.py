"""Settings: a wrong or half-given set stops the start; the words name the setting, not its value."""

import stat
from zoneinfo import ZoneInfo

import pytest

from telehealth import config, create_app
from telehealth.config import TWILIO, BadSetting

KEY = "3f9c1e7a5b8d2046e1c7a9f3d5b80264"
TWILIO_SET = {name: f"kept-private-{number}" for number, name in enumerate(TWILIO)}

BAD = [
    ("SECRET_KEY", {"SECRET_KEY": ""}),
    ("SECRET_KEY", {"SECRET_KEY": "3f9c1e7a5b8d2046"}),
    ("SECRET_KEY", {"SECRET_KEY": "change-me-3f9c1e7a5b8d2046e1c7a9f3d5b80264"}),
    ("SECRET_KEY", {"SECRET_KEY": "Development-3f9c1e7a5b8d2046e1c7a9f3d5"}),
    ("SECRET_KEY", {"SECRET_KEY": "abcabcabc" * 8}),
    ("DATABASE_URL", {"DATABASE_URL": "mysql://clinic:kept-private@db/clinic"}),
    ("DATABASE_URL", {"DATABASE_URL": "/var/lib/kept-private.sqlite"}),
    ("DATABASE_URL", {"DATABASE_URL": "postgresql://clinic:kept-private@db:port/clinic"}),
    ("DATABASE_URL", {"DATABASE_URL": "postgresql://clinic:kept-private@db:5432:1/clinic"}),
    ("DATABASE_URL", {"DATABASE_URL": "sqlite://kept-private"}),
    ("DATABASE_URL", {"DATABASE_URL": "sqlite://"}),
    ("DATABASE_URL", {"DATABASE_URL": "sqlite:///"}),
    ("PUBLIC_URL", {"PUBLIC_URL": "kept-private.example"}),
    ("PUBLIC_URL", {"PUBLIC_URL": "http://kept-private.example"}),
    ("PUBLIC_URL", {"PUBLIC_URL": "ftp://kept-private.example"}),
    ("PUBLIC_URL", {"PUBLIC_URL": "https://kept-private.example/path"}),
    ("PUBLIC_URL", {"PUBLIC_URL": "https://kept-private.example?query"}),
    ("PUBLIC_URL", {"PUBLIC_URL": "https://user:kept-private@clinic.example"}),
    ("PUBLIC_URL", {"PUBLIC_URL": "https://clinic.example:kept-private"}),
    ("PUBLIC_URL", {"PUBLIC_URL": "https://[kept-private"}),
    ("PUBLIC_URL", {"PUBLIC_URL": "https:///kept-private"}),
    ("TRUSTED_PROXIES", {"TRUSTED_PROXIES": "-1"}),
    ("TRUSTED_PROXIES", {"TRUSTED_PROXIES": "kept-private"}),
    ("TRUSTED_PROXIES", {"TRUSTED_PROXIES": "²"}),
    ("TRUSTED_PROXIES", {"TRUSTED_PROXIES": "11"}),
    ("CLINIC_NAME", {"CLINIC_NAME": "kept-private\nSet-Cookie: a=b"}),
    ("CLINIC_NAME", {"CLINIC_NAME": "kept-private" * 10}),
    ("TIMEZONE", {"TIMEZONE": "kept-private"}),
    ("TIMEZONE", {"TIMEZONE": "/etc/localtime"}),
    ("TIMEZONE", {"TIMEZONE": "../kept-private"}),
    ("VIDEO_PROVIDER", {"VIDEO_PROVIDER": "kept-private"}),
    ("TURN_SECRET", {"TURN_URLS": "turn:kept-private.example"}),
    ("TURN_URLS", {"TURN_SECRET": "kept-private"}),
    ("TURN_URLS", {"TURN_URLS": "https://kept-private.example", "TURN_SECRET": "kept-private"}),
    ("TURN_URLS", {"TURN_URLS": "turn:a, kept-private", "TURN_SECRET": "kept-private"}),
    ("TURN_URLS", {"TURN_URLS": "turn:", "TURN_SECRET": "kept-private"}),
    ("TURN_URLS", {"TURN_URLS": "turn:?transport=udp", "TURN_SECRET": "kept-private"}),
    ("TURN_URLS", {"ICE_RELAY_ONLY": "yes"}),
    ("TURN_URLS", {"ICE_RELAY_ONLY": "yes", "TURN_URLS": ","}),
    ("ICE_RELAY_ONLY", {"ICE_RELAY_ONLY": "kept-private"}),
    ("FLASK_DEBUG", {"FLASK_DEBUG": "1", "PUBLIC_URL": "https://visit.clinic.example"}),
    ("CLINIC_PHONE", {"CLINIC_PHONE": "kept-private\tx"}),
    ("EMERGENCY_NUMBER", {"EMERGENCY_NUMBER": "kept-private" * 10}),
    *((name, {**TWILIO_SET, name: ""}) for name in TWILIO),
    *((name, {**TWILIO_SET, name: "", "VIDEO_PROVIDER": "twilio"}) for name in TWILIO),
    (TWILIO[0], {"VIDEO_PROVIDER": "twilio"}),
]  # fmt: skip


def settings(tmp_path, **given):
    return config.from_environment({"SECRET_KEY": KEY, **given}, tmp_path / "instance")


@pytest.mark.parametrize(("name", "given"), BAD)
def test_a_bad_setting_names_itself_and_never_its_value(tmp_path, name, given):
    with pytest.raises(BadSetting) as trouble:
        settings(tmp_path, **given)
    words = str(trouble.value)
    assert trouble.value.name == name
    assert words.startswith(f"{name}: ")
    assert "\n" not in words
    assert "kept-private" not in words
    assert not any(len(value) > 10 and value in words for value in given.values())


@pytest.mark.parametrize(("name", "given"), BAD)
def test_a_bad_setting_ends_the_start_with_one_line(monkeypatch, tmp_path, name, given):
    monkeypatch.chdir(tmp_path)
    for other in (*TWILIO, "SECRET_KEY", "VIDEO_PROVIDER"):
        monkeypatch.delenv(other, raising=False)
    for key, value in {"SECRET_KEY": KEY, **given}.items():
        monkeypatch.setenv(key, value)
    with pytest.raises(SystemExit) as end:
        create_app()
    words = str(end.value.code)
    assert words.startswith(f"Telehealth cannot start. {name}: ")
    assert "\n" not in words
    assert "kept-private" not in words


def test_with_a_key_alone_everything_has_a_value(tmp_path):
    found = settings(tmp_path)
    assert found.database_url == f"sqlite:///{tmp_path / 'instance' / 'telehealth.sqlite'}"
    assert (found.public_url, found.https) == ("http://127.0.0.1:8000", False)
    assert (found.video_provider, found.trusted_proxies) == ("peer", 0)
    assert (found.timezone, found.clinic_name) == (ZoneInfo("UTC"), "Example Clinic")
    assert (found.turn_urls, found.relay_only) == ((), False)


def test_the_folder_of_the_database_is_its_owners_alone(tmp_path):
    settings(tmp_path)
    assert stat.S_IMODE((tmp_path / "instance").stat().st_mode) == 0o700


@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_setting_is_one_that_was_not_given(tmp_path, empty):
    names = ("DATABASE_URL", "PUBLIC_URL", "TRUSTED_PROXIES", "TIMEZONE", "VIDEO_PROVIDER", *TWILIO)
    assert settings(tmp_path, **dict.fromkeys(names, empty)) == settings(tmp_path)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_postgresql_is_reached_by_its_driver(tmp_path, scheme):
    found = settings(tmp_path, DATABASE_URL=f"{scheme}://clinic:p%40ss@db:5432/clinic?sslmode=require")
    assert found.database_url == "postgresql+psycopg://clinic:p%40ss@db:5432/clinic?sslmode=require"


def test_https_is_known_by_the_public_address(tmp_path):
    found = settings(tmp_path, PUBLIC_URL="https://visit.clinic.example/")
    assert (found.public_url, found.https) == ("https://visit.clinic.example", True)
    assert set(found.trusted_hosts) == {"visit.clinic.example", "127.0.0.1", "localhost", "::1"}


@pytest.mark.parametrize("host", ["localhost:8001", "127.0.0.1:8000", "[::1]:8000"])
def test_a_first_try_needs_no_certificate(tmp_path, host):
    found = settings(tmp_path, PUBLIC_URL=f"http://{host}")
    assert not found.https
    assert set(found.trusted_hosts) == {"127.0.0.1", "localhost", "::1"}


def test_several_relays_can_be_given(tmp_path):
    urls = "turn:turn.clinic.example:3478, turns:turn.clinic.example:5349?transport=tcp"
    found = settings(tmp_path, TURN_URLS=urls, TURN_SECRET="shared with the relay")
    assert found.turn_urls == (
        "turn:turn.clinic.example:3478",
        "turns:turn.clinic.example:5349?transport=tcp",
    )


def test_peer_ignores_what_twilio_lacks(tmp_path):
    found = settings(tmp_path, VIDEO_PROVIDER="peer", TWILIO_ACCOUNT_SID="half of a set")
    assert found.video_provider == "peer"


def test_secrets_are_not_in_the_picture_of_the_settings(tmp_path):
    found = settings(
        tmp_path,
        DATABASE_URL="postgresql://clinic:kept-private@db/clinic",
        TURN_URLS="turn:turn.clinic.example",
        TURN_SECRET="kept-private",
        METRICS_TOKEN="kept-private",
    )
    assert "kept-private" not in repr(found)
    assert KEY not in repr(found)


def test_the_environment_wins_over_the_file(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TIMEZONE", raising=False)
    (tmp_path / ".env").write_text(f"SECRET_KEY={KEY}\nCLINIC_NAME=From the file\nTIMEZONE=Europe/Berlin\n")
    monkeypatch.setenv("CLINIC_NAME", "From the environment")
    found = config.load()
    assert (found.clinic_name, str(found.timezone)) == ("From the environment", "Europe/Berlin")


def test_the_scheme_and_the_host_may_be_written_in_any_case(tmp_path):
    found = settings(tmp_path, PUBLIC_URL="HTTPS://Visit.Clinic.example/")
    assert found.public_url == "https://visit.clinic.example"
    assert found.https


def test_twilio_has_relays_of_its_own(tmp_path):
    values = ("AC" + "0" * 32, "1" * 32, "SK" + "2" * 32, "3" * 32)
    account = dict(zip(TWILIO, values, strict=True))
    assert settings(tmp_path, ICE_RELAY_ONLY="yes", **account).relay_only
