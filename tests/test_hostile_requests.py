"""Requests that no browser sends, to the real server: each gets a clear answer, and none does harm."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from bs4 import BeautifulSoup
from sqlalchemy import func, select
from support import apps, raw
from support.databases import Databases
from support.raw import Answer
from support.server import Server

from telehealth.extensions import db
from telehealth.models import Session, SignIn, User, Visit

EVIL = "evil.example"
TEN_MEGABYTES = 10 * 1024 * 1024

FORWARDED = (
    *("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Prefix"),
    *("Forwarded", "X-Real-IP", "X-Host", "X-Forwarded-Server", "X-Client-IP", "True-Client-IP", "Via"),
)

FORGED = (
    *(EVIL, f"for={EVIL};host={EVIL};proto=javascript", "\xff, , ;", "a" * 4000, "1,2,3,4", "::1%eth"),
    *("javascript", "127.0.0.1", ""),
)
FORGED_AT = ("/sign-in", "/visits", "/api/v1/visits", "/join/nothing", "/nothing", "//visits")

DOORS = (
    *("/sign-in", "/join/nothing", "/invitation/nothing", "/visits/new", "/visits/x/close"),
    *("/telemedicine/x/call/enter", "/telemedicine/x/call/recordings/x/pieces/0", "/nothing"),
    *("/api/v1/telemedicine/", "/api/v1/telemedicine/token/", "/webhooks/twilio/room"),
)
"""One address of each kind that takes bodies, or does not."""

Ask = Callable[..., Answer]

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


@pytest.fixture(scope="module")
def server(database_server: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for the file; that nothing in it failed is looked at when it is stopped."""
    with database_server.fresh("sqlite") as url:
        server = Server(tmp_path_factory.mktemp("server"), url)
        server.start()
        yield server
        server.stop()


@pytest.fixture(scope="module")
def grey(server: Server) -> list[str]:
    """The headers of a doctor's browser."""
    return _headers(server, "dr_grey")


@pytest.fixture
def ask(server: Server, grey: list[str]) -> Ask:
    """Sends a request as the doctor's browser; `head` are lines beside the usual ones."""

    def ask(line: str, *head: str | bytes, body: object = (), host: str = "") -> Answer:
        hosts = [f"Host: {host or f'127.0.0.1:{server.port}'}"]
        return raw.ask(server.port, [line, *hosts, *grey, *head], body)  # type: ignore[arg-type]

    return ask


def _headers(server: Server, key: str) -> list[str]:
    browser = server.browser(key)
    page = BeautifulSoup(browser.get(f"{server.url}/sign-out", timeout=30).text, "html5lib")
    token = page.select_one("meta[name=csrf-token]")
    assert token is not None
    cookies = "; ".join(f"{one.name}={one.value}" for one in browser.cookies)
    return [f"Cookie: {cookies}", f"X-CSRFToken: {token['content']}"]


@pytest.fixture(autouse=True)
def _nothing_is_lost(server: Server) -> Iterator[None]:
    """Whatever was sent: the same people, visits and sessions are there, and the server answers."""
    before = _counts(server)
    yield
    assert _counts(server) == before
    assert raw.ask(server.port, ["GET /readyz HTTP/1.1", f"Host: 127.0.0.1:{server.port}"]).status == 200


@pytest.mark.parametrize("path", DOORS)
def test_ten_megabytes_are_refused_everywhere(ask: Ask, path: str):
    for kind in ("application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        for head, chunked in (
            (f"Content-Length: {TEN_MEGABYTES}", False),
            ("Transfer-Encoding: chunked", True),
        ):
            body = raw.large(TEN_MEGABYTES, chunked=chunked)
            answer = ask(f"POST {path} HTTP/1.1", f"Content-Type: {kind}", head, body=body)
            # A server that hangs up on somebody who goes on talking has refused as well.
            assert answer.status in (0, 400, 403, 404, 405, 410, 413, 422), f"{kind} {head}: {answer.status}"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"[" * 100_000, 413),
        (b"[" * 30_000 + b"]" * 30_000, 400),
        (b'{"a":' * 12_000 + b"1" + b"}" * 2_000, 400),
        (json.dumps({f"key{number}": number for number in range(20_000)}).encode(), 413),
        (json.dumps({f"k{number}": 1 for number in range(5_000)}).encode(), 400),
        (json.dumps({"visit_id": ["x"] * 10_000}).encode(), 400),
        (b'{"visit_id": ' + b"9" * 60_000 + b"}", 400),
        (b'{"visit_id": 1e' + b"9" * 60_000 + b"}", 400),
        (b'{"visit_id": "' + b"\\u0000" * 10_000 + b'"}', 400),
        (b'{"visit_id": "' + b"\\ud800" * 10_000 + b'"}', 400),
        (b" " * 60_000, 400),
    ],
)
def test_json_that_is_a_bomb_is_refused_in_few_words(ask: Ask, sent: bytes, status: int):
    for path in ("/api/v1/telemedicine/", "/api/v1/telemedicine/token/", "/api/v1/visits/"):
        head = ("Content-Type: application/json", f"Content-Length: {len(sent)}")
        answer = ask(f"POST {path} HTTP/1.1", *head, body=[sent])
        assert answer.status == status, path
        assert len(answer.text) < 10_000, f"{len(answer.text)} bytes tell what is wrong"


def test_forms_with_far_too_many_parts_are_refused(ask: Ask):
    part = b'--x\r\nContent-Disposition: form-data; name="notes"\r\n\r\n1\r\n'
    for count, status in ((1_001, 413), (101, 413)):
        body = part * count + b"--x--\r\n"
        answer = ask(
            "POST /visits/new HTTP/1.1",
            "Content-Type: multipart/form-data; boundary=x",
            f"Content-Length: {len(body)}",
            body=[body],
        )
        assert answer.status == status
    for body in (
        b"a=1&" * 20_000,
        b"&" * 60_000,
        b"a&" * 30_000,
        b"=" * 60_000,
        b"%" * 60_000,
        b"+" * 60_000,
    ):
        head = ("Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}")
        answer = ask("POST /visits/new HTTP/1.1", *head, body=[body])
        assert answer.status in (413, 422), body[:4]


@pytest.mark.parametrize(
    "kind",
    [
        *("text/plain", "text/xml", "application/xml", "application/json;charset=utf-7", "application/jsonx"),
        *("multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\xff"),
        *("multipart/mixed; boundary=x", "multipart/form-data; boundary=" + "x" * 5000, "application/pdf"),
        *(
            "application/x-www-form-urlencoded; charset=utf-16",
            "application/x-java-serialized-object",
            ";",
            "/",
        ),
    ],
)
def test_a_body_of_a_kind_that_nobody_expects_is_refused(ask: Ask, kind: str):
    for path in ("/visits/new", "/admin/people/new", "/api/v1/telemedicine/", "/api/v1/visits/"):
        for body in (
            b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
            b"--x\r\n",
            b"{}",
            b"a=b",
        ):
            head = (f"Content-Type: {kind}", f"Content-Length: {len(body)}", "Content-Encoding: gzip")
            answer = ask(f"POST {path} HTTP/1.1", *head, body=[body])
            assert 400 <= answer.status < 500, f"{path} {body!r}: {answer.status}"
            assert "root:" not in answer.text


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
            _headers(server, "dr_grey")
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


def _counts(server: Server) -> list[int]:
    app = apps.make_app(server.database_url)
    with app.app_context():
        counts = [
            db.session.scalar(select(func.count()).select_from(model)) or 0
            for model in (User, Visit, Session)
        ]
    apps.close(app)
    return counts


def _is_ours(host: str) -> bool:
    return host.rstrip(".\t").partition(":")[0] in ("127.0.0.1", "localhost")


def _stays(location: str, server: Server) -> bool:
    """Whether a browser that follows this stays on our host."""
    parts = urlsplit(urljoin(f"{server.url}/x", location))
    return (parts.scheme, parts.netloc) == ("http", f"127.0.0.1:{server.port}")
