"""Patients on the waiting page, without browsers: each holds its stream and says that it is there."""

import json
import resource
import selectors
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from queue import SimpleQueue
from threading import Event, Thread
from types import TracebackType

from support import wire
from support.server import Server
from support.wire import Events, Wire

from bench.bulk import Waiting

BEAT = 10.0
"""Seconds between two words of one page; HEARTBEAT in static/call/signal.js."""
COMING = 16
"""So many open their streams at the same time."""
PROXIED = 6
"""Connections over which a proxy passes the words of all pages on."""
SPARE = 200


def allow(many: int) -> None:
    """Let this process, and the servers that it starts, hold so many connections."""
    _soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(many + SPARE, most), most))


def cookie_of(server: Server, token: str) -> str:
    """The Cookie header of whoever is signed in by this secret."""
    return f"sign_in_{server.port}={token}"


class Crowd:
    """Everybody who waits. `told` gets who was told of a change, and when; `lost` are the streams that
    ended, `unheard` the words that got no answer, `rounds` the seconds in which all had spoken once.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._door = wire.sign_in(server, "sam")
        self._page = [f"{name}={value}" for name, value in self._door.cookies.items() if "page" in name]
        self._patients: list[Waiting] = []
        self._streams: list[Wire] = []
        self._selector = selectors.DefaultSelector()
        self._full, self._over = Event(), Event()
        self._threads = [Thread(target=self._listen)]
        self._threads += [Thread(target=self._say, args=(share,)) for share in range(PROXIED)]
        self.told: SimpleQueue[tuple[str, float]] = SimpleQueue()
        self.lost = 0
        self.unheard = 0
        self.rounds: list[float] = []

    def __enter__(self) -> "Crowd":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        self._selector.close()
        for stream in [*self._streams, self._door]:
            stream.close()

    @property
    def held(self) -> int:
        """How many streams are open."""
        return len(self._streams) - self.lost

    def come(self, patients: Sequence[Waiting]) -> float:
        """Open their streams; the seconds it took. Once somebody finds no place, the others stay away."""
        began = time.monotonic()
        with ThreadPoolExecutor(COMING) as pool:
            for patient, opened in zip(patients, pool.map(self._open, patients), strict=True):
                if opened is not None:
                    stream, events = opened
                    self._streams.append(stream)
                    self._selector.register(events, selectors.EVENT_READ, patient)
                    self._patients.append(patient)
        return time.monotonic() - began

    def ask(self, line: Wire, patient: Waiting) -> str:
        """What the page asks when it was told of a change: how the session stands."""
        path = f"/telemedicine/{patient.session_id}/call/presence"
        said = {"participant": patient.participant, "state": "waiting"}
        status, text = line.ask("POST", path, said, Cookie=self._cookies(patient))
        assert status == 200, text
        return str(json.loads(text)["status"])

    def line(self) -> Wire:
        """A connection for `ask`."""
        return Wire(self._server, {}, self._door.csrf)

    def _cookies(self, patient: Waiting) -> str:
        return "; ".join([*self._page, cookie_of(self._server, patient.token)])

    def _open(self, patient: Waiting) -> tuple[Wire, Events] | None:
        if self._full.is_set():
            return None
        stream = self.line()
        path = f"/telemedicine/{patient.session_id}/call/inbox?participant={patient.participant}"
        try:
            events = Events(stream, path, Cookie=self._cookies(patient))
            events.next()
        except (OSError, AssertionError):
            stream.close()
            self._full.set()
            return None
        return stream, events

    def _listen(self) -> None:
        while not self._over.is_set():
            for key, _ready in self._selector.select(0.1):
                events, patient = key.fileobj, key.data
                assert isinstance(events, Events)
                names = events.arrived()
                if names is None:
                    self._selector.unregister(events)
                    self.lost += 1
                elif "changed" in names:
                    self.told.put((patient.session_id, time.monotonic()))

    def _say(self, share: int) -> None:
        line = self.line()
        while not self._over.wait(0.05):
            began, mine = time.monotonic(), self._patients[share::PROXIED]
            for number, patient in enumerate(mine, 1):
                try:
                    self.ask(line, patient)
                except (OSError, HTTPException, AssertionError):
                    self.unheard += 1
                    line.close()
                if self._over.wait(max(0.0, began + BEAT * number / len(mine) - time.monotonic())):
                    break
            else:
                if mine:
                    self.rounds.append(time.monotonic() - began)
        line.close()
