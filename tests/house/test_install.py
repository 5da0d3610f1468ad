"""`pip install .` brings all that the server imports, and nothing of the tests."""

import ast
import sys
from configparser import ConfigParser
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

TOP = Path(__file__).parents[2]


def imported() -> set[str]:
    """The top names of all that the product imports."""
    files = [*(TOP / "telehealth").rglob("*.py"), TOP / "wsgi.py", TOP / "gunicorn.conf.py"]
    found = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                found |= {name.name.partition(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names) - {"telehealth"}


def installed() -> set[str]:
    """Every distribution that the requirements of an install bring, by its own name."""
    setup = ConfigParser()
    setup.read(TOP / "setup.cfg")
    waiting = setup["options"]["install_requires"].strip().splitlines()
    found: set[str] = set()
    while waiting:
        wanted = Requirement(waiting.pop())
        name = canonicalize_name(wanted.name)
        if name in found:
            continue
        found.add(name)
        for one in map(Requirement, metadata.requires(name) or ()):
            extras = wanted.extras or {""}
            if one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in extras):
                waiting.append(str(one))
    return found


def test_all_that_is_imported_is_brought_by_an_install():
    where, brought = metadata.packages_distributions(), installed()
    for name in imported():
        assert {canonicalize_name(one) for one in where[name]} & brought, name


def test_what_only_developers_need_stays_away():
    assert not installed() & {"pytest", "playwright", "mypy", "ruff", "schemathesis", "hypothesis"}
