"""Visits: opened, found, closed."""

from datetime import timedelta

import pytest
from support.domain import NOW, head, rows, together, told

from telehealth import access, people, sessions, visits
from telehealth.access import SYSTEM, Actor
from telehealth.errors import Invalid, NotAllowed, NotFound, WrongState
from telehealth.models import Role, Session, Status, Visit


@pytest.fixture(autouse=True)
def _here(inside, moment):
    """Every test is inside the app, at one moment."""


def test_staff_open_a_visit_for_anybody(sam, dr_house, ana):
    since = head()
    visit = visits.open_visit(ana.id, dr_house.id, "  A  cough ", by=sam.actor)
    assert (visit.doctor_id, visit.patient_id, visit.reason) == (dr_house.id, ana.id, "A cough")
    assert (visit.status, visit.opened_at, visit.closed_at) == (Visit.OPEN, NOW, None)
    assert told(since) == ["visit.open by staff"]


def test_a_doctor_opens_a_visit_with_themselves_only(dr_grey, dr_house, ana):
    assert visits.open_visit(ana.id, dr_grey.id, "A cough", by=dr_grey.actor).doctor_id == dr_grey.id
    with pytest.raises(NotAllowed):
        visits.open_visit(ana.id, dr_house.id, "A cough", by=dr_grey.actor)


def test_a_patient_opens_no_visit(dr_grey, ana):
    by_link = Actor(ana.id, Role.PATIENT, only_session="x" * 20)
    for by in (ana.actor, by_link):
        with pytest.raises(NotAllowed):
            visits.open_visit(ana.id, dr_grey.id, "A cough", by=by)
    assert rows(Visit) == []


def test_everything_wrong_is_told_at_once(sam, dr_grey, ana):
    with pytest.raises(Invalid) as refusal:
        visits.open_visit(dr_grey.id, ana.id, "  ", by=sam.actor)
    assert set(refusal.value.fields) == {"patient_id", "doctor_id", "reason"}
    with pytest.raises(Invalid) as refusal:
        visits.open_visit("nobody", "nobody", "x" * 501, by=sam.actor)
    assert set(refusal.value.fields) == {"patient_id", "doctor_id", "reason"}
    assert visits.open_visit(ana.id, dr_grey.id, "x" * 500, by=sam.actor).reason == "x" * 500


def test_nobody_deactivated_gets_a_visit(sam, dr_grey, ana):
    people.set_active(access.load_person(ana.id, by=sam.actor), False, by=sam.actor)
    with pytest.raises(Invalid) as refusal:
        visits.open_visit(ana.id, dr_grey.id, "A cough", by=SYSTEM)
    assert set(refusal.value.fields) == {"patient_id"}


def test_a_visit_is_loaded_by_its_people_and_staff(clinic, dr_grey, dr_house, ana, ben, sam):
    visit = clinic.visit()
    for who in (dr_grey, ana, sam):
        assert access.load_visit(visit.id, by=who.actor).id == visit.id
    for who in (dr_house, ben):
        with pytest.raises(NotFound) as refusal:
            access.load_visit(visit.id, by=who.actor)
        assert refusal.value.action == "visit.read"


def test_what_is_missing_looks_like_what_is_somebody_elses(clinic, dr_house):
    """Only the audit tells them apart."""
    foreign, missing = clinic.visit().id, "f" * 20
    answers = []
    for visit_id in (foreign, missing):
        with pytest.raises(NotFound) as refusal:
            access.load_visit(visit_id, by=dr_house.actor)
        answers.append((refusal.value.status, refusal.value.code, refusal.value.message))
    assert answers[0] == answers[1]
    assert refusal.value.action is None


@pytest.mark.parametrize("who", ["dr_grey", "sam"])
def test_its_doctor_and_staff_close_a_visit(clinic, person, who):
    visit, since = clinic.visit(), head()
    visits.close(visit, by=person(who).actor)
    visit = access.load_visit(visit.id, by=person("sam").actor)
    assert (visit.status, visit.closed_at) == (Visit.CLOSED, NOW)
    assert told(since) == [f"visit.close by {person(who).part.role}"]


@pytest.mark.parametrize("who", ["dr_house", "ana", "ben"])
def test_nobody_else_closes_it(clinic, person, who):
    visit = clinic.visit()
    with pytest.raises(NotAllowed):
        visits.close(visit, by=person(who).actor)
    assert rows(Visit)[0]["status"] == Visit.OPEN


def test_a_visit_is_closed_once(clinic, dr_grey):
    visit = clinic.visit(closed=True)
    since = head()
    with pytest.raises(WrongState):
        visits.close(visit, by=dr_grey.actor)
    assert told(since) == []


@pytest.mark.parametrize("status", Status.ALL)
def test_a_visit_with_an_open_session_stays_open(clinic, dr_grey, status):
    session = clinic.session(status)
    visit = access.load_visit(session.visit_id, by=dr_grey.actor)
    since = head()
    if status in Status.OPEN:
        with pytest.raises(WrongState, match="planned or going on"):
            visits.close(visit, by=dr_grey.actor)
        assert told(since) == []
    else:
        visits.close(visit, by=dr_grey.actor)
        assert told(since) == ["visit.close by doctor"]


def test_closing_and_planning_at_once_leaves_no_open_session_in_a_closed_visit(app, clinic, dr_grey):
    for _ in range(5):
        visit = clinic.visit()
        answers = together(
            app,
            [
                lambda v=visit: visits.close(v, by=dr_grey.actor),
                lambda v=visit: sessions.create(v, by=dr_grey.actor, scheduled_start=NOW).status,
            ],
        )
        planned = rows(Session, Session.visit_id == visit.id)
        status = rows(Visit, Visit.id == visit.id)[0]["status"]
        assert (status == Visit.CLOSED) == (planned == [])
        assert sum(isinstance(answer, WrongState) for answer in answers) == 1


def test_a_visit_is_found_by_its_patient_and_its_reason(sam, dr_grey, ana, ben):
    cough = visits.open_visit(ana.id, dr_grey.id, "A cough", by=sam.actor)
    knee = visits.open_visit(ben.id, dr_grey.id, "Knee, 100% stiff", by=sam.actor)

    def found(words):
        return [visit.id for visit in visits.search(words, Visit.OPEN, by=sam.actor).visits]

    assert found("lima") == found("COUGH") == [cough.id]
    assert found("100%") == found("  osei ") == [knee.id]
    assert found("%") == [knee.id]
    assert found("_") == found("\\") == found("grey") == []


def test_a_search_shows_the_doctors_own_visits(clinic, dr_house, sam):
    clinic.visit()
    own = clinic.visit("dr_house", "ben")
    assert [visit.id for visit in visits.search("", Visit.OPEN, by=dr_house.actor).visits] == [own.id]
    assert visits.search("", Visit.OPEN, by=sam.actor).counts == {"OPEN": 2, "CLOSED": 0}
    assert [visit.id for visit in visits.listing(None, by=dr_house.actor, most=9)] == [own.id]


def test_a_search_counts_both_kinds_and_shows_the_newest_first(clinic, dr_grey, moment):
    made = []
    for closed in (False, True, False):
        made.append(clinic.visit(closed=closed).id)
        moment.shift(timedelta(minutes=1))
    found = visits.search("", Visit.OPEN, by=dr_grey.actor)
    assert found.counts == {"OPEN": 2, "CLOSED": 1}
    assert [visit.id for visit in found.visits] == [made[2], made[0]]
    assert [visit.id for visit in visits.listing("CLOSED", by=dr_grey.actor, most=9)] == [made[1]]


def test_a_search_comes_in_pages(clinic, dr_grey, monkeypatch):
    monkeypatch.setattr(visits, "PAGE", 2)
    made = {clinic.visit().id for _ in range(5)}
    pages = [visits.search("", Visit.OPEN, by=dr_grey.actor, page=n) for n in (1, 2, 3)]
    assert [len(page.visits) for page in pages] == [2, 2, 1]
    assert {visit.id for page in pages for visit in page.visits} == made
    assert visits.search("", Visit.OPEN, by=dr_grey.actor, page=99).page == 3
    assert visits.search("", Visit.OPEN, by=dr_grey.actor, page=-1).page == 1
    empty = visits.search("nothing like it", Visit.OPEN, by=dr_grey.actor)
    assert (empty.visits, empty.page, empty.pages) == ([], 1, 1)
