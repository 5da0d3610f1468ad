"""Heads that no browser sends: their methods, addresses, hosts, words of proxies and lengths."""

from __future__ import annotations

import itertools
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from sqlalchemy import select
from support import apps, raw
from support.databases import Databases
from support.raw import Ask
from support.server import Server

from telehealth.extensions import db
from telehealth.models import SignIn

EVIL = "evil.example"

FORWARDED = (
    *("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Prefix"),
    *("Forwarded", "X-Real-IP", "X-Host", "X-Forwarded-Server", "X-Client-IP", "True-Client-IP", "Via"),
)

FORGED = (
    *(EVIL, f"for={EVIL};host={EVIL};proto=javascript", "\xff, , ;", "a" * 4000, "1,2,3,4", "::1%eth"),
    *("javascript", "127.0.0.1", ""),
)
FORGED_AT = ("/sign-in", "/visits", "/api/v1/visits", "/join/nothing", "/nothing", "//visits")

PATHS = (
    *("/..", "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc%2fpasswd", "/..;/admin"),
    *("/static/x/../../__init__.py", "/static/x/%2e%2e/%2e%2e/__init__.py", "/static/x/..%2f..%2fconfig.py"),
    *("/static/x//etc/passwd", "/static/x/%00", "/static/x/app.css%00.png", "/static/x/..%5c..%5cconfig.py"),
    *("/static/x/", "/static/", "/static/x/vendor", "/static/x/app.css/", "/static/%2e%2e/app.css/.."),
    *(
        f"//{EVIL}",
        f"//{EVIL}/..",
        f"///{EVIL}/%2f..",
        f"/%2f%2f{EVIL}",
        f"/%5c{EVIL}",
        f"//{EVIL}/%2e%2e/visits",
    ),
    *(
        "/visits/%2e%2e/admin",
        "/visits/%2f",
        "/visits//",
        "/./visits",
        "/visits/.",
        "/visits;a=b",
        "/visits%20",
    ),
    *(
        "/VISITS",
        "/Admin/people",
        "/visits%00",
        "/visits/%0d%0aSet-Cookie:%20planted=1",
        "/%ff%fe",
        "/visits/%",
    ),
    *("/visits/%zz", "/visits/%c0%af", "/visits/%e0%80%af", "/telemedicine//call", "/api/v1//visits/", "/*"),
    *(
        "/api/v1/visits/..%2f..%2fadmin%2f",
        "/.env",
        "/.git/config",
        "/wsgi.py",
        "/instance/telehealth.sqlite",
    ),
    *(
        "/api/v1/telemedicine/x%2fstart/",
        "/\\admin",
        "/admin/..%00/people",
        "/metrics/",
        "/console",
        "/a" * 700,
    ),
)


@pytest.mark.parametrize("path", PATHS)
def test_no_trick_with_a_path_leads_anywhere(ask: Ask, server: Server, path: str):
    for method in ("GET", "POST"):
        answer = ask(f"{method} {path} HTTP/1.1", "Content-Length: 0")
        assert answer.status in (302, 303, 308, 400, 403, 404, 405, 410, 431), f"{method}: {answer.status}"
        for found in ("root:", "import ", "SECRET", "planted", EVIL):
            assert found not in answer.text
        assert "planted" not in str(answer.headers)
        assert _stays(answer.location, server), answer.location


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "target",
    [f"http://{EVIL}/visits", f"https://{EVIL}@127.0.0.1/visits", "*", EVIL, "visits", "", "?next=/", "#a"],
)
def test_an_address_that_is_none_of_ours_leads_nowhere(ask: Ask, server: Server, method: str, target: str):
    answer = ask(f"{method} {target} HTTP/1.1", "Content-Length: 0")
    assert 300 <= answer.status < 500 or target.endswith("/visits"), answer.status
    # What is not even a request is refused before us, in the words of the server.
    assert EVIL not in answer.text or answer.status == 400
    assert _stays(answer.location, server), answer.location


@pytest.mark.parametrize(
    "host",
    [
        *(
            EVIL,
            f"127.0.0.1.{EVIL}",
            f"127.0.0.1:80@{EVIL}",
            f"{EVIL}#127.0.0.1",
            "127.0.0.1, " + EVIL,
            f"[{EVIL}]",
        ),
        *(
            "127.0.0.1:port",
            "127.0.0.1:99999999",
            "[::1",
            "127.0.0.1/../",
            "<script>",
            "localhost\x00",
            "\xff",
        ),
        *("x" * 3000, "127.0.0.1 " + EVIL, "127.0.0.1\t", "0", "0x7f.1", "2130706433", "127.1", "127.0.0.1."),
    ],
)
def test_a_name_that_is_not_ours_is_not_served(ask: Ask, host: str):
    for path in ("/sign-in", "/visits", "/api/v1/visits", "/nothing", "/healthz"):
        answer = ask(f"GET {path} HTTP/1.1", host=host)
        assert 400 <= answer.status < 500 or _is_ours(host), f"{path}: {answer.status}"
        assert EVIL not in answer.raw.decode("latin-1")


@pytest.mark.parametrize("proxies", ["0", "1"])
def test_what_proxies_say_is_believed_as_far_as_it_is_trusted(
    database_server: Databases, tmp_path: Path, proxies: str
):
    with database_server.fresh("sqlite") as url:
        server = Server(tmp_path, url, TRUSTED_PROXIES=proxies)
        server.start()
        try:
            for name, value, path in itertools.product(FORWARDED, FORGED, FORGED_AT):
                head = [f"Host: 127.0.0.1:{server.port}", f"{name}: {value}"]
                answer = raw.ask(server.port, [f"GET {path} HTTP/1.1", *head])
                where = f"{name}: {value[:20]}, {path}"
                assert 200 <= answer.status < 500, where
                assert EVIL not in answer.raw.decode("latin-1"), where
                assert _stays(answer.location, server), where
            raw.headers(server, "dr_grey")
        finally:
            server.stop()
        app = apps.make_app(url)
        with app.app_context():
            addresses = set(db.session.scalars(select(SignIn.address)))
        apps.close(app)
        assert addresses == {"127.0.0.1"}


@pytest.mark.parametrize(
    "name",
    ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Original-URL", "X-Rewrite-URL"],
)
def test_a_method_or_an_address_is_what_the_first_line_says(ask: Ask, name: str):
    for value in ("POST", "DELETE", "/admin/people", "/sign-out"):
        answer = ask("GET /sign-out?_method=POST HTTP/1.1", f"{name}: {value}")
        assert answer.status == 200
    assert ask("GET /visits HTTP/1.1").status == 200


@pytest.mark.parametrize(
    "method",
    ["PUT", "PATCH", "DELETE", "TRACE", "TRACK", "CONNECT", "PROPFIND", "get", "PoSt", "G" * 300, "GET\x00"],
)
def test_a_method_that_is_not_there_is_refused(ask: Ask, method: str):
    for path in ("/visits", "/sign-in", "/api/v1/visits/", "/static/x/app.css", "/nothing"):
        answer = ask(f"{method} {path} HTTP/1.1", "Content-Length: 0")
        assert 400 <= answer.status < 500 or answer.status == 501, f"{path}: {answer.status}"


@pytest.mark.parametrize(
    "head",
    [
        ["Content-Length: 5", "Content-Length: 6"],
        ["Content-Length: 5", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"],
        ["Transfer-Encoding: \x0bchunked"],
        ["Transfer-Encoding : chunked"],
        ["Transfer-Encoding: gzip, chunked"],
        ["Content-Length: -1"],
        ["Content-Length: +5"],
        ["Content-Length: 0x5"],
        ["Content-Length: 5, 5"],
        ["Content-Length: " + "9" * 40],
        ["Content-Length: \xb2"],
        ["X-Odd\x00: a"],
        ["X Odd: a"],
        ["X-Odd: a\x00b"],
        ["X-Odd: a\rSet-Cookie: planted=1"],
        [": a"],
        ["X-Odd: a", " folded: b"],
        ["no colon"],
        [f"X-{number}: a" for number in range(100)],
        ["X-Long: " + "a" * 20_000],
    ],
)
def test_a_head_that_servers_read_differently_is_refused(ask: Ask, head: list[str]):
    smuggled = b"0\r\n\r\nPOST /sign-out HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    answer = ask("POST /api/v1/visits/ HTTP/1.1", "Content-Type: application/json", *head, body=[smuggled])
    assert answer.status == 0 or 400 <= answer.status < 500, answer.status
    assert answer.raw.count(b"HTTP/1.") <= 1
    assert ask("GET /visits HTTP/1.1").status == 200


def test_numbers_of_pages_and_limits_beyond_all_measure_are_no_fault(ask: Ask):
    for number in (
        "9" * 300,
        "-" + "9" * 300,
        "1e400",
        "0x10",
        "٣",
        "-0",
        "+1",
        "1_000",
        "NaN",
        "%20",
        "2147483648",
    ):
        for path in ("/visits?page=", "/visits?status=closed&page=", "/admin/audit?before="):
            answer = ask(f"GET {path}{number} HTTP/1.1".encode().decode("latin-1"))
            assert answer.status in (200, 400, 403), f"{path}{number[:9]}"
        answer = ask(f"GET /api/v1/telemedicine/?limit={number} HTTP/1.1".encode().decode("latin-1"))
        assert answer.status in (200, 400), number[:9]


def _is_ours(host: str) -> bool:
    return host.rstrip(".\t").partition(":")[0] in ("127.0.0.1", "localhost")


def _stays(location: str, server: Server) -> bool:
    """Whether a browser that follows this stays on our host."""
    parts = urlsplit(urljoin(f"{server.url}/x", location))
    return (parts.scheme, parts.netloc) == ("http", f"127.0.0.1:{server.port}")
