"""A fresh database for each test, on both kinds that we run on.

What the tests begin with (the migrations, then the people of the cast) is made once in a run, as a
template; each test gets a copy. The workers of a run share a folder, and a lock in it lets one of
them do the work.
"""

import fcntl
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from support import postgres

PREFIX = "telehealth-tests-"
KINDS = ("sqlite", "postgresql")

# For a test to which the kind of database makes no difference, and that costs seconds.
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

_count = itertools.count(1)


def make_folder() -> Path:
    """The folder of a run of the tests, for all its workers."""
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/owner"):
        # A run that was killed could not clean up behind itself.
        with suppress(FileNotFoundError):
            if not _is_running(int(left.read_text())):
                remove_folder(left.parent)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    making = folder / "owner.new"
    making.write_text(str(os.getpid()))
    making.rename(folder / "owner")
    return folder


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def remove_folder(folder: Path) -> None:
    """End what was started in the folder, and remove it."""
    postgres.stop(folder)
    shutil.rmtree(folder, ignore_errors=True)


class Databases:
    """Makes databases in the folder of a run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def fresh(self, kind: str, template: str = "peopled") -> Iterator[str]:
        """The URL of a database for one test, removed afterwards.

        `template` is `empty` (no tables), `migrated`, or `peopled` (migrated, with the cast).
        """
        self._prepare(kind)
        name = f"test_{os.getpid()}_{next(_count)}"
        if kind == "sqlite":
            path = self.folder / f"{name}.sqlite"
            if template != "empty":
                shutil.copyfile(self.folder / f"{template}.sqlite", path)
            try:
                yield self._url(kind, name)
            finally:
                for part in self.folder.glob(f"{path.name}*"):
                    part.unlink()
        else:
            source = "template0" if template == "empty" else template
            self._on_server(f"CREATE DATABASE {name} TEMPLATE {source} STRATEGY WAL_LOG")
            try:
                yield self._url(kind, name)
            finally:
                self._on_server(f"DROP DATABASE {name} WITH (FORCE)")

    def _prepare(self, kind: str) -> None:
        from support import apps

        done = self.folder / f"{kind}-prepared"
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if done.exists():
                return
            if kind == "postgresql":
                (self.folder / "server").write_text(postgres.start(self.folder))
                self._on_server("CREATE DATABASE migrated")
            apps.migrate(self._url(kind, "migrated"))
            if kind == "postgresql":
                self._on_server("CREATE DATABASE peopled TEMPLATE migrated")
            else:
                shutil.copyfile(self.folder / "migrated.sqlite", self.folder / "peopled.sqlite")
            apps.add_cast(self._url(kind, "peopled"))
            done.touch()

    def _url(self, kind: str, name: str) -> str:
        if kind == "sqlite":
            return f"sqlite:///{self.folder / name}.sqlite"
        return make_url((self.folder / "server").read_text()).set(database=name).render_as_string()

    def _on_server(self, statement: str) -> None:
        with psycopg.connect(self._url("postgresql", "postgres"), autocommit=True) as connection:
            connection.execute(statement)
