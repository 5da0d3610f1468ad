"""What `make help` lists is true, and it lists all there is."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()
INNER = MAKEFILE.index("# From here on")


def make(*arguments: str) -> str:
    done = subprocess.run(
        [shutil.which("make") or "make", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def listed() -> list[str]:
    return re.findall(r"^make ([a-z-]+) ", make("help"), re.MULTILINE)


def test_help_is_what_make_says_by_itself(listed):
    assert make() == make("help")
    assert listed[0] == "help"


def test_help_lists_every_command_for_people(listed):
    described = re.findall(r"^([a-z-]+):(?!=)", MAKEFILE[:INNER], re.MULTILINE)
    assert listed == described


def test_help_lists_the_commands_of_the_contract(listed):
    assert {"run", "install", "test", "check", "bench"} <= set(listed)


def test_every_listed_command_does_something(listed):
    for target in listed:
        rule = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
        assert rule, f"make {target} does nothing"


def test_what_is_called_inside_is_described_nowhere(listed):
    inner = re.findall(r"^([a-z-]+):(?!=)", MAKEFILE[INNER:], re.MULTILINE)
    assert not set(inner) & set(listed)


def test_the_programs_of_the_commands_are_there():
    for module in set(re.findall(r"\$\(PYTHON\) -m ([a-z.]+)", MAKEFILE)):
        folder = ROOT / module.replace(".", "/")
        here = folder.with_suffix(".py").exists() or folder.is_dir()
        installed = list((ROOT / ".venv").glob(f"lib/python*/site-packages/{module}"))
        assert here or installed, f"{module} is not there"


def test_the_readme_begins_with_the_two_commands():
    readme = ROOT / "README.md"
    commands = re.findall(r"^\s*(make [a-z]+)", readme.read_text(), re.MULTILINE)
    assert commands[:2] == ["make run", "make test"]
