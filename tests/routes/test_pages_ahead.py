"""What a browser prepares before anybody opens it is written down as that, and no use of a sign-in."""

from datetime import timedelta

import pytest

AHEAD = {"headers": {"Sec-Purpose": "prefetch;prerender"}}


@pytest.fixture
def path(clinic):
    return f"/telemedicine/{clinic.session('IN_PROGRESS').id}/call"


def test_a_prepared_call_page_is_written_down_as_what_it_is(dr_grey, clinic, path):
    session_id = path.split("/")[2]
    for more in (AHEAD, {}):
        dr_grey.get(path, **more)
    page = dr_grey.get(f"/telemedicine/{session_id}/history", fragment=True)
    first, second = (page.text.index(words) for words in ("Record read", "Call page prepared by the browser"))
    assert first < second


def test_preparing_pages_keeps_no_idle_sign_in_alive(ana, moment, path):
    ana.get(path)
    for _ in range(2):
        moment.shift(timedelta(minutes=15))
        ana.get(path, **AHEAD)
    moment.shift(timedelta(minutes=1))
    ana.get("/patient-portal/telemedicine", status=303)
