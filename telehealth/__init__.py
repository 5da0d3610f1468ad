"""Telehealth: video consultations for clinics."""

from __future__ import annotations

import sys
from urllib.parse import urlsplit

from flask import Flask

from telehealth import assets, chores, cli, config, routes, store, video
from telehealth.extensions import babel, csrf, db
from telehealth.live import hub
from telehealth.routes import pages

__version__ = "0.1.0"


def create_app(settings: config.Settings | None = None) -> Flask:
    """The application. Without settings, those of the environment; a bad one ends the process."""
    settings = settings or _settings_or_exit()
    app = Flask(__name__, static_folder=None)
    app.jinja_environment = pages.Environment
    app.config.from_mapping(_flask_config(settings))

    db.init_app(app)
    csrf.init_app(app)
    babel.init_app(app, default_timezone=str(settings.timezone))

    store.init_app(app)
    video.init_app(app)
    hub.init_app(app, chores=lambda: chores.run_by_itself(video=video.provider()))
    assets.init_app(app)
    pages.init_app(app)
    routes.init_app(app)
    cli.init_app(app)
    return app


def _settings_or_exit() -> config.Settings:
    try:
        return config.load()
    except config.BadSetting as trouble:
        sys.exit(f"Telehealth cannot start. {trouble}")


def _flask_config(settings: config.Settings) -> dict[str, object]:
    prefix = "__Host-" if settings.https else ""
    # Browsers keep cookies by host alone: two copies on one machine would sign each other out.
    port = urlsplit(settings.public_url).port
    suffix = f"_{port}" if port and not settings.https else ""
    return {
        "SETTINGS": settings,
        "SECRET_KEY": settings.secret_key,
        "SQLALCHEMY_DATABASE_URI": settings.database_url,
        "SQLALCHEMY_ENGINE_OPTIONS": {
            "pool_size": 10,
            # What people write must not get into a log with an error of the database.
            "hide_parameters": True,
            "max_overflow": 40,
        },
        "TRUSTED_HOSTS": settings.trusted_hosts,
        "RECORDINGS": settings.instance / "recordings",
        "MAX_CONTENT_LENGTH": 64 * 1024,
        "MAX_FORM_MEMORY_SIZE": 64 * 1024,
        "MAX_FORM_PARTS": 100,
        "SESSION_COOKIE_NAME": f"{prefix}page{suffix}",
        "SESSION_COOKIE_SECURE": settings.https,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SIGN_IN_COOKIE": f"{prefix}sign_in{suffix}",
        # We check ourselves, after the sign-in: a program with a bearer token has no cookie to abuse.
        "WTF_CSRF_CHECK_DEFAULT": False,
        # A token lives as long as its cookie; a waiting page may be open for hours.
        "WTF_CSRF_TIME_LIMIT": None,
        # Our own Referrer-Policy keeps the Referer away that this would ask for.
        "WTF_CSRF_SSL_STRICT": False,
    }
