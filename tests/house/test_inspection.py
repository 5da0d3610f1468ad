"""The inspection that every page goes through sees what it is there to see."""

import pytest
from bs4 import BeautifulSoup
from support import inspect_html
from werkzeug.datastructures import Headers

GOOD = """<!doctype html><html lang="en"><head><title>A</title></head><body><main><h1>B</h1>
<form method="post" action="/a"><input type="hidden" name="csrf_token" value="x">
<label for="e">Email</label><input id="e" name="email"><button>Go</button></form></main>
</body></html>"""

BAD = {
    "no lang": ('<html lang="en">', "<html>"),
    "no title": ("<title>A</title>", ""),
    "0 h1": ("<h1>B</h1>", ""),
    "not one main": ("main>", "div>"),
    "is there 2 times": ("<h1>", '<h1 id="e">'),
    "without a label": ('<label for="e">Email</label>', ""),
    "which is not there": ('for="e"', 'for="f"'),
    "without action": (' action="/a"', ""),
    "without csrf_token": ('value="x"', ""),
    "would travel in the address": ('method="post"', 'method="get"'),
    "inline script": ("<h1>", "<script>1</script><h1>"),
    "inline style sheet": ("<h1>", "<style></style><h1>"),
    "the attribute style": ("<h1>", '<h1 style="color: red">'),
    "the attribute onclick": ("<h1>", '<h1 onclick="a()">'),
    "the attribute hx-on": ("<h1>", '<h1 hx-on:click="a()">'),
    "needs eval": ("<h1>", '<h1 hx-trigger="click[a]">'),
    "script in the attribute": ("<h1>", '<h1><a href="javascript:a()">a</a>'),
    "another host": ("<h1>", '<h1><a href="//elsewhere.example">a</a>'),
    "without alt": ("<h1>", '<h1><img src="/a.png">'),
    "no accessible name": ("<button>Go", "<button>"),
    "leads nowhere": ("<h1>", "<h1><a>a</a>"),
}

POLICY = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
HEADERS = {
    "Content-Security-Policy": POLICY + "; object-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Vary": "Cookie",
}


def soup(text: str) -> BeautifulSoup:
    return BeautifulSoup(text, "html5lib")


def test_a_good_page_passes():
    assert inspect_html.faults_of_page(soup(GOOD)) == []


@pytest.mark.parametrize("fault", BAD)
def test_a_fault_in_a_page_is_found(fault):
    before, after = BAD[fault]
    assert before in GOOD
    found = inspect_html.faults_of_page(soup(GOOD.replace(before, after)))
    assert any(fault in one for one in found), found


@pytest.mark.parametrize(
    ("fragment", "good"),
    [
        ("<div>a</div>", True),
        ('<div>a</div><hx-partial hx-target="#flash"><p>b</p></hx-partial>', True),
        ('<hx-partial hx-target="#flash"><p>b</p></hx-partial>', True),
        ("<div>a</div><div>b</div>", False),
        ("<div>a</div> loose", False),
        ("", False),
    ],
)
def test_a_fragment_has_one_root(fragment, good):
    assert (inspect_html.faults_of_fragment(soup(fragment)) == []) is good


def test_good_headers_pass():
    assert inspect_html.faults_of_headers(Headers(HEADERS), signed_in=True) == []


@pytest.mark.parametrize("name", HEADERS)
def test_a_missing_header_is_found(name):
    headers = Headers({key: value for key, value in HEADERS.items() if key != name})
    assert inspect_html.faults_of_headers(headers, signed_in=True)


@pytest.mark.parametrize("source", ["'unsafe-inline'", "'unsafe-eval'", "*", "https:", "cdn.example"])
def test_a_lax_policy_is_found(source):
    lax = {**HEADERS, "Content-Security-Policy": f"{POLICY}; object-src 'none'; script-src {source}"}
    assert inspect_html.faults_of_headers(Headers(lax), signed_in=True)
