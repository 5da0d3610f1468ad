"""A TURN server of our own on this machine: coturn, without files, users or a daemon."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support import needs
from support.server import free_port

SECRET = "known to the clinic and its relay alone"


class Relay:
    """One running turnserver; `freeze` lets it pass nothing on, as a dead link would."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.log_file = folder / f"relay-{self.port}.log"
        self.url = f"turn:127.0.0.1:{self.port}?transport=udp"
        command = [
            needs.program("turnserver"),
            *("-n", "--simple-log", "--log-file=stdout", "--no-cli", "--no-tls", "--no-dtls"),
            *("--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", f"--listening-port={self.port}"),
            *("--use-auth-secret", f"--static-auth-secret={SECRET}", "--realm=clinic.example"),
            *("--allow-loopback-peers", "--fingerprint", "--no-multicast-peers"),
            f"--pidfile={folder / 'relay.pid'}",
        ]
        with self.log_file.open("wb") as log:
            self._process = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        self._wait()

    @property
    def log(self) -> str:
        """What it has said so far."""
        return self.log_file.read_text(errors="replace")

    def freeze(self) -> None:
        """Nothing gets through from now on."""
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Everything gets through again."""
        os.kill(self._process.pid, signal.SIGCONT)

    def stop(self) -> None:
        """End it."""
        self.thaw()
        self._process.kill()
        self._process.wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self._process.poll() is None:
            with socket.socket() as probe:
                probe.settimeout(1)
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        self._process.kill()
        raise AssertionError(f"the relay did not start:\n{self.log[-3000:]}")


@contextmanager
def running(folder: Path) -> Iterator[Relay]:
    """A relay for the length of the block."""
    relay = Relay(folder)
    try:
        yield relay
    finally:
        relay.stop()
