"""Fixtures for tests that call the operations themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
import time_machine

from support.domain import NOW

if TYPE_CHECKING:
    from flask import Flask


@pytest.fixture
def inside(app: Flask) -> Iterator[None]:
    """An app context around the test, as around a request."""
    with app.app_context():
        yield


@pytest.fixture
def moment() -> Iterator[time_machine.Traveller]:
    """Time stands still at `support.domain.NOW` until the test moves it."""
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller
