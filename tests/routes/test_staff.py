"""What staff do: people, invitations, and the audit to read."""

import pytest
from support.databases import on_sqlite

from telehealth import audit, people
from telehealth.access import SYSTEM
from telehealth.models import AuditEntry

ADDED = {
    "role": "patient",
    "name": "  Nora   New ",
    "email": "Nora@People.example",
    "phone": "+49 30 123456",
    "date_of_birth": "1990-02-28",
}


def names(page) -> list[str]:
    return [tag.get_text(strip=True) for tag in page.all("#people tbody th")]


def test_people_are_listed_by_name_and_searched(sam):
    everybody = ["Ana Lima", "Ben Osei", "Dr Maria Grey", "Dr Paul House", "Sam Porter"]
    assert names(sam.get("/admin/people")) == everybody
    for words, found in (
        ("dr", everybody[2:4]),
        ("PEOPLE.example", everybody[:2]),
        ("%", []),
        ("_", []),
        ("nobody", []),
    ):
        page = sam.get("/admin/people", query_string={"q": words})
        assert names(page) == found
        assert page.one("#people-search-text")["value"] == words
    part = sam.get("/admin/people?q=ana", fragment=True)
    assert names(part) == ["Ana Lima"]
    assert sam.get("/admin/", status=303).location == "/admin/people"


def test_a_person_is_added_and_invited(sam, stranger):
    page = sam.get("/admin/people/new").press("Add person", status=200, **ADDED)
    assert page.one("h1").get_text(strip=True) == "Nora New"
    assert page.one("[name=email]")["value"] == "nora@people.example"
    assert page.one("[name=date_of_birth]")["value"] == "1990-02-28"
    assert page.all("[name=role]") == []
    url = str(page.one(".copy-box input")["value"])
    assert "No password yet" in sam.get("/admin/people?q=nora").text
    form = stranger.get(url.removeprefix("http://localhost"))
    assert "Hello Nora New" in form.text
    form.press(
        "Save my password", password="over the hills and away", password_again="over the hills and away"
    )
    stranger.sign_in("nora@people.example", "over the hills and away")
    stranger.get("/patient-portal/dashboard")


@on_sqlite
@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", "", "Write the name"),
        ("name", "x" * 201, "at most 200"),
        ("name", "a\x00b", "cannot be used"),
        ("email", "", "e-mail address"),
        ("email", "no address", "e-mail address"),
        ("email", "ANA@people.example", "Somebody has this"),
        ("phone", "030 123456", "with its country"),
        ("phone", "+49", "with its country"),
        ("date_of_birth", "1700-01-01", "cannot be a date of birth"),
        ("date_of_birth", "2999-01-01", "cannot be a date of birth"),
        ("date_of_birth", "yesterday", "Not a valid"),
        ("role", "admin", "Not a valid choice"),
    ],
)
def test_what_cannot_be_used_comes_back_with_all_that_was_typed(sam, field, value, words):
    typed = {**ADDED, field: value}
    page = sam.get("/admin/people/new").press("Add person", status=422, **typed)
    assert words in page.one("[data-error-summary]").get_text(" ")
    for name, before in typed.items():
        if name != "role" and "\x00" not in before:
            assert page.one(f"[name={name}]").get("value", "") == before
    assert "Nora" not in sam.get("/admin/people").text


def test_a_person_is_corrected_but_keeps_their_role(sam, ana):
    path = f"/admin/people/{ana.id}"
    page = sam.get(path).press("Save", name="Ana Lima-Sol", phone="+351 210 000 000")
    assert page.location == path
    assert "The changes are saved." in page.follow().text
    assert "Nothing was changed." in sam.get(path).press("Save").follow().text
    for role in ("doctor", "staff"):
        page = sam.post(path, {"name": "Ana", "email": "ana@people.example", "role": role}, status=422)
        assert "Some of what was sent cannot be used." in page.text
    ana.get("/admin/people", status=403)
    assert "Ana Lima-Sol" in names(sam.get("/admin/people"))
    page = sam.get(path).press("Save", status=422, email="ben@people.example")
    assert "Somebody has this" in page.text


def test_an_address_in_use_is_refused_once_and_nothing_is_half_kept(sam, ana):
    page = sam.post(f"/admin/people/{ana.id}", {"name": "Changed", "email": "ben@people.example"}, status=422)
    assert page.one("[name=name]")["value"] == "Changed"
    assert "Ana Lima" in names(sam.get("/admin/people"))


def test_nobody_deactivates_themselves(sam):
    page = sam.get(f"/admin/people/{sam.id}")
    assert "Deactivate" not in page.buttons()
    page = sam.post(f"/admin/people/{sam.id}/deactivate", status=400)
    assert "You cannot do this to yourself" in page.text
    sam.get("/admin/people")


def test_a_person_is_deactivated_and_activated_again(sam, ben):
    page = sam.get(f"/admin/people/{ben.id}").press("Deactivate").follow()
    assert "The person can no longer sign in." in page.text
    assert "Deactivated" in sam.get("/admin/people?q=ben").text
    page = page.press("Activate").follow()
    assert "The person can sign in again." in page.text
    ben.get("/patient-portal/dashboard")


def test_an_invitation_is_shown_once_and_never_redirected(sam, ana):
    page = sam.get(f"/admin/people/{ana.id}").press("Make invitation link", status=200)
    url = str(page.one(".copy-box input")["value"])
    assert url not in sam.get(f"/admin/people/{ana.id}").answer.text


def test_more_people_than_a_page_holds_are_on_the_next(sam, monkeypatch):
    monkeypatch.setattr(people, "PAGE", 3)
    page = sam.get("/admin/people")
    assert len(names(page)) == 3
    assert page.one("#people caption").get_text(strip=True) == "5 people"
    (on,) = [tag for tag in page.all("#people a") if tag.get_text(strip=True) == "Next"]
    assert len(names(sam.get(str(on["href"])))) == 2
    found = sam.get("/admin/people?q=example")
    (on,) = [tag for tag in found.all("#people a") if tag.get_text(strip=True) == "Next"]
    assert "q=example" in str(on["href"])


def test_somebody_who_is_not_there_is_not_found(sam):
    for path in ("", "/invite", "/deactivate", "/activate"):
        sam.post(f"/admin/people/nobody{path}", status=404)
    sam.get("/admin/people/nobody", status=404)


def lines(page):
    return [tag.get_text(" ", strip=True) for tag in page.all("#audit-found tbody tr")]


def test_the_audit_is_read_newest_first_and_in_pages(app, sam, dr_house, clinic):
    session = clinic.session()
    dr_house.get(f"/telemedicine/{session.id}", status=404)
    found = lines(sam.get("/admin/audit"))
    assert "Signed in" in found[0]
    assert "Sam Porter" in found[0]
    assert "Refused Tried to read (somebody else’s, or not there)" in found[1]
    assert "Dr Paul House" in found[1]
    with app.app_context():
        for number in range(120):
            audit.record("visit.read", by=SYSTEM, object_type="visit", object_id=str(number))
    page = sam.get("/admin/audit")
    assert len(lines(page)) == 100
    (older,) = [tag for tag in page.all("main a") if tag.get_text(strip=True) == "Older"]
    assert any("Dr Paul House" in line for line in lines(sam.get(str(older["href"]))))
    assert sam.get("/admin/audit?before=x")
    assert sam.get("/admin/audit?before=-1")


def test_the_audit_is_narrowed_to_a_person_a_kind_or_what_was_refused(sam, dr_house, ana, clinic):
    session = clinic.session()
    dr_house.get(f"/telemedicine/{session.id}", status=404)
    ana.get(f"/telemedicine/{session.id}")
    for asked, expected in (
        (f"who={dr_house.id}", ["Tried to read", "Signed in"]),
        (f"who={ana.id}&event=session.read", ["Session looked at"]),
        (f"who={ana.id}&event=refused", ["Nothing found."]),
        ("event=refused", ["Tried to read"]),
        ("event=session.create", ["Session created"]),
    ):
        found = lines(sam.get(f"/admin/audit?{asked}"))
        assert len(found) == len(expected), asked
        for line, words in zip(found, expected, strict=True):
            assert words in line, asked


def test_the_audits_days_are_those_of_the_clinic(sam, clinic, moment):
    clinic.session()
    today = sam.get("/admin/audit?event=session.create&from=2026-06-09&to=2026-06-09")
    assert len(lines(today)) == 1
    assert "Session created" in lines(today)[0]
    assert "9 June, 14:00:00" in lines(today)[0]
    for other in ("to=2026-06-08", "from=2026-06-10"):
        assert lines(sam.get(f"/admin/audit?event=session.create&{other}")) == ["Nothing found."]


@pytest.mark.parametrize(
    "asked", ["from=yesterday", "to=0001-01-01", "to=9999-12-31", "event=nothing", "who=nobody"]
)
def test_the_audit_says_what_it_cannot_look_for(sam, asked):
    page = sam.get(f"/admin/audit?{asked}", status=422)
    assert page.one("[data-error-summary]")
    assert lines(page) == ["Nothing found."]


def test_pages_of_the_audit_keep_what_was_asked_for(app, sam, clinic):
    with app.app_context():
        for number in range(120):
            audit.record("visit.read", by=sam.actor, object_type="visit", object_id=str(number))
    page = sam.get(f"/admin/audit?who={sam.id}&event=visit.read")
    (older,) = [tag for tag in page.all("main a") if tag.get_text(strip=True) == "Older"]
    assert len(lines(sam.get(str(older["href"])))) == 20


def test_the_audit_shows_neither_names_of_patients_nor_notes(app, sam, dr_grey, clinic):
    session = clinic.session("CANCELLED", notes="zqNotes")
    dr_grey.get(f"/telemedicine/{session.id}")
    text = sam.get("/admin/audit").one("main").get_text(" ")
    for word in ("zqNotes", "A cough", "Ana is better", "Ana Lima"):
        assert word not in text
    with app.app_context():
        entries = " ".join(str(vars(entry)) for entry in AuditEntry.query.all())
    for word in ("zqNotes", "A cough", "Ana is better", "Ana Lima", "people.example"):
        assert word not in entries
