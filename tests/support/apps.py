"""The application as tests run it, and the two things that are done to a template database."""

from pathlib import Path
from typing import Any

from click.testing import Result
from flask import Flask
from flask.cli import FlaskGroup
from flask_migrate import upgrade

from telehealth import create_app
from telehealth.config import Settings, from_environment
from telehealth.extensions import db

ROOT = Path(__file__).parents[2]
SECRET_KEY = "3f9c1e7a5b8d2046e1c7a9f3d5b80264"
PUBLIC_URL = "http://localhost"


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
    with app.app_context():
        cast.create_people()
    close(app)
