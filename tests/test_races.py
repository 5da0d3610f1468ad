"""Eight callers at once, over two workers: each step happens once, and nothing breaks."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from support.domain import page_id, rows
from support.wire import Wire, Wires

from telehealth import clock
from telehealth.models import Limit, Link, Participation, Session, Status, Visit
from telehealth.times import iso

CALLERS = 8
ROUNDS = 10

LEGAL = {
    Status.IN_PROGRESS: {"start": 1},
    Status.COMPLETED: {"start": 1, "end": 1},
    Status.CANCELLED: {"cancel": 1},
}


@pytest.fixture
def wires(server):
    wires = Wires(server)
    yield wires
    wires.close()


def callers(wires: Wires, *keys: str) -> list[Wire]:
    """Eight connections of these people, half of them to each worker."""
    pairs = [wires.each_worker(keys[number % len(keys)]) for number in range(CALLERS // 2)]
    return [wire for pair in pairs for wire in pair]


def at_once(works: Sequence[Callable[[], list[tuple[int, str]]]]) -> list[list[tuple[int, str]]]:
    """Do all of it in threads that begin together; what each was answered."""
    answers: list[list[tuple[int, str]]] = [[] for _ in works]
    gate = threading.Barrier(len(works))

    def run(number: int) -> None:
        gate.wait()
        answers[number] = works[number]()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(answers), "a caller came to no answer"
    return answers


def post(wire: Wire, path: str, sent: object = None) -> Callable[[], list[tuple[int, str]]]:
    """One POST, to be done later."""
    return lambda: [wire.ask("POST", path, sent)]


def steps(wire: Wire, session: Session, *names: str) -> Callable[[], list[tuple[int, str]]]:
    """These steps of the session, one after the other, to be done later."""
    return lambda: [
        (wire.ask("POST", f"/api/v1/telemedicine/{session.id}/{name}/")[0], name) for name in names
    ]


def planned(visit: Visit, hours: int) -> dict[str, str]:
    """What asks for a session tomorrow."""
    return {"visit_id": visit.id, "scheduled_start": iso(clock.now() + timedelta(days=1, hours=hours))}


def test_each_step_of_a_session_happens_once(wires, clinic):
    doors = callers(wires, "dr_grey")
    orders = [("start", "end"), ("start", "end"), ("start", "cancel"), ("cancel", "start", "end")] * 2
    visit = clinic.visit()
    for _ in range(ROUNDS):
        session = clinic.session(visit=visit)
        works = [steps(door, session, *order) for door, order in zip(doors, orders, strict=True)]
        answers = [answer for found in at_once(works) for answer in found]
        assert {status for status, _ in answers} <= {200, 409}, answers
        done = Counter(name for status, name in answers if status == 200)
        history = Counter(action.removeprefix("session.") for action in clinic.history(session))
        status = clinic.now(session).status
        assert done == LEGAL[status], (status, answers)
        assert {name: history[name] for name in done} == done
        assert sum(history[name] for name in ("start", "end", "cancel", "fail")) == done.total()


def test_a_doctor_and_staff_on_their_pages_cancel_once(wires, clinic):
    doors = callers(wires, "dr_grey", "sam")
    visit = clinic.visit()
    for _ in range(ROUNDS):
        session = clinic.session(visit=visit)
        works = [post(door, f"/telemedicine/{session.id}/cancel") for door in doors]
        answers = Counter(found[0][0] for found in at_once(works))
        assert answers == {303: 1, 409: CALLERS - 1}
        assert clinic.history(session).count("session.cancel") == 1


def test_one_slot_takes_one_session(wires, clinic):
    doors = callers(wires, "dr_grey")
    visit = clinic.visit()
    for number in range(ROUNDS):
        sent = planned(visit, number)
        answers = [
            found[0] for found in at_once([post(door, "/api/v1/telemedicine/", sent) for door in doors])
        ]
        assert Counter(status for status, _ in answers) == {201: 1, 400: CALLERS - 1}, answers
        assert all("already has a session" in text for status, text in answers if status == 400)
    listed = json.loads(doors[0].ask("GET", "/api/v1/telemedicine/")[1])["results"]
    assert len(listed) == ROUNDS


def test_numbers_of_sessions_made_at_once_are_all_different(app, wires, clinic):
    visit = clinic.visit()
    doors = callers(wires, "dr_grey")
    works = [post(door, "/api/v1/telemedicine/", planned(visit, hour)) for hour, door in enumerate(doors)]
    assert {found[0][0] for found in at_once(works)} == {201}
    with app.app_context():
        numbers = sorted(row["number"] for row in rows(Session, Session.visit_id == visit.id))
    assert numbers == list(range(1, CALLERS + 1))


def test_of_links_made_at_once_the_last_one_works(app, wires, clinic):
    doors = callers(wires, "dr_grey", "sam")
    for _ in range(ROUNDS // 2):
        session = clinic.session()
        path = f"/api/v1/telemedicine/{session.id}/link/"
        answers = [found[0] for found in at_once([post(door, path) for door in doors])]
        assert [status for status, _ in answers] == [201] * CALLERS
        tokens = [json.loads(text)["url"].partition("/join/")[2] for _, text in answers]
        opened = Counter(doors[0].ask("GET", f"/join/{token}")[0] for token in tokens)
        assert opened == {200: 1, 410: CALLERS - 1}
        with app.app_context():
            assert len(rows(Link, Link.session_id == session.id, Link.revoked_at.is_(None))) == 1


def test_pages_that_come_in_at_once_leave_one_for_each_person(app, wires, clinic):
    doors = callers(wires, "dr_grey", "ana")
    session = clinic.session("IN_PROGRESS")
    for _ in range(ROUNDS // 2):
        works, pages = zip(*(_enter(door, session) for door in doors), strict=True)
        answers = [found[0] for found in at_once(works)]
        assert [status for status, _ in answers] == [200] * CALLERS, answers
        with app.app_context():
            here = rows(Participation, Participation.left_at.is_(None))
            states = Counter(row["state"] for row in rows(Participation, Participation.id.in_(pages)))
        assert sorted(row["role"] for row in here) == ["doctor", "patient"]
        assert {row["id"] for row in here} <= set(pages)
        assert states == {"in_call": 2, "replaced": CALLERS - 2}


def test_nobody_is_left_in_a_call_that_ends_while_they_come_in(app, wires, clinic):
    doors = callers(wires, "ana", "dr_grey")
    for _ in range(ROUNDS // 2):
        session = clinic.session("IN_PROGRESS")
        works = [_enter(door, session)[0] for door in doors[:-1]]
        answers = [found[0][0] for found in at_once([*works, steps(doors[-1], session, "end")])]
        assert answers[-1] == 200
        assert set(answers) <= {200, 409}
        assert clinic.now(session).status == Status.COMPLETED
        with app.app_context():
            here = [Participation.session_id == session.id, Participation.left_at.is_(None)]
            assert rows(Participation, *here) == []


def test_a_visit_never_closes_over_a_session_to_come(app, wires, clinic):
    doors = callers(wires, "dr_grey")
    for number in range(ROUNDS):
        visit = clinic.visit()
        create = [post(door, "/api/v1/telemedicine/", planned(visit, number)) for door in doors[::2]]
        close = [post(door, f"/api/v1/visits/{visit.id}/close/") for door in doors[1::2]]
        answers = Counter(found[0][0] for found in at_once([*create, *close]))
        assert set(answers) <= {200, 201, 400, 409}, answers
        with app.app_context():
            (row,) = rows(Visit, Visit.id == visit.id)
            to_come = rows(Session, Session.visit_id == visit.id)
        assert (row["status"], len(to_come)) in {("CLOSED", 0), ("OPEN", 1)}
        assert answers[200] + answers[201] == 1


def test_wrong_passwords_at_once_are_all_counted(app, wires):
    form = {"email": "grey@clinic.example", "password": "something else entirely"}
    strangers = [wires.stranger("/sign-in") for _ in range(CALLERS)]
    works = [lambda wire=wire: [wire.post_form("/sign-in", form)] for wire in strangers]
    assert {found[0][0] for found in at_once(works)} == {422}
    with app.app_context():
        assert [row["tries"] for row in rows(Limit)] == [CALLERS, CALLERS]


def _enter(wire: Wire, session: Session) -> tuple[Callable[[], list[tuple[int, str]]], str]:
    """Coming in with a new page, to be done later, and the page's id."""
    status, text = wire.ask("POST", "/api/v1/telemedicine/token/", {"session_id": session.id})
    assert status == 200, text
    page = page_id()
    sent = {"participant": page, "token": json.loads(text)["token"]}
    return post(wire, f"/telemedicine/{session.id}/call/enter", sent), page
