"""The real server: gunicorn with our own configuration, on a free port of this machine."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import requests
from bs4 import BeautifulSoup

ROOT = Path(__file__).parents[2]
SECRET_KEY = "3f9c1e7a5b8d2046e1c7a9f3d5b80264"
FAULTS = ("Traceback (most recent call last)", "fault in ")


class Server:
    """One gunicorn with its workers. What it logs is in `log`; a fault there fails the test."""

    def __init__(
        self,
        folder: Path,
        database_url: str,
        app: str = "wsgi:app",
        workers: int = 2,
        ready: str = "/readyz",
        **settings: str,
    ) -> None:
        self.port = free_port()
        self.log_file = folder / f"server-{self.port}.log"
        self.url = f"http://127.0.0.1:{self.port}"
        self.database_url = database_url
        self._folder = folder
        self._ready = ready
        self._command = [
            sys.executable,
            "-m",
            "gunicorn",
            f"--config={ROOT / 'gunicorn.conf.py'}",
            f"--pythonpath={ROOT},{ROOT / 'tests'}",
            f"--bind=127.0.0.1:{self.port}",
            app,
        ]
        self._environment = {
            "PATH": os.environ["PATH"],
            "SECRET_KEY": SECRET_KEY,
            "DATABASE_URL": database_url,
            "PUBLIC_URL": self.url,
            "WEB_CONCURRENCY": str(workers),
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id of gunicorn's master."""
        assert self._process is not None, "the server is not running"
        return self._process.pid

    @property
    def log(self) -> str:
        """All that was logged since the first start."""
        return self.log_file.read_text(errors="replace")

    def start(self) -> None:
        """Start, and wait until it answers that it is ready."""
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                # A folder of its own: a .env of the developer must not reach the tests.
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                with urllib.request.urlopen(self.url + self._ready, timeout=5) as answer:
                    if answer.status == 200:
                        return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.05)
        self.stop(check=False)
        raise AssertionError(f"the server did not become ready:\n{self.log[-4000:]}")

    def stop(self, check: bool = True) -> None:
        """Stop as a service manager would; then look for faults in the log."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                for pid in [*self.workers(), self._process.pid]:
                    os.kill(pid, signal.SIGKILL)
                self._process.wait()
            self._process = None
        faults = [line for line in self.log.splitlines() if any(sign in line for sign in FAULTS)]
        if check and faults:
            raise AssertionError(f"the server logged {faults[0]}:\n{self.log[-8000:]}")

    def wait(self, seconds: float) -> None:
        """Wait until it has ended by itself."""
        assert self._process is not None, "the server is not running"
        self._process.wait(seconds)

    def restart(self) -> None:
        """Stop and start again, on the same port and database."""
        self.stop()
        self.start()

    def browser(self, key: str) -> requests.Session:
        """A browser without JavaScript in which this member of the cast is signed in."""
        from support.cast import CAST, PASSWORD

        browser = requests.Session()
        page = BeautifulSoup(browser.get(f"{self.url}/sign-in", timeout=30).text, "html5lib")
        token = page.select_one("input[name=csrf_token]")
        assert token is not None, "the sign-in page has no csrf_token"
        form = {"csrf_token": str(token["value"]), "email": CAST[key].email, "password": PASSWORD}
        answer = browser.post(f"{self.url}/sign-in", data=form, timeout=30, allow_redirects=False)
        assert answer.status_code == 303, f"signing in answered {answer.status_code}"
        return browser

    def workers(self) -> list[int]:
        """The process ids of the workers."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    def kill_worker(self) -> int:
        """Kill one worker as a crash would, and wait until another took its place."""
        before = self.workers()
        os.kill(before[0], signal.SIGKILL)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            now = self.workers()
            if len(now) == len(before) and before[0] not in now:
                return before[0]
            time.sleep(0.05)
        raise AssertionError("no worker took the place of the killed one")


def free_port() -> int:
    """A port of this machine on which nobody listens at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
