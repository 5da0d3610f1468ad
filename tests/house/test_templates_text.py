"""What no template may hold, because our policy blocks it or htmx 4 gets it wrong."""

import re
from pathlib import Path

import pytest

TEMPLATES = Path(__file__).parents[2] / "telehealth" / "templates"
FORBIDDEN = {
    r"hx-on": "needs eval: put the behaviour into app.js",
    r"hx-trigger=\"[^\"]*\[": "a trigger with a condition needs eval",
    r"=[\"']\s*(js|javascript):": "needs eval",
    r"\shx-boost": "not one of the attributes we use",
    r"\shx-ext\b": "htmx 4 knows its extensions by the htmx-config",
    r"hx-disable=\"(?!this\")": "htmx 4.0.1 would enable what was disabled; only this",
    r"hx-swap-oob": "use hx-partial",
    r"<style\b": "style sheets are files",
    r"\sstyle=": "style sheets are files",
    r"\son[a-z]+=": "handlers are in app.js",
    r"\|\s*safe\b": "everything is escaped",
    r"\bMarkup\(": "everything is escaped",
    r"<script(?![^>]*\bsrc=)": "scripts are files",
    r"(src|href|action)=\"(https?:)?//": "no other host",
    r"\{%-?\s*autoescape\s+false": "everything is escaped",
}
FILES = sorted(path.relative_to(TEMPLATES).as_posix() for path in TEMPLATES.rglob("*.*"))


@pytest.mark.parametrize("name", FILES)
def test_a_template_holds_nothing_that_is_blocked(name):
    text = re.sub(r"\{#.*?#\}", "", (TEMPLATES / name).read_text(), flags=re.DOTALL)
    found = [f"{why}: {pattern}" for pattern, why in FORBIDDEN.items() if re.search(pattern, text)]
    assert not found


@pytest.mark.parametrize("name", FILES)
def test_a_template_posts_with_a_token(name):
    text = (TEMPLATES / name).read_text()
    for form in re.findall(r"<form\b[^>]*method=\"post\".*?</form>", text, re.DOTALL):
        assert "csrf" in form


@pytest.mark.parametrize("name", FILES)
def test_a_button_that_htmx_sends_cannot_be_sent_twice(name):
    text = (TEMPLATES / name).read_text()
    for tag in re.findall(r"<(?:button|form)\b[^>]*hx-post=[^>]*>", text):
        assert 'hx-disable="this"' in tag or 'hx-sync="this:drop"' in tag, tag
