"""How Twilio is asked: never for ever, and again after a pause that no two callers share."""

import pytest
from requests import ConnectTimeout
from twilio.base.exceptions import TwilioRestException

from telehealth.errors import ProviderRefused, ProviderUnavailable
from telehealth.video.twilio import rest
from telehealth.video.twilio.rest import PAUSE, TIMEOUT, TRIES, ask, client_for

CALLERS = 200


@pytest.fixture
def pauses(monkeypatch):
    """The pauses that were made; nobody waits for them."""
    made = []
    monkeypatch.setattr(rest.time, "sleep", made.append)
    return made


def failing(trouble):
    """A question that always meets this; and how often it did."""
    met = []

    def call():
        met.append(1)
        raise trouble

    return call, met


TROUBLE = {
    "silence": ConnectTimeout(),
    "500": TwilioRestException(500, "/v1/Rooms"),
    "429": TwilioRestException(429, "/v1/Rooms", code=20429),
}


@pytest.mark.parametrize("trouble", TROUBLE.values(), ids=TROUBLE)
def test_no_two_callers_come_again_at_the_same_moment(pauses, trouble):
    for _ in range(CALLERS):
        call, met = failing(trouble)
        with pytest.raises(ProviderUnavailable):
            ask("try", call)
        assert len(met) == TRIES == 3
    firsts, seconds = pauses[::2], pauses[1::2]
    assert len(firsts) == len(seconds) == CALLERS, "there is no pause after the last try"
    for found, usual in ((firsts, rest.PAUSE), (seconds, 2 * rest.PAUSE)):
        assert len(set(found)) == CALLERS
        assert 0.5 * usual <= min(found) < 0.75 * usual, "all of the range is used, and no more of it"
        assert 1.25 * usual < max(found) <= 1.5 * usual


def test_a_person_waits_for_all_tries_together_no_longer_than_a_quarter_of_a_minute():
    assert TRIES * TIMEOUT + (1 + 2) * PAUSE * 1.5 < 15


def test_every_question_has_a_time_out(twilio, settings):
    client = client_for(settings.twilio)
    assert client.http_client.timeout == rest.TIMEOUT > 0
    client.http_client.session.close()


def test_a_question_that_may_be_asked_once_has_no_pause(pauses):
    call, met = failing(TROUBLE["silence"])
    with pytest.raises(ProviderUnavailable):
        ask("try", call, tries=1)
    assert (len(met), pauses) == (1, [])


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409])
def test_a_no_is_not_asked_about_again(pauses, status):
    call, met = failing(TwilioRestException(status, "/v1/Rooms"))
    with pytest.raises(ProviderRefused):
        ask("try", call)
    assert (len(met), pauses) == (1, [])
