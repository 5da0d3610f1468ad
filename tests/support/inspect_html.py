"""What must hold for every page and every fragment that any test fetches."""

import re
from collections import Counter

from bs4 import BeautifulSoup, Tag
from werkzeug.datastructures import Headers

POLICY_NEVER = ("'unsafe-inline'", "'unsafe-eval'", "*", "http:", "https:", "data:", "blob:")
MEDIA_MAY = ("blob:", "data:", "mediastream:")
UNTYPED = {"hidden", "submit", "button", "reset", "image"}


def faults_of_page(soup: BeautifulSoup) -> list[str]:
    """What is wrong with a whole page, in words."""
    faults = faults_of_markup(soup)
    html = soup.find("html")
    if not isinstance(html, Tag) or not html.get("lang"):
        faults.append("the page has no lang")
    if soup.title is None or not soup.title.get_text(strip=True):
        faults.append("the page has no title")
    headings = [tag for tag in soup.find_all("h1") if not tag.find_parent(hidden=True)]
    if len(headings) != 1:
        faults.append(f"the page has {len(headings)} h1")
    if len(soup.find_all("main")) != 1:
        faults.append("the page has not one main")
    ids = {str(tag["id"]) for tag in soup.find_all(id=True)}
    for tag in soup.find_all(True):
        for named in ("aria-labelledby", "aria-describedby", "aria-controls", "for"):
            for reference in str(tag.get(named) or "").split():
                if reference not in ids:
                    faults.append(f"{named} names #{reference}, which is not there: {_short(tag)}")
        for named in ("hx-target", "href", "popovertarget"):
            value = str(tag.get(named) or "").removeprefix("#" if named != "popovertarget" else "")
            local = named == "popovertarget" or str(tag.get(named) or "").startswith("#")
            if value and local and value not in ids:
                faults.append(f"{named} names #{value}, which is not there: {_short(tag)}")
    return faults


def faults_of_fragment(soup: BeautifulSoup) -> list[str]:
    """What is wrong with an answer that htmx swaps in."""
    assert soup.body is not None
    roots = [tag for tag in soup.body.find_all(True, recursive=False) if tag.name != "hx-partial"]
    loose = [text for text in soup.body.find_all(string=True, recursive=False) if text.strip()]
    faults = faults_of_markup(soup)
    partials = soup.body.find_all("hx-partial", recursive=False)
    if len(roots) > 1 or loose or not (roots or partials):
        faults.append(f"the fragment has {len(roots)} roots and {len(loose)} loose texts")
    return faults


def faults_of_markup(soup: BeautifulSoup) -> list[str]:
    """What is wrong in any piece of HTML: ids, labels, forms, and what our policy would block."""
    faults = []
    for name, count in Counter(str(tag["id"]) for tag in soup.find_all(id=True)).items():
        if count > 1:
            faults.append(f"the id {name} is there {count} times")
    for tag in soup.find_all(True):
        faults += [f"{fault}: {_short(tag)}" for fault in _faults_of_tag(tag, soup)]
    return faults


def faults_of_headers(headers: Headers, signed_in: bool) -> list[str]:
    """What is wrong with the headers of an HTML answer."""
    faults = []
    policy = _directives(headers.get("Content-Security-Policy", ""))
    if policy.get("default-src") not in (["'self'"], ["'none'"]):
        faults.append("the Content-Security-Policy does not begin with 'self' or 'none'")
    for directive, sources in policy.items():
        media = MEDIA_MAY if directive in ("img-src", "media-src") else ()
        bad = [
            source for source in sources if source not in media and (source in POLICY_NEVER or "." in source)
        ]
        if bad:
            faults.append(f"the policy allows {' '.join(bad)} in {directive}")
    for directive in ("frame-ancestors", "base-uri", "form-action", "object-src"):
        falls_back = directive == "object-src" and policy.get("default-src") == ["'none'"]
        if directive not in policy and not falls_back:
            faults.append(f"the policy says nothing of {directive}")
    expected = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
    for name, value in expected.items():
        if headers.get(name) != value:
            faults.append(f"{name} is not {value}")
    if signed_in and "no-store" not in headers.get("Cache-Control", ""):
        faults.append("a signed-in answer may be stored")
    if signed_in and "Cookie" not in headers.get("Vary", ""):
        faults.append("a signed-in answer does not vary by cookie")
    return faults


def name_of(tag: Tag, soup: BeautifulSoup | Tag | None = None) -> str:
    """The accessible name of a button or link: its label, else its text."""
    label = str(tag.get("aria-label") or "")
    by = str(tag.get("aria-labelledby") or "")
    if by and soup is not None:
        label = " ".join(
            found.get_text(" ", strip=True)
            for reference in by.split()
            if isinstance(found := soup.find(id=reference), Tag)
        )
    return " ".join((label or tag.get_text(" ")).split())


def _faults_of_tag(tag: Tag, soup: BeautifulSoup) -> list[str]:
    faults = []
    if tag.name == "script" and not tag.get("src") and tag.get("type") != "application/json":
        faults.append("inline script")
    if tag.name == "style":
        faults.append("inline style sheet")
    for name, value in tag.attrs.items():
        text = " ".join(value) if isinstance(value, list) else str(value)
        if name == "style" or re.match(r"on[a-z]+$", name) or name.startswith("hx-on"):
            faults.append(f"the attribute {name}, which the policy blocks")
        if re.match(r"\s*(javascript|js):", text, re.IGNORECASE):
            faults.append(f"script in the attribute {name}")
        if name == "hx-trigger" and "[" in text:
            faults.append("a trigger with a condition, which needs eval")
        if name in ("src", "href", "action") and re.match(r"(https?:)?//", text):
            faults.append(f"the attribute {name} leads to another host")
    if tag.name == "img" and tag.get("alt") is None:
        faults.append("a picture without alt")
    if tag.name in ("button", "a") and tag.get("hidden") is None and not name_of(tag, soup):
        in_dialog = tag.find_parent("dialog") is not None
        if not in_dialog and not tag.find("img", alt=True):
            faults.append("no accessible name")
    if tag.name == "a" and not tag.get("href"):
        faults.append("a link that leads nowhere")
    if tag.name in ("input", "select", "textarea") and str(tag.get("type")) not in UNTYPED:
        faults += _faults_of_field(tag, soup)
    if tag.name == "form":
        faults += _faults_of_form(tag)
    return faults


def _faults_of_field(tag: Tag, soup: BeautifulSoup) -> list[str]:
    labelled = tag.get("aria-label") or tag.get("aria-labelledby") or tag.find_parent("label")
    if tag.get("id") and not labelled:
        labelled = soup.find("label", attrs={"for": str(tag["id"])})
    return [] if labelled else ["a field without a label"]


def _faults_of_form(tag: Tag) -> list[str]:
    method = str(tag.get("method") or "get").lower()
    faults = []
    if method != "dialog" and not tag.get("action"):
        faults.append("a form without action")
    tokens = tag.find_all("input", attrs={"name": "csrf_token"})
    if method == "post" and not (len(tokens) == 1 and tokens[0].get("value")):
        faults.append("a form that posts without csrf_token")
    if method == "get" and tokens:
        faults.append("a csrf_token in a form that gets: it would travel in the address")
    return faults


def _directives(policy: str) -> dict[str, list[str]]:
    parts = [part.split() for part in policy.split(";") if part.strip()]
    return {part[0]: part[1:] for part in parts}


def _short(tag: Tag) -> str:
    return str(tag).split(">")[0][:160] + ">"
