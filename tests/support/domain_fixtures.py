"""Fixtures for tests that call the operations themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
import time_machine

from support.databases import KINDS
from support.domain import NOW

if TYPE_CHECKING:
    from flask import Flask

    from support.cast import Clinic
    from support.databases import Databases
    from telehealth.models import Session


@pytest.fixture
def inside(app: Flask) -> Iterator[None]:
    """An app context around the test, as around a request."""
    with app.app_context():
        yield


@pytest.fixture(params=KINDS)
def new_app(request: pytest.FixtureRequest, database_server: Databases) -> Iterator[Flask]:
    """The application of a clinic that begins: tables, and nobody in them."""
    from support import apps

    with database_server.fresh(request.param, "migrated") as url:
        app = apps.make_app(url)
        yield app
        apps.close(app)


@pytest.fixture
def moment() -> Iterator[time_machine.Traveller]:
    """Time stands still at `support.domain.NOW` until the test moves it."""
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def call(inside: None, moment: time_machine.Traveller, clinic: Clinic) -> Session:
    """A session in progress."""
    return clinic.session("IN_PROGRESS")
