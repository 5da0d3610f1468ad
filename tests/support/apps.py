"""The application as tests run it, and the two things that are done to a template database."""

from collections.abc import Callable
from pathlib import Path
from types import CodeType
from typing import Any
from unittest import mock

from argon2 import PasswordHasher
from click.testing import Result
from flask import Flask
from flask.cli import FlaskGroup
from flask_migrate import upgrade
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from werkzeug.routing import Rule

from telehealth import create_app, passwords
from telehealth.config import Settings, from_environment
from telehealth.extensions import db

ROOT = Path(__file__).parents[2]
SECRET_KEY = "3f9c1e7a5b8d2046e1c7a9f3d5b80264"
PUBLIC_URL = "http://localhost"

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""Makes hashes that take no time to check, here and on a server: a hash says how it was made."""


class Templates(BytecodeCache):
    """The templates, compiled once and not by every app anew: that was half the time of most tests."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, CodeType | None]] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill in what is known of this template as it is now."""
        checksum, code = self._known.get(bucket.key, ("", None))
        if checksum == bucket.checksum:
            bucket.code = code

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep it."""
        self._known[bucket.key] = bucket.checksum, bucket.code


class BuiltOnce(Rule):
    """A route; what builds its addresses is compiled for the first app and serves the others."""

    _known: dict[tuple[str, bool], Callable[..., tuple[str, str]]] = {}  # noqa: RUF012 - shared on purpose

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        if self.defaults:
            return super()._compile_builder(append_unknown)
        key = self.rule, append_unknown
        if key not in self._known:
            self._known[key] = super()._compile_builder(append_unknown)
        return self._known[key]


TEMPLATES = Templates()
Flask.url_rule_class = BuiltOnce


def settings(database_url: str, **more: str) -> Settings:
    """Settings as the environment would give them: every test starts from these."""
    given = {
        "SECRET_KEY": SECRET_KEY,
        "DATABASE_URL": database_url,
        "PUBLIC_URL": PUBLIC_URL,
        "CLINIC_NAME": "Lindenhof Clinic",
        "TIMEZONE": "Europe/Berlin",
        **more,
    }
    return from_environment(given, ROOT / "instance")


def make_app(database_url: str, **more: Any) -> Flask:
    """The application on this database."""
    app = create_app(settings(database_url, **more))
    app.testing = True
    app.jinja_env.bytecode_cache = TEMPLATES
    return app


def command(app: Flask, *words: str, **more: Any) -> Result:
    """What the program `flask` does with this app."""
    group = FlaskGroup(create_app=lambda: app, load_dotenv=False)
    return app.test_cli_runner().invoke(group, words, **more)


def close(app: Flask) -> None:
    """Let go of the database, so that it can be copied or removed."""
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def migrate(database_url: str) -> None:
    """Run the migrations, as `flask db upgrade` does."""
    app = make_app(database_url)
    with app.app_context():
        upgrade(directory=str(ROOT / "migrations"))
    close(app)


def add_cast(database_url: str) -> None:
    """Let the people of the cast be there."""
    from support import cast

    app = make_app(database_url)
    with app.app_context(), mock.patch.object(passwords, "_hasher", CHEAP):
        cast.create_people()
    close(app)
