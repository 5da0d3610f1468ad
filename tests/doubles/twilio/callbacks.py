"""Status callbacks: signed as Twilio signs them, and delivered well or badly as a test wants."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlsplit

import aiohttp

HERE = ("127.0.0.1", "localhost")
PATIENCE = 15
"""Seconds after which an answer is no longer waited for."""


def sign(auth_token: str, url: str, parameters: Mapping[str, str] | Iterable[tuple[str, str]]) -> str:
    """The signature of a form that is posted to this URL."""
    pairs = parameters.items() if isinstance(parameters, Mapping) else parameters
    text = url + "".join(name + value for name, value in sorted(pairs))
    return base64.b64encode(hmac.new(auth_token.encode(), text.encode(), hashlib.sha1).digest()).decode()


class Delivered(NamedTuple):
    """A callback as it went out; `status` is the answer's, None if there was none."""

    event: str
    parameters: dict[str, str]
    url: str
    status: int | None


@dataclass
class Callbacks:
    """One queue for everything. The switches hold for what is delivered after they were set."""

    auth_token: str
    late: float = 0
    """Seconds that every callback waits before it goes out."""
    copies: int = 1
    """How often each is delivered, all copies at once."""
    shuffled: bool = False
    """Those that wait together go out in any order."""
    lost: set[str] = field(default_factory=set)
    """Events that never arrive; `{"*"}` loses all."""
    wrong_signature: bool = False
    """Signed with another token."""
    held: bool = False
    """Nothing goes out until this is False again."""
    delivered: list[Delivered] = field(default_factory=list)
    _waiting: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    _busy: bool = False

    @property
    def idle(self) -> bool:
        """Nothing waits and nothing is on its way."""
        return not self._busy and not self._waiting

    def put(self, url: str, parameters: dict[str, str]) -> None:
        """Deliver this in its turn."""
        if not self.lost & {"*", parameters["StatusCallbackEvent"]}:
            self._waiting.append((url, parameters))

    def take(self) -> list[tuple[str, dict[str, str]]]:
        """What waits while `held`, as pairs of URL and parameters; it is then no longer delivered."""
        taken, self._waiting = self._waiting, []
        return taken

    async def run(self) -> None:
        """Deliver for ever; ends when cancelled."""
        timeout, connector = aiohttp.ClientTimeout(PATIENCE), aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as self._session:
            while True:
                await asyncio.sleep(0.01)
                if self.held or not self._waiting:
                    continue
                self._busy = True
                await asyncio.sleep(self.late)
                batch = self.take()
                if self.shuffled:
                    random.shuffle(batch)
                for url, parameters in batch:
                    copies = (self.post(url, parameters) for _ in range(self.copies))
                    await asyncio.gather(*copies)
                self._busy = False

    async def post(self, url: str, parameters: dict[str, str], signature: str | None = None) -> int | None:
        """Post one callback, to this machine only, and keep the answer."""
        token = self.auth_token + ("?" if self.wrong_signature else "")
        headers = {"X-Twilio-Signature": signature or sign(token, url, parameters)}
        status: int | None = None
        if urlsplit(url).hostname in HERE:
            try:
                async with self._session.post(url, data=parameters, headers=headers, ssl=False) as answer:
                    await answer.read()
                    status = answer.status
            except (aiohttp.ClientError, TimeoutError):
                status = None
        event = parameters.get("StatusCallbackEvent", "")
        self.delivered.append(Delivered(event, parameters, url, status))
        return status
