"""A clinic in which anything happens in any order: people, steps, pages, links, callbacks, troubles, time.

What holds after each of these is in `support.in_order`: both books agree, times are in their order, nobody
is where they have no right to be. From wherever a run stops, every session comes to an end. `--runs` makes
it longer than it is in `make test`.
"""

import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import hypothesis.strategies as st
import pytest
import time_machine
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import make_url
from state_machine_office import BETWEEN, OTHERS, SESSION, TROUBLE, WHICH, Office, often, once_planned
from support import apps, in_order
from support.asking import pick
from support.cast import CAST
from support.domain import NOW, page_id
from support.ledger import moment
from support.runs import numbered
from support.stage import OPEN, Door, Stage
from support.troubled_video import Killed

from telehealth import (
    access,
    calls,
    chores,
    clock,
    passwords,
    presence,
    reconcile,
    rooms,
    sessions,
)
from telehealth.errors import Gone, Invalid, WrongState
from telehealth.video import Ticket

STEPS = 50
BEGUN = ["not planned", "planned", "waiting", "waiting", "in progress", "in call", "in call"]


TIMES = st.sampled_from(
    [timedelta(seconds=number) for number in (1, 6, 20, 36, 76, 130)] * 2
    + [timedelta(minutes=number) for number in (16, 31, 61, 126, 246)]
    + [timedelta(hours=number) for number in (12.1, 25)]
)
CARRIED_OUT = {
    "start": (lambda one, by, video: sessions.start(one, by=by, video=video), "doctor"),
    "end": (lambda one, by, video: sessions.end(one, by=by, video=video), "doctor"),
    "cancel": (lambda one, by, video: sessions.cancel(one, by=by), "doctor"),
    "leave": (lambda one, by, video: sessions.leave(one, by=by), "patient"),
}
once_entered = precondition(lambda self: self.pages)


@dataclass(frozen=True)
class Page:
    """Somebody's page in a call, and the ticket that it got."""

    session: str
    id: str
    door: Door
    ticket: Ticket


class AnythingHappens(Office):
    """What can happen next. A rule is one request, or one thing that happens elsewhere."""

    def __init__(self, stage):
        super().__init__(stage)
        self.pages, self.tickets = [], []

    @initialize(hosted=often(True, False), begun=st.sampled_from(BEGUN), recording=st.booleans())
    def a_clinic_opens(self, hosted, begun, recording):
        self.stage.begin(hosted)
        for key in CAST:
            self.ask(lambda key=key: self.stage.token(key))
        self.open("dr_house", "ben")
        self.open("dr_grey", "ana")
        if begun != "not planned":
            self.plan(0, 1, recording)
        if begun in ("waiting", "in call"):
            self.enter("newest", "patient", 0, "")
        if begun in ("in progress", "in call"):
            self.step("newest", "start", "", 0, "")
        if begun == "in call":
            self.enter("newest", "doctor", 0, "")

    # Steps

    @precondition(
        lambda self: sum(row["status"] in OPEN for row in self.ledger.tables["sessions"].values()) < 3
    )
    @rule(which=WHICH, hours=often(0, -1, 1, 30), recording=st.booleans())
    def plan(self, which, hours, recording):
        row = self.ledger.tables["visits"][pick(self.visits, which)]
        by = self.come(self.stage.doors_of([self.stage.keys[row["doctor_id"]]])[-1])
        if by is None:
            return
        start = (clock.now() + timedelta(hours=hours)).replace(second=0, microsecond=0)
        taken = [
            one
            for one in self.ledger.of("sessions", visit_id=row["id"])
            if one["status"] in OPEN and moment(one["scheduled_start"]) == start
        ]
        _found, refusal, _ = self.ask(
            lambda: sessions.create(
                access.load_visit(row["id"], by=by),
                by=by,
                scheduled_start=start,
                recording_enabled=recording,
            )
        )
        closed = WrongState if row["status"] == "CLOSED" else None
        assert refusal is (Invalid if hours < 0 else closed or (Invalid if taken else None))
        self.stage.look()

    @once_planned
    @rule(
        which=SESSION,
        action=st.sampled_from(["start", "start", "start", "end", "end", "cancel", "leave"]),
        who=often("", *OTHERS),
        door=WHICH,
        between=BETWEEN,
    )
    def step(self, which, action, who, door, between):
        session, (act, usual) = self.session(which), CARRIED_OUT[action]
        self.take(
            action,
            session,
            self.door(session, who or usual, door),
            lambda one, by: act(one, by, self.stage.carrier),
            between,
        )
        self.stage.look()

    @once_planned
    @rule(which=SESSION, who=st.sampled_from(OTHERS[:3] * 3 + OTHERS), door=WHICH, between=BETWEEN)
    def ticket(self, which, who, door, between):
        session = self.session(which)
        by = self.door(session, who, door)
        found = self.take(
            "join",
            session,
            by,
            lambda one, by: sessions.ticket(one, by=by, video=self.stage.carrier),
            between,
        )
        if found is not None:
            self.ledger.tokens["session.token", session] += 1
            self.tickets.append(self.given(found, session, by))

    # Pages

    @once_planned
    @rule(which=SESSION, who=st.sampled_from(OTHERS[:3] * 3 + OTHERS), door=WHICH, between=BETWEEN)
    def enter(self, which, who, door, between):
        session, me, video = self.session(which), page_id(), self.stage.carrier
        by = self.door(session, who, door)

        def act(one, by):
            sessions.check(one, "join", by=by)
            rooms.ensure(one, by=by, video=video)
            calls.enter(one, me, by=by)
            return video.ticket(one.room, presence.identity(one, by.user_id))

        found = self.take("join", session, by, act, between)
        if found is not None:
            self.pages.append(Page(session, me, by, self.given(found, session, by)))

    @once_entered
    @rule(which=WHICH, connected=often(True, False))
    def heard(self, which, connected):
        page = pick(self.pages, which)
        by = self.come(page.door, passive=True, in_call=True)
        if by is not None and self.ledger.session(page.session)["status"] in OPEN:
            _found, refusal, _ = self.ask(
                lambda: calls.heard(
                    access.load_session(page.session, by=by), page.id, by=by, connected=connected
                )
            )
            assert refusal in (None, Gone)

    @once_entered
    @rule(which=WHICH, other=WHICH, what=st.sampled_from(["goes", "sends", "comes again"]))
    def page_does_something(self, which, other, what):
        page = pick(self.pages, which)
        by = self.come(page.door, in_call=True)
        if by is None:
            return
        message = {"to": pick(self.pages, other).id, "id": "1", "body": {}}
        does = {
            "goes": lambda one: calls.step_out(one, page.id, by=by),
            "sends": lambda one: calls.send(one, page.id, [message], by=by),
            "comes again": lambda one: calls.enter(one, page.id, by=by),
        }[what]
        _found, refusal, _ = self.ask(lambda: does(access.load_session(page.session, by=by)))
        assert refusal in ((None,) if what == "goes" else (None, Gone, Invalid, WrongState))

    # The video service

    @once_entered
    @rule(which=WHICH, what=st.sampled_from(["comes in", "comes in", "goes"]))
    def browser_in_the_room(self, which, what):
        ticket = pick(self.pages, which).ticket
        if what == "goes":
            self.video.go(ticket.room, ticket.identity)
        else:
            self.video.come_in(ticket.room, ticket.identity)

    @precondition(lambda self: self.tickets)
    @rule(which=WHICH)
    def an_old_ticket_is_used(self, which):
        ticket = pick(self.tickets, which)
        self.video.come_in(ticket.room, ticket.identity)

    @precondition(lambda self: self.video.pending)
    @rule(number=st.integers(0, 9), what=often("told", "told twice", "lost", "all"), trouble=TROUBLE)
    def callback(self, number, what, trouble):
        pending = self.video.pending
        at = number % len(pending)
        events = [pending[at]] if what == "told twice" else [pending.pop(at)]
        if what == "all":
            events += [pending.pop(0) for _ in list(pending)]
        for event in events if what != "lost" else []:
            _found, refusal, _ = self.ask(lambda event=event: self.hear(event), trouble)
            assert refusal in (None, Killed)

    @rule(away=often(False, True))
    def the_video_service_goes_away_or_comes_back(self, away):
        self.video.away = away

    @once_planned
    @rule(which=SESSION, what=st.sampled_from([reconcile.run, chores.run_by_itself]), between=BETWEEN)
    def things_are_put_right(self, which, what, between):
        _found, refusal, _ = self.ask(lambda: what(video=self.stage.carrier), between, self.session(which))
        assert refusal in (None, Killed)

    @rule(time=TIMES)
    def time_passes(self, time):
        self.stage.wait(time)

    @rule(time=st.sampled_from([timedelta(seconds=3), timedelta(seconds=50), timedelta(minutes=5)]))
    def the_clock_is_set_back(self, time):
        self.stage.set_back(time)

    # What holds

    @invariant()
    def all_is_in_order(self):
        in_order.check(self.stage)

    def teardown(self):
        try:
            # What broke before is what is to be seen.
            if sys.exc_info()[0] is None:
                in_order.bring_to_an_end(self.stage, self.hear)
        finally:
            self.stage.end()


@pytest.fixture
def stage(database_server, tmp_path, monkeypatch):
    """A clinic whose passwords cost nothing, in a file that begins anew with each run."""
    monkeypatch.setattr(passwords, "_hasher", apps.CHEAP)
    with database_server.fresh("sqlite") as url, time_machine.travel(NOW, tick=False) as traveller:
        app = apps.make_app(url)
        app.config["RECORDINGS"] = tmp_path / "recordings"
        yield Stage(app, Path(make_url(url).database), traveller)
        apps.close(app)


def test_whatever_happens_the_clinic_stays_in_order(stage, pytestconfig):
    many = settings(
        max_examples=pytestconfig.getoption("runs"),
        stateful_step_count=STEPS,
        deadline=None,
        backend=numbered(pytestconfig.getoption("first_run")),
        suppress_health_check=[HealthCheck.too_slow],
    )
    run_state_machine_as_test(lambda: AnythingHappens(stage), settings=many)
