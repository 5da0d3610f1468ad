"""Static files: compressed, kept for ever under a versioned name, and nothing else served."""

import gzip
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from telehealth import assets


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "static" / "call").mkdir(parents=True)
    (tmp_path / "static" / "app.css").write_text("body { color: black }\n" * 50)
    (tmp_path / "static" / "call" / "call.js").write_text("export const a = 1;\n" * 50)
    (tmp_path / "static" / "favicon.svg").write_text("<svg/>")
    (tmp_path / "static" / ".hidden").write_text("no")
    (tmp_path / "secret.txt").write_text("no")
    return tmp_path / "static"


def make_app(folder: Path, debug: bool = False) -> Flask:
    app = Flask("somewhere", static_folder=None)
    app.debug = debug
    assets.init_app(app, folder)
    return app


@pytest.fixture
def app(folder: Path) -> Flask:
    return make_app(folder)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def address(app: Flask, path: str) -> str:
    return app.jinja_env.globals["asset"](path)


def test_it_serves_a_file_to_be_kept_for_ever(app, client):
    answer = client.get(address(app, "app.css"))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/css; charset=utf-8"
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert "Content-Encoding" not in answer.headers
    assert "Set-Cookie" not in answer.headers
    assert answer.data.startswith(b"body {")


def test_it_compresses_where_the_browser_takes_it(app, client, folder):
    answer = client.get(address(app, "call/call.js"), headers={"Accept-Encoding": "br, gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert gzip.decompress(answer.data) == (folder / "call" / "call.js").read_bytes()
    assert int(answer.headers["Content-Length"]) == len(answer.data) < 200


def test_it_does_not_compress_where_gzip_is_refused_or_gains_nothing(app, client):
    refused = client.get(address(app, "app.css"), headers={"Accept-Encoding": "gzip;q=0"})
    assert "Content-Encoding" not in refused.headers
    tiny = client.get(address(app, "favicon.svg"), headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in tiny.headers
    assert tiny.headers["Content-Type"].startswith("image/svg+xml")


def test_a_page_from_before_a_deploy_still_gets_its_files(app, client):
    old = address(app, "app.css").replace(app.extensions["assets"].version, "0" * 16)
    answer = client.get(old)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    [
        "nothing.css",
        "../secret.txt",
        "..%2fsecret.txt",
        "call/../../secret.txt",
        "/etc/passwd",
        ".hidden",
        "call",
        "call/",
        "app.css%00",
    ],
)
def test_it_serves_nothing_else(app, client, path):
    version = app.extensions["assets"].version
    answer = client.get(f"/static/{version}/{path}")
    assert answer.status_code in (404, 308)
    assert answer.data != b"no"


def test_an_unknown_file_in_a_template_is_a_mistake_of_the_programmer(app):
    with pytest.raises(LookupError, match=r"missing\.js"):
        address(app, "missing.js")


def test_every_change_of_any_file_changes_the_version(folder):
    before = make_app(folder).extensions["assets"].version
    assert make_app(folder).extensions["assets"].version == before
    (folder / "call" / "call.js").write_text("export const a = 2;\n" * 50)
    changed = make_app(folder).extensions["assets"].version
    assert changed != before
    (folder / "call" / "call.js").rename(folder / "call" / "room.js")
    assert make_app(folder).extensions["assets"].version not in (before, changed)


def test_in_debug_a_changed_file_is_seen_at_once(folder):
    app = make_app(folder, debug=True)
    before = address(app, "app.css")
    (folder / "app.css").write_text("body { color: red }\n")
    assert address(app, "app.css") != before
    assert b"red" in app.test_client().get(address(app, "app.css")).data


def test_the_files_are_public(app):
    assert app.view_functions["static_file"].public
    assert app.view_functions["favicon"].public


def test_the_favicon_is_found_where_browsers_guess_it(app, client):
    answer = client.get("/favicon.ico")
    assert answer.status_code == 302
    assert answer.headers["Location"] == address(app, "favicon.svg")
