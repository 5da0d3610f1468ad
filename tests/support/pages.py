"""A person at a browser without JavaScript: fetches pages, reads them, presses buttons.

Every page and fragment that is fetched is inspected (`inspect_html`), so no test needs to ask.
"""

from __future__ import annotations

from typing import Any

from bs4 import BeautifulSoup, Tag
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from support import inspect_html
from support.inspect_html import name_of


class Visitor:
    """Somebody with a browser of their own; `sign_in` makes them a person of the clinic."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self.signed_in = False

    def sign_in(self, email: str, password: str) -> Page:
        """Sign in by the page, as anybody does; returns the redirect that comes back."""
        page = self.get("/sign-in").press("Sign in", status=303, email=email, password=password)
        self.signed_in = True
        return page

    def get(self, path: str, *, fragment: bool = False, status: int = 200, **more: Any) -> Page:
        """Fetch a page; as htmx does where `fragment` is set. The status is what must come back."""
        return self._open("GET", path, fragment, status, **more)

    def post(
        self,
        path: str,
        data: dict[str, Any] | None = None,
        *,
        fragment: bool = False,
        status: int | None = None,
        **more: Any,
    ) -> Page:
        """Post a form: a page answers with a redirect (303), a fragment with itself (200)."""
        expected = status or (200 if fragment else 303)
        data = dict(data or {})
        if "csrf_token" not in data:
            data["csrf_token"] = self.csrf_token()
        return self._open("POST", path, fragment, expected, data=data, **more)

    def api(self, method: str, path: str, *, csrf: bool = True, **more: Any) -> TestResponse:
        """Call the JSON API with this browser's cookie and, for changes, its CSRF header."""
        headers = {"Accept": "application/json", **more.pop("headers", {})}
        if csrf and method != "GET":
            headers["X-CSRFToken"] = self.csrf_token()
        return self.client.open(f"/api/v1{path}", method=method, headers=headers, **more)

    def csrf_token(self) -> str:
        """The token that pages of this browser carry."""
        page = BeautifulSoup(self.client.get("/sign-out").text, "html5lib")
        found = page.select_one("meta[name=csrf-token]")
        if found is None:
            page = BeautifulSoup(self.client.get("/sign-in").text, "html5lib")
            found = page.select_one("meta[name=csrf-token]")
        assert found is not None, "no page carries a csrf-token"
        return str(found["content"])

    def _open(self, method: str, path: str, fragment: bool, status: int, **more: Any) -> Page:
        headers = dict(more.pop("headers", {}))
        if fragment:
            headers["HX-Request"] = "true"
        answer = self.client.open(path, method=method, headers=headers, **more)
        page = Page(self, path, answer, fragment)
        assert answer.status_code == status, (
            f"{method} {path} answered {answer.status_code}, not {status}: {page.text[:500]}"
        )
        page.inspect()
        return page


class Page:
    """An answer in HTML."""

    def __init__(self, visitor: Visitor, path: str, answer: TestResponse, fragment: bool) -> None:
        self.visitor = visitor
        self.path = path
        self.answer = answer
        self.fragment = fragment
        self.soup = BeautifulSoup(answer.text, "html5lib")

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.answer.status_code

    @property
    def text(self) -> str:
        """All words of the page, with single spaces."""
        body = self.soup.body
        return " ".join(body.get_text(" ").split()) if body else ""

    @property
    def location(self) -> str:
        """Where a redirect leads."""
        return self.answer.headers["Location"]

    def follow(self) -> Page:
        """The page that a redirect leads to in the end."""
        page = self
        while 300 <= page.status < 400:
            answer = self.visitor.client.get(page.location)
            page = Page(self.visitor, page.location, answer, fragment=False)
        assert page.status == 200, f"{page.path} answered {page.status}: {page.text[:500]}"
        page.inspect()
        return page

    def inspect(self) -> None:
        """Hold the answer to what must be so everywhere."""
        if self.answer.mimetype != "text/html" or 300 <= self.status < 400 or not self.answer.data:
            return
        faults = inspect_html.faults_of_headers(self.answer.headers, self.visitor.signed_in)
        if self.fragment:
            faults += inspect_html.faults_of_fragment(self.soup)
        else:
            faults += inspect_html.faults_of_page(self.soup)
        assert not faults, f"{self.path}: " + "; ".join(faults)

    def one(self, selector: str) -> Tag:
        """The one element that this CSS selector finds."""
        found = self.soup.select(selector)
        assert len(found) == 1, f"{self.path} has {len(found)} of {selector}"
        return found[0]

    def all(self, selector: str) -> list[Tag]:
        """All elements that this CSS selector finds."""
        return list(self.soup.select(selector))

    def session(self, session_id: str) -> Tag:
        """The one element that stands for a session."""
        return self.one(f'[data-session-id="{session_id}"]')

    def statuses(self) -> dict[str, str]:
        """The status of each session on the page."""
        found = self.all("[data-session-id]")
        by_id = {str(tag["data-session-id"]): str(tag["data-status"]) for tag in found}
        assert len(by_id) == len(found), "a session is there more than once"
        return by_id

    def buttons(self, within: str = "body") -> list[str]:
        """The names of the buttons that can be pressed, in the order of the page."""
        return [
            name_of(tag, self.soup)
            for tag in self.soup.select(f"{within} button:not([disabled])")
            if not tag.find_parent("dialog") and not tag.find_parent(hidden=True)
        ]

    def button(self, name: str, within: str = "body") -> Tag:
        """The one button of this name."""
        found = [
            tag
            for tag in self.soup.select(f"{within} button")
            if name_of(tag, self.soup) == name and not tag.find_parent("dialog")
        ]
        names = self.buttons(within)
        assert len(found) == 1, f"{self.path} has {len(found)} buttons {name!r} among {names}"
        return found[0]

    def press(
        self,
        name: str,
        /,
        *,
        within: str = "body",
        fragment: bool = False,
        status: int | None = None,
        **typed: Any,
    ) -> Page:
        """Type into the form around a button, press the button, and return what comes back."""
        button = self.button(name, within)
        form = self.soup.find(id=button["form"]) if button.get("form") else button.find_parent("form")
        assert isinstance(form, Tag), f"the button {name!r} is in no form"
        unknown = typed.keys() - fields_of(form).keys()
        assert not unknown, f"the form of {name!r} has no field {', '.join(sorted(unknown))}"
        data = {key: value for key, value in {**fields_of(form), **typed}.items() if value != ""}
        data |= {key: value for key, value in typed.items() if value == ""}
        if button.get("name"):
            data[str(button["name"])] = str(button.get("value") or "")
        action = str(button.get("formaction") or form["action"])
        path = str(button.get("hx-post") or action) if fragment else action
        if str(form.get("method") or "get").lower() == "get":
            return self.visitor.get(path, query_string=data, fragment=fragment, status=status or 200)
        expected = status or (200 if fragment else 303)
        return self.visitor.post(path, data, fragment=fragment, status=expected)


def fields_of(form: Tag) -> dict[str, str]:
    """What a browser would send of this form if nobody typed anything; unticked boxes are ''."""
    data: dict[str, str] = {}
    for tag in form.select("input[name], select[name], textarea[name]"):
        name, kind = str(tag["name"]), str(tag.get("type") or "text")
        if tag.name == "textarea":
            data[name] = tag.get_text().removeprefix("\n")
        elif tag.name == "select":
            chosen = tag.select_one("option[selected]") or tag.select_one("option")
            data[name] = str(chosen.get("value", chosen.get_text())) if chosen else ""
        elif kind in ("checkbox", "radio"):
            if tag.get("checked") is not None:
                data[name] = str(tag.get("value") or "on")
            else:
                data.setdefault(name, "")
        elif kind not in ("submit", "button"):
            data[name] = str(tag.get("value") or "")
    return data
