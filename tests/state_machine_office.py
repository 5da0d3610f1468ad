"""What happens around the calls of the state machine: links, people, visits, consents and recordings."""

import hypothesis.strategies as st
from hypothesis.stateful import precondition, rule
from support.asking import MEANWHILE, Requests, pick
from support.cast import CAST
from support.domain import page_id
from support.ledger import moment
from support.stage import OPEN, ORIGIN
from support.troubled_video import TROUBLES, Killed

from telehealth import access, clock, consents, links, people, recordings, sign_ins, visits
from telehealth.errors import NotAllowed, NotFound, WrongState
from telehealth.extensions import db
from telehealth.models import Recording, Role
from telehealth.secret import digest

OTHERS = ["doctor", "patient", "visitor", "staff", "others", "another visitor"]


def often(usual, *seldom):
    """The usual as often as all others together, or more."""
    return st.sampled_from([usual] * max(3, len(seldom)) + list(seldom))


BETWEEN = often("", *TROUBLES, *TROUBLES, *MEANWHILE)
TROUBLE = often("", *TROUBLES)
SESSION = often("newest", "older", "over")
WHICH = often(0, 1, 2)
DOCTOR = often("doctor", *OTHERS)
PEOPLE = st.sampled_from(list(CAST))
once_planned = precondition(lambda self: self.ledger.tables["sessions"])


class Office(Requests):
    """One rule is one request."""

    def __init__(self, stage):
        super().__init__(stage)
        self.visits, self.links = [], []

    # Links

    @once_planned
    @rule(which=SESSION, who=DOCTOR, revoke=often(False, True))
    def make_or_revoke_a_link(self, which, who, revoke):
        session, act = self.session(which), links.revoke if revoke else links.make
        found = self.take("link", session, self.door(session, who), lambda one, by: act(one, by=by))
        if found:
            self.links.append((session, found[0]))

    @precondition(lambda self: self.links)
    @rule(which=WHICH)
    def open_a_link(self, which):
        session, token = pick(self.links, which)
        row, (kept,) = self.ledger.session(session), self.ledger.of("links", token_hash=digest(token))
        key = self.stage.keys[row["patient_id"]]
        late = moment(kept["expires_at"]) < clock.now()
        good = (
            not kept["revoked_at"]
            and row["status"] in OPEN
            and (not late or row["status"] == "IN_PROGRESS")
            and self.stage.is_active(key)
        )
        secret, refusal, _ = self.ask(lambda: links.sign_in(links.find(token), ORIGIN))
        assert refusal is (None if good else links.Over)
        if secret:
            self.stage.visitor(key, secret, session, token)

    # People

    @rule(key=PEOPLE, active=often(True, False), trouble=TROUBLE)
    def let_in_or_keep_out(self, key, active, trouble):
        by = self.stage.actor("sam")
        if key != "sam":
            _found, refusal, _ = self.ask(
                lambda: people.set_active(access.load_person(self.stage.ids[key], by=by), active, by=by),
                trouble,
            )
            assert refusal in (None, Killed)

    @rule(key=PEOPLE, what=often("signs in", "token", "password", "signs out"), trouble=TROUBLE)
    def somebody(self, key, what, trouble):
        if what == "signs out":
            found = [one for one in self.stage.doors_of([key]) if one.kind == "password" and not one.shut]
            by = self.come(found[-1]) if found else None
            if by is not None:
                _found, refusal, _ = self.ask(lambda: sign_ins.sign_out(by), trouble)
                assert refusal in (None, Killed)
                found[-1].shut = True
        elif self.stage.is_active(key):
            does = {
                "signs in": self.stage.sign_in,
                "token": self.stage.token,
                "password": self.stage.new_password,
            }[what]
            _found, refusal, _ = self.ask(lambda: does(key))
            assert refusal is None

    # Visits and recordings

    @rule(which=WHICH, key=st.sampled_from(["dr_grey", "sam", "dr_house", "ana"]))
    def close_a_visit(self, which, key):
        row, door = self.ledger.tables["visits"][pick(self.visits, which)], self.stage.doors_of([key])[-1]
        by = self.come(door)
        if by is None:
            return
        busy = [one for one in self.ledger.of("sessions", visit_id=row["id"]) if one["status"] in OPEN]
        expected = {None: NotFound, Role.PATIENT: NotAllowed}.get(
            self.stage.relation(door, row), WrongState if busy or row["status"] == "CLOSED" else None
        )
        _found, refusal, _ = self.ask(lambda: visits.close(access.load_visit(row["id"], by=by), by=by))
        assert refusal is expected
        doctor, patient = self.stage.keys[row["doctor_id"]], self.stage.keys[row["patient_id"]]
        if not refusal and self.stage.is_active(doctor) and self.stage.is_active(patient):
            self.stage.look()
            self.open(doctor, patient)

    @once_planned
    @rule(which=SESSION, agreed=often(True, False), between=BETWEEN)
    def decide(self, which, agreed, between):
        session = self.session(which)
        by = self.come(self.door(session, "patient"), in_call=True)
        if by is not None:
            _found, refusal, _ = self.ask(
                lambda: consents.decide(
                    access.load_session(session, by=by), agreed, by=by, video=self.stage.carrier
                ),
                between,
                session,
            )
            assert refusal in (None, WrongState, Killed)

    @precondition(lambda self: self.ledger.tables["sessions"] and not self.stage.carrier.records)
    @rule(which=SESSION, who=DOCTOR, pieces=st.integers(0, 2))
    def record(self, which, who, pieces):
        session = self.session(which)
        door = self.door(session, who)
        by = self.come(door)
        if by is None:
            return
        row, decisions = self.ledger.session(session), self.ledger.of("consents", session_id=session)
        agreed = row["recording_enabled"] and decisions and decisions[-1]["agreed"]
        right = None if agreed and row["status"] == "IN_PROGRESS" else WrongState
        expected = {Role.DOCTOR: right, None: NotFound}

        def act():
            one = access.load_session(session, by=by)
            made = recordings.begin(
                one, page_id()[:20], by=by, media_type="video/webm", video=self.stage.carrier
            )
            for number in range(pieces):
                recordings.add_piece(one, made, number, b"x", by=by)

        _found, refusal, _ = self.ask(act)
        assert refusal is expected.get(self.stage.relation(door, row), NotAllowed)

    @precondition(lambda self: self.ledger.tables["recordings"])
    @rule(which=WHICH, who=DOCTOR, what=st.sampled_from(["more", "finish", "delete"]), trouble=TROUBLE)
    def with_a_recording(self, which, who, what, trouble):
        row = pick(list(self.ledger.tables["recordings"].values()), which)
        door = self.door(row["session_id"], who)
        by = self.come(door)
        if by is None:
            return

        def act():
            one = access.load_session(row["session_id"], by=by)
            recording = db.session.get_one(Recording, row["id"])
            if what == "more":
                recordings.add_piece(one, recording, recording.next_piece, b"y", by=by)
            elif what == "finish":
                recordings.finish(one, recording, by=by, duration=30)
            else:
                recordings.delete(one, recording, by=by, video=self.stage.carrier)

        _found, refusal, _ = self.ask(act, trouble)
        relation = self.stage.relation(door, self.ledger.session(row["session_id"]))
        if relation != Role.DOCTOR:
            assert refusal is (NotAllowed if relation else NotFound)

    def open(self, doctor, patient):
        by, ids = self.stage.actor(doctor), self.stage.ids
        found, _refusal, _ = self.ask(lambda: visits.open_visit(ids[patient], ids[doctor], "A cough", by=by))
        self.stage.look()
        self.visits.append(found.id)
