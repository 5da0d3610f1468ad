"""The lists of the modules that a call needs: fetched ahead, preloaded, and what is really imported."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import telehealth

ROOT = Path(telehealth.__file__).parent
MODULES = ROOT / "static" / "call"
IMPORT = re.compile(r"^(?:import|export) [^;]*?from '\./(\w[\w-]*)\.js'", re.MULTILINE)


def needed(*first: str) -> set[str]:
    """These modules and all that they import before they run."""
    found: set[str] = set()
    left = set(first)
    while left:
        name = left.pop()
        found.add(name)
        left |= set(IMPORT.findall((MODULES / f"{name}.js").read_text())) - found
    return found


@pytest.mark.parametrize("carrier", ["peer", "twilio"])
def test_what_a_call_needs_is_fetched_ahead_and_preloaded_and_nothing_else(carrier: str) -> None:
    script = (ROOT / "static" / "app.js").read_text()
    parts = re.search(r"PARTS = '([^']+)'", script)
    own = re.search(rf"CARRIERS = .*\b{carrier}: '([^']+)'", script)
    assert parts and own
    assert set(f"{parts[1]} {own[1]}".split()) == needed("call", carrier)

    page = (ROOT / "templates" / "call" / "show.html").read_text()
    own_there = re.search(rf'"{carrier}": \[([^\]]+)\]', page)
    common = re.search(r"in carrier \+ \[([^\]]+)\]", page)
    assert own_there and common
    # Two have an element of their own, which loads them.
    preloaded = {"begin", "call", *re.findall(r'"([\w-]+)"', own_there[1] + common[1])}
    assert preloaded == needed("call", carrier)
