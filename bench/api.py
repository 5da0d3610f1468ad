"""What calls of the JSON API cost: processor time against the floor, and SQL statements."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from support.databases import KINDS, Databases
from support.server import Server
from support.statements import recorded

from bench.figures import Figure
from bench.load import against_the_floor, beside_the_floor, signed_in
from bench.scene import MANY, NAMES, Scene, set_up

API = "/api/v1/telemedicine/"


@dataclass(frozen=True)
class Call:
    """One call of the API by a member of the cast; a POST with a `body`."""

    name: str
    who: str
    path: str
    body: str | None = None


def measure(databases: Databases, folder: Path) -> Iterator[Figure]:
    """The figures of the calls that programs make most."""
    for kind in KINDS:
        with set_up(databases, kind) as scene:
            server = Server(folder, scene.database_url)
            with beside_the_floor(folder, server) as floor:
                for call in _calls(scene):
                    name, headers = f"{call.name}, {NAMES[kind]}", signed_in(server, call.who)
                    yield against_the_floor(name, floor, server, call.path, headers, call.body, limit=8)
    with set_up(databases, "sqlite") as scene:
        for call in _calls(scene):
            yield Figure(f"SQL statements of: {call.name}", _statements(scene, call), "", 4)


def _calls(scene: Scene) -> tuple[Call, ...]:
    asked = json.dumps({"session_id": scene.live.id})
    return (
        Call("Token", "ana", f"{API}token/", asked),
        Call(f"List of {MANY} sessions", "dr_grey", API),
        Call("Status of one session", "ana", f"{API}{scene.live.id}/"),
    )


def _statements(scene: Scene, call: Call) -> int:
    who = scene.person(call.who)
    headers = {"X-CSRFToken": who.csrf_token(), "Content-Type": "application/json"}
    method = "GET" if call.body is None else "POST"
    for _ in range(2):
        with recorded(scene.app) as statements:
            answer = who.client.open(call.path, method=method, data=call.body, headers=headers)
        assert answer.status_code == 200, f"{call.name}: {answer.status_code}"
    return len(statements)
