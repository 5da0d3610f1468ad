"""The scripts of others: each is the one that was published, and none is there that nobody knows of."""

import hashlib
import re
from pathlib import Path
from typing import NamedTuple

import pytest

PRODUCT = Path(__file__).parents[1] / "telehealth"
FOLDER = PRODUCT / "static" / "vendor"


class Published(NamedTuple):
    """A file of a package at registry.npmjs.org: `npm pack PACKAGE@VERSION` brings it."""

    package: str
    version: str
    path: str
    sha256: str


HTMX, TWILIO = ("htmx.org", "4.0.1"), ("twilio-video", "2.35.0")
SCRIPTS = {
    "htmx-4.0.1.min.js": Published(
        *HTMX, "dist/htmx.min.js", "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130"
    ),
    "hx-ptag-4.0.1.min.js": Published(
        *HTMX, "dist/ext/hx-ptag.min.js", "1993b23e86553100e4f45eed1b756eb8cf53c5b2244caf98e58662dfde9ca069"
    ),
    "hx-sse-4.0.1.min.js": Published(
        *HTMX, "dist/ext/hx-sse.min.js", "18ef2761356ec1fe0bb6d92612315b37517a7c1e9856b661c5ae81fef239d103"
    ),
    "twilio-video-2.35.0.min.js": Published(
        *TWILIO,
        "dist/twilio-video.min.js",
        "4b624cffd986e903c90030f1df5e99e5bea2835c7286016060b60a76d1556c8b",
    ),
}
LICENCES = {
    "htmx-4.0.1.LICENSE": Published(
        *HTMX, "LICENSE", "d3d2456f76414f2456104660ebd65aff1c04cd7966b942bdabd63f3cdb316a38"
    ),
    "twilio-video-2.35.0.LICENSE": Published(
        *TWILIO, "LICENSE.md", "5fe8ad7e40e719af4078445179b9257aee55ff915cb2ed268d06f1c1f1a29afa"
    ),
}
ALL = {**SCRIPTS, **LICENCES}


@pytest.mark.parametrize("name", ALL)
def test_a_file_of_others_is_the_one_that_was_published(name):
    assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == ALL[name].sha256


@pytest.mark.parametrize("name", ALL)
def test_it_carries_its_version_in_its_name(name):
    assert re.fullmatch(rf"[a-z-]+-{re.escape(ALL[name].version)}\.(min\.js|LICENSE)", name)


@pytest.mark.parametrize("name", SCRIPTS)
def test_its_licence_lies_beside_it(name):
    source = SCRIPTS[name][:2]
    beside = [licence for licence, its in LICENCES.items() if its[:2] == source]
    assert len(beside) == 1
    assert (FOLDER / beside[0]).read_text().strip()


def test_nothing_else_lies_there():
    assert {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*")} == set(ALL)


def test_pages_load_all_of_these_scripts_and_no_others():
    pages = [*PRODUCT.rglob("*.html"), *(PRODUCT / "static").glob("call/*.js"), PRODUCT / "static" / "app.js"]
    named = {name for page in pages for name in re.findall(r"vendor/([\w.-]+)", page.read_text())}
    assert named == set(SCRIPTS)
