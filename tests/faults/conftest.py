"""The real server, in which any worker may be made to die at any moment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.server import Server
from support.wire import Wires

MORTAL = "support.mortal:app"


@pytest.fixture
def server(database_url: str, tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path, database_url, MORTAL)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def wires(server: Server) -> Iterator[Wires]:
    wires = Wires(server)
    yield wires
    wires.close()
