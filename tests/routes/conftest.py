"""What tests of the routes share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from flask import Flask
    from support.cast import Person
    from support.program import Description, Program


@pytest.fixture
def description(app: Flask) -> Description:
    """The OpenAPI description of the app."""
    from support.program import Description

    return Description(app)


@pytest.fixture
def api(app: Flask, person: Callable[[str], Person], description: Description) -> Callable[[str], Program]:
    """Gives a program that acts for a member of the cast by bearer token."""
    from support.program import Program

    known: dict[str, Program] = {}

    def find(key: str) -> Program:
        if key not in known:
            known[key] = Program(app, person(key), description)
        return known[key]

    return find


@pytest.fixture
def streams_end_at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Event streams begin and end, as on a worker that is told to stop."""
    from telehealth.live import hub

    monkeypatch.setattr(hub, "_worker", SimpleNamespace(alive=False))
    yield
