"""Sign-in and links against tricks that only a real browser can fall for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from playwright.sync_api import expect
from support.cast import CAST, PASSWORD, Clinic

from browser.people import Somebody
from telehealth import people

if TYPE_CHECKING:
    from flask import Flask
    from support.server import Server

At = Callable[..., Somebody]

AWAY = (
    *(
        "//evil.example",
        "\\\\evil.example",
        "/\\evil.example",
        "/%09/evil.example",
        "/\t/evil.example",
        "/%5cevil.example",
    ),
    *(
        "https://evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "/%2f/evil.example",
    ),
    *(
        "///evil.example",
        "/.//evil.example",
        "//evil%E3%80%82example",
        "/@evil.example",
        "\u2028//evil.example",
    ),
    *(
        "/\u2044evil.example",
        "?next=//evil.example",
        "#//evil.example",
        "/a//../../\\evil.example",
        "/;//evil.example",
    ),
)


def test_no_trick_leads_away_after_signing_in(at_screen: At, server: Server, app: Flask):
    one = at_screen("dr_grey")
    asked: list[str] = []
    one.page.on("request", lambda request: asked.append(request.url))
    for wanted in AWAY:
        # As the form of the page would send it, whatever the page made of the address.
        one.open(f"/sign-in?next={quote(wanted)}")
        one.page.evaluate(
            """([wanted, email, password]) => {
              const form = document.querySelector('form[action*=sign-in]');
              const fields = form.elements;
              const next = fields.namedItem('next') ?? form.appendChild(document.createElement('input'));
              Object.assign(next, { type: 'hidden', name: 'next', value: wanted });
              form.elements.namedItem('email').value = email;
              form.elements.namedItem('password').value = password;
              form.requestSubmit();
            }""",
            [wanted, CAST["dr_grey"].email, PASSWORD],
        )
        one.page.wait_for_url(lambda url: "/sign-in" not in url)
        assert one.page.url.startswith(f"{server.url}/"), wanted
        assert "evil" not in one.page.url, wanted
    others = [url for url in asked if not url.startswith(f"{server.url}/")]
    assert others == []


def test_no_address_of_ours_leads_to_another_host(at_screen: At, server: Server):
    stranger, grey = at_screen(), at_screen("dr_grey")
    for path in (
        "//evil.example/visits",
        "//evil.example//visits",
        "/%2f%2fevil.example",
        "/visits//evil.example",
    ):
        for one in (stranger, grey):
            answer = one.page.goto(server.url + path)
            assert answer is not None
            assert one.page.url.startswith(f"{server.url}/"), path


def test_a_scanner_that_runs_scripts_uses_nothing_up(at_screen: At, clinic: Clinic, app: Flask):
    session = clinic.session()
    link = clinic.link(session)
    with app.app_context():
        new = people.create(
            "patient", people.Details("scan@people.example", "Nora New"), by=clinic._person("sam").actor
        )
        invitation = f"/invitation/{people.invite(new, by=clinic._person('sam').actor)}"
    posted: list[str] = []
    for _ in range(3):
        scanner = at_screen()
        scanner.page.on("request", lambda one: posted.append(one.url) if one.method != "GET" else None)
        for path in (link, invitation, link):
            scanner.open(path)
            scanner.page.wait_for_load_state("networkidle")
            # It looks at all there is to follow, too.
            for href in scanner.page.locator("main a[href^='/']").evaluate_all(
                "all => all.map((a) => a.href)"
            ):
                scanner.page.request.get(href)
    assert posted == []
    assert "session.link_used" not in clinic.history(session)

    guest = at_screen("ana", signed_in=False)
    guest.open(link).press("Join Session")
    guest.is_at(f"/telemedicine/{session.id}/call")
    nora = at_screen().open(invitation)
    for label in ("Password", "Password, once more"):
        nora.page.get_by_label(label, exact=True).fill("three small boats at sea")
    nora.press("Save my password")
    nora.reads("Your password is set")


def test_an_old_link_is_over_after_the_session_was_planned_anew(at_screen: At, clinic: Clinic):
    visit = clinic.visit()
    first = clinic.session(visit=visit)
    link = clinic.link(first)
    grey = at_screen("dr_grey").open(f"/visits/{first.visit_id}/telemedicine")
    grey.press("Cancel Session", grey.card(first))
    grey.answer("Cancel Session")
    grey.finds(first, "CANCELLED")
    again = clinic.session(visit=visit)
    guest = at_screen("ana", signed_in=False)
    answer = guest.page.goto(link)
    assert answer and answer.status == 410
    guest.reads("This link no longer works")
    guest.open_call(again)
    guest.page.wait_for_url("**/sign-in**")
    guest.open(clinic.link(again)).press("Join Session")
    guest.is_at(f"/telemedicine/{again.id}/call")


def test_after_signing_out_going_back_shows_nothing(at_screen: At, clinic: Clinic):
    session = clinic.session(notes="Only for the doctor's eyes")
    grey = at_screen("dr_grey", signed_in=False).sign_in()
    cookies = grey.page.context.cookies()
    grey.open(f"/visits/{session.visit_id}/telemedicine").reads("Only for the doctor's eyes")
    grey.open("/sign-out").press("Sign out", grey.page.locator("main"))
    grey.page.wait_for_url("**/sign-in")
    for _ in range(3):
        grey.page.go_back()
        expect(grey.page.locator("body")).not_to_contain_text("Only for the doctor")
    # Whoever had copied the cookies has nothing.
    grey.page.context.add_cookies(cookies)
    grey.open("/visits")
    grey.page.wait_for_url("**/sign-in**")


@pytest.mark.parametrize("planted", ["x" * 43, "th_" + "y" * 43])
def test_cookies_that_somebody_planted_are_not_taken_over(
    at_screen: At, app: Flask, server: Server, planted: str
):
    one = at_screen("ana", signed_in=False)
    names = (app.config["SIGN_IN_COOKIE"], app.config["SESSION_COOKIE_NAME"])
    one.page.context.add_cookies([{"name": name, "value": planted, "url": server.url} for name in names])
    one.sign_in()
    kept = {cookie.get("name"): cookie.get("value") for cookie in one.page.context.cookies()}
    assert all(kept.get(name) != planted for name in names)
