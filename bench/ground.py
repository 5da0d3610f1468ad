"""Where a scanner works: a clinic behind https, people who are signed in, and a folder with the scanner."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import requests

from bench.front import Front
from bench.scene import Scene

FETCHING = 600
PATIENCE = 900
"""Seconds that fetching a scanner, and one run of it, may take."""

STARTS = {
    "ana": ("/patient-portal/dashboard", "/patient-portal/telemedicine"),
    "dr_grey": ("/visits", "/visits/new", "/api/v1/docs"),
    "sam": ("/visits", "/admin/people", "/admin/audit"),
}
"""Pages of each role from which others are found."""


class Unfit(Exception):
    """A scanner did not do its work."""


@dataclass
class Ground:
    """A clinic of its own behind https, and a folder, for one scanner."""

    scene: Scene
    front: Front
    folder: Path
    _browsers: dict[str, requests.Session] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where the server is found."""
        return self.front.url

    def browser(self, key: str) -> requests.Session:
        """The browser of a member of the cast, who is signed in and has loaded a page; `""`: a stranger's."""
        if key not in self._browsers:
            self._browsers[key] = self.front.browser(key)
            self._browsers[key].get(f"{self.url}/sign-out", timeout=30)
        return self._browsers[key]

    def cookie(self, key: str) -> str:
        """What this browser sends."""
        return "; ".join(f"{one.name}={one.value}" for one in self.browser(key).cookies)

    def check_signed_in(self, key: str) -> None:
        """The scanner has to have been somebody to the end."""
        if "/sign-in" in self.browser(key).get(self.url, timeout=30).url:
            raise Unfit(f"{key} was signed out")

    def pages(self) -> list[tuple[str, str]]:
        """Who looks at what: pages of every role."""
        visit, live = f"/visits/{self.scene.visit.id}", f"/telemedicine/{self.scene.live.id}"
        ana = self.scene.person("ana").id
        link = self.scene.clinic.link(self.scene.live)
        return [
            *(("", path) for path in ("/sign-in", link)),
            *(("ana", path) for path in (*STARTS["ana"], live, f"{live}/call")),
            *(("dr_grey", path) for path in (*STARTS["dr_grey"], visit, f"{visit}/telemedicine", live)),
            *(("dr_grey", path) for path in (f"{visit}/telemedicine/new", f"{live}/call", "/sign-out")),
            *(("sam", path) for path in (*STARTS["sam"], "/admin/people/new", f"/admin/people/{ana}")),
        ]

    def run(self, *command: str | Path, **environment: str) -> str:
        """What a scanner says; how it ends says whether it found something, or nothing."""
        # Whoever asks for another host asks a door that is shut.
        shut = dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9")
        home = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "no_proxy": "localhost,127.0.0.1"}
        return _done(command, PATIENCE, self.folder, {**home, **shut, **environment})[0]

    def from_python(self, package: str) -> Path:
        """The folder of the programs of a package."""
        place = self.folder / "python"
        self._fetch(sys.executable, "-m", "venv", place)
        self._fetch(place / "bin" / "python", "-m", "pip", "install", "--quiet", package)
        return place / "bin"

    def from_node(self, package: str) -> Path:
        """The folder of a package; what it would run when it is installed stays undone."""
        options = ("--ignore-scripts", "--no-audit", "--no-fund", "--silent")
        self._fetch(program("npm"), "install", *options, "--prefix", self.folder, package)
        return self.folder / "node_modules" / package.rpartition("@")[0]

    def _fetch(self, *command: str | Path) -> None:
        said, code = _done(command, FETCHING, self.folder, {**os.environ})
        if code:
            raise Unfit(f"could not be installed: {' '.join(said.split())[-200:]}")


def program(name: str) -> str:
    """The path of a program of this machine."""
    found = shutil.which(name)
    if found is None:
        raise Unfit(f"{name} is missing")
    return found


def _done(
    command: Sequence[str | Path], seconds: float, folder: Path, environment: dict[str, str]
) -> tuple[str, int]:
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    return done.stdout or done.stderr, done.returncode
