"""What Twilio recorded: asked for when the room is over, followed, deleted there with all it was made of."""

from datetime import timedelta

import pytest
from support import browsers
from support.calling import end, now
from support.databases import on_sqlite
from support.domain import rows, together

from telehealth import compositions, consents, history, recordings, video
from telehealth.errors import ProviderUnavailable, WrongState
from telehealth.models import Recording, Status

pytestmark = [on_sqlite, pytest.mark.twilio(quickly=True), pytest.mark.usefixtures("inside")]

COMPOSE = "POST /v1/Compositions"
RULES = "POST /v1/Rooms/*/RecordingRules"


@pytest.fixture(autouse=True)
def switches(twilio):
    twilio.switches.composing = 0
    yield twilio.switches
    twilio.switches.compositions_fail = False


@pytest.fixture
def session(moment, clinic):
    return clinic.session(Status.IN_PROGRESS, recording_enabled=True)


@pytest.fixture
def call(session, rooms, dr_grey, ana):
    """Both are in the call, and the patient has agreed."""
    for who in (dr_grey, ana):
        rooms.send(rooms.come_in(session, who.id), "audio", "video")
    agree(session, ana)
    return session


def agree(session, ana, agreed=True):
    consents.decide(now(session, ana), agreed, by=ana.actor, video=video.provider())


def follow(moment):
    moment.shift(compositions.PAUSE + timedelta(seconds=1))
    return compositions.follow(video=video.provider())


def kept(session):
    return rows(Recording, Recording.session_id == session.id)


def settled(session, moment):
    """Ask until Twilio has made up its mind; the recording as it is then."""

    def over():
        follow(moment)
        (row,) = kept(session)
        return row["status"] != "processing" and row

    return browsers.until(over, "it was never settled")


def at_twilio(twilio, rooms, session):
    """What is left of the session's recordings there: files, and tracks."""
    found = rooms.of(session)
    files = [one for one in twilio._world.compositions if one.room in found and one.status != "deleted"]
    return len(files), sum(track.status != "deleted" for room in found for track in room.recordings)


def delete(session, dr_grey):
    (row,) = kept(session)
    fresh = now(session, dr_grey)
    recording = recordings.load(fresh, row["id"], by=dr_grey.actor, action="delete")
    recordings.delete(fresh, recording, by=dr_grey.actor, video=video.provider())


def words(session, who):
    return [line.words for line in history.of(now(session, who), by=who.actor)]


def test_a_call_becomes_one_file_once_it_is_over(call, rooms, twilio, moment, dr_grey):
    assert follow(moment) == 0
    assert at_twilio(twilio, rooms, call) == (0, 4)
    end(call, dr_grey)
    row = settled(call, moment)
    assert (row["status"], row["carrier"]) == ("available", "twilio")
    assert row["duration_seconds"] >= 1
    assert at_twilio(twilio, rooms, call) == (1, 4)
    told = words(call, dr_grey)
    assert "Recording is ready" in told
    assert "Recording asked for at the video service" in told


def test_an_answer_that_got_lost_makes_no_second_file(call, rooms, twilio, moment, dr_grey):
    end(call, dr_grey)
    twilio.faults.cut(COMPOSE, times=1)
    assert follow(moment) == 0
    assert settled(call, moment)["status"] == "available"
    assert at_twilio(twilio, rooms, call)[0] == 1


def test_one_that_twilio_cannot_make_has_failed_and_can_be_deleted(
    call, rooms, twilio, moment, dr_grey, switches
):
    switches.compositions_fail = True
    end(call, dr_grey)
    row = settled(call, moment)
    assert (row["status"], row["failure_reason"]) == ("failed", "The video service could not make it.")
    assert "No recording could be made" in words(call, dr_grey)
    delete(call, dr_grey)
    assert at_twilio(twilio, rooms, call) == (0, 0)


def test_a_call_of_which_nothing_was_recorded_says_so(session, moment, dr_grey, ana):
    agree(session, ana)
    end(session, dr_grey)
    row = settled(session, moment)
    assert row["failure_reason"] == "Nobody was recorded before the call was over."


def test_what_does_not_come_for_two_days_is_given_up(call, twilio, moment, dr_grey):
    end(call, dr_grey)
    twilio.faults.fail(500)
    follow(moment)
    assert kept(call)[0]["status"] == "processing"
    moment.shift(compositions.HOPE)
    follow(moment)
    assert kept(call)[0]["status"] == "failed"


def test_a_file_that_we_never_heard_of_is_deleted_too(call, rooms, twilio, moment, dr_grey):
    end(call, dr_grey)
    twilio.faults.cut(COMPOSE, times=1)
    follow(moment)
    assert kept(call)[0]["source_id"] is None
    delete(call, dr_grey)
    assert (kept(call)[0]["status"], at_twilio(twilio, rooms, call)) == ("deleted", (0, 0))


def test_one_that_is_deleted_while_it_is_asked_for_is_deleted(
    app, call, rooms, twilio, moment, dr_grey, monkeypatch
):
    end(call, dr_grey)
    provider = video.provider()
    compose = provider.compose

    def slow(room_id):
        source_id = compose(room_id)
        with app.app_context():
            delete(call, dr_grey)
        # Twilio may make one after it was told to delete what there was.
        twilio._do(lambda: twilio._world.compositions[-1].__dict__.update(status="completed"))
        return source_id

    monkeypatch.setattr(provider, "compose", slow)
    follow(moment)
    assert (kept(call)[0]["status"], at_twilio(twilio, rooms, call)[0]) == ("deleted", 0)


def test_it_cannot_be_deleted_while_it_goes_on(call, rooms, twilio, dr_grey):
    with pytest.raises(WrongState):
        delete(call, dr_grey)
    assert (kept(call)[0]["status"], at_twilio(twilio, rooms, call)) == ("processing", (0, 4))


def test_while_twilio_is_away_it_is_not_called_deleted(call, rooms, twilio, moment, dr_grey):
    end(call, dr_grey)
    settled(call, moment)
    twilio.faults.refuse()
    with pytest.raises(ProviderUnavailable):
        delete(call, dr_grey)
    assert kept(call)[0]["status"] == "available"
    twilio.faults.clear()
    delete(call, dr_grey)
    assert at_twilio(twilio, rooms, call) == (0, 0)


def test_a_no_reaches_twilio_though_its_answer_to_the_yes_got_lost(call, session, rooms, twilio, ana):
    agree(session, ana, False)
    twilio.faults.cut(RULES)
    agree(session, ana)
    assert list(rooms.open(session)[0].recording)
    twilio.faults.clear()
    agree(session, ana, False)
    assert not list(rooms.open(session)[0].recording)
    assert len(kept(session)) == 1


def test_several_workers_follow_it_as_one(app, call, rooms, twilio, moment, dr_grey):
    end(call, dr_grey)
    moment.shift(compositions.PAUSE + timedelta(seconds=1))
    done = together(app, [lambda: compositions.follow(video=video.provider())] * 4)
    assert sorted(done) == [0, 0, 0, 1]
    assert at_twilio(twilio, rooms, call)[0] == 1
