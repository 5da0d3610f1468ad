"""`make run` in a fresh copy of the tree: the first command of the README, as a newcomer gives it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import requests
from support.browsers import until
from support.server import free_port, sign_in

from telehealth.demo import PASSWORD

ROOT = Path(__file__).parents[1]
DOCTOR, PATIENT, STAFF = (f"{who}@demo.example" for who in ("doctor", "patient", "staff"))
HOME = {DOCTOR: "/visits", PATIENT: "/patient-portal/dashboard", STAFF: "/admin/people"}


class Copy:
    """The tree as somebody has just fetched it, who serves it on a port of this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = folder.with_name(f"{folder.name}.log")
        self._process: subprocess.Popen[bytes] | None = None
        ignored = [line.rstrip("/") for line in (ROOT / ".gitignore").read_text().split()]
        shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(".git", *ignored))
        self._install()

    def _install(self) -> None:
        """What is installed here is what is installed there: no test waits for a package index."""
        python = self.folder / ".venv" / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
        python.chmod(0o755)
        (self.folder / ".venv" / ".installed").touch()

    @property
    def said(self) -> str:
        """All that was printed since the last start."""
        return self._log.read_text(errors="replace")

    @property
    def link(self) -> str:
        """The patient's link that was printed."""
        (found,) = re.findall(rf"^  ({re.escape(self.url)}/join/\S+)$", self.said, re.MULTILINE)
        return str(found)

    def run(self) -> None:
        """Give the command; `is_there` waits for what comes of it."""
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                ["make", "run", f"PORT={self.port}"],
                cwd=self.folder,
                # Nothing of the developer's own settings, nor of a `make` that runs the tests.
                env={"PATH": os.environ["PATH"], "PIP_NO_INDEX": "1"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def is_there(self) -> None:
        """It answers that it is ready."""
        until(self._answers, "make run does not answer", 90)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.said
        with suppress(requests.ConnectionError):
            return requests.get(f"{self.url}/readyz", timeout=30).status_code == 200
        return False

    def stop(self) -> None:
        """End everything that the command has started, and see that nothing of it goes on."""
        if self._process is None:
            return
        group, self._process = self._process, None
        os.killpg(group.pid, signal.SIGTERM)
        group.wait(20)
        until(lambda: not _runs(group.pid), "a process of make run goes on", 20)

    def kill(self) -> None:
        """As `stop`, after a test that has failed."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def _runs(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def copies(tmp_path: Path) -> Iterator[tuple[Copy, Copy]]:
    """Two copies on one machine, both started at the same moment."""
    with ExitStack() as stack:
        one, other = Copy(tmp_path / "one"), Copy(tmp_path / "another")
        for copy in (one, other):
            stack.callback(copy.kill)
            copy.run()
        for copy in (one, other):
            copy.is_there()
        yield one, other


def home_of(browser: requests.Session, copy: Copy) -> str:
    """Where the copy's front door leads this browser."""
    answer = browser.get(copy.url, timeout=30)
    assert answer.status_code == 200
    return answer.url.removeprefix(copy.url)


def test_two_copies_run_side_by_side_and_keep_what_they_have(copies: tuple[Copy, Copy]):
    one, other = copies
    browser = requests.Session()
    for copy in copies:
        for email in HOME:
            assert re.search(rf"{email} +password: {PASSWORD}$", copy.said, re.MULTILINE), copy.said
        assert "Installing" not in copy.said
        assert list((copy.folder / "instance").glob("*.sqlite*")), "its database is not its own"
        assert browser.get(f"{copy.url}/sign-in", timeout=30).status_code == 200
        assert "Join Session" in browser.get(copy.link, timeout=30).text

    # Browsers know no ports: one jar holds the cookies of both, and neither signs the other out.
    for copy, email in ((one, DOCTOR), (other, PATIENT)):
        sign_in(browser, copy.url, email, PASSWORD)
    assert home_of(browser, one) == HOME[DOCTOR]
    assert home_of(browser, other) == HOME[PATIENT]

    link = one.link
    for copy in copies:
        copy.stop()
    one.run()
    one.is_there()
    assert f"Telehealth: {one.url}/sign-in" in one.said
    assert PASSWORD not in one.said
    assert "/join/" not in one.said
    assert home_of(browser, one) == HOME[DOCTOR]
    assert "Join Session" in requests.get(link, timeout=30).text
    one.stop()
