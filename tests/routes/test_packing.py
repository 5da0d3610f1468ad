"""Pages are sent packed, but for those that hold something of the request."""

import gzip

import pytest
from support.databases import on_sqlite

pytestmark = on_sqlite

PACKED = {"Accept-Encoding": "gzip, deflate, br"}


@pytest.fixture
def page(clinic) -> str:
    return f"/visits/{clinic.session('SCHEDULED').visit_id}/telemedicine"


def vary(answer) -> set[str]:
    return {one.strip() for one in answer.headers["Vary"].split(",")}


def test_a_page_is_packed_for_a_browser_that_unpacks_it(dr_grey, page):
    doctor = dr_grey.ensure_signed_in().client
    plain, packed = doctor.get(page), doctor.get(page, headers=PACKED)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert int(packed.headers["Content-Length"]) == len(packed.data) < len(plain.data) / 2
    assert b"+ Create Session" in gzip.decompress(packed.data)
    assert "Content-Encoding" not in plain.headers
    assert vary(plain) == vary(packed) == {"Cookie", "HX-Request", "Accept-Encoding"}


def test_a_fragment_is_packed_and_still_not_sent_again_while_it_looks_the_same(dr_grey, page):
    doctor, asked = dr_grey.ensure_signed_in().client, {**PACKED, "HX-Request": "true"}
    first = doctor.get(f"{page}/sessions", headers=asked)
    again = doctor.get(f"{page}/sessions", headers={**asked, "HX-PTag": first.headers["HX-PTag"]})
    assert first.headers["Content-Encoding"] == "gzip"
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize(
    ("path", "status"),
    [("/visits?q=lima", 200), ("/visits/nothing", 404), ("/no/such/page", 404)],
)
def test_what_holds_something_of_the_request_is_sent_plain(dr_grey, path, status):
    """Whoever reads lengths on the way, and has pages opened with guesses in them, learns nothing."""
    answer = dr_grey.ensure_signed_in().client.get(path, headers=PACKED)
    assert answer.status_code == status
    assert "Content-Encoding" not in answer.headers


def test_an_answer_to_a_form_is_sent_plain(stranger):
    form = {"csrf_token": stranger.csrf_token(), "email": "ana@clinic.example", "password": "a guess"}
    answer = stranger.client.post("/sign-in", data=form, headers=PACKED)
    assert answer.status_code == 422
    assert "Content-Encoding" not in answer.headers


def test_what_is_small_and_what_is_no_page_is_sent_plain(dr_grey):
    doctor = dr_grey.ensure_signed_in().client
    for path in ("/healthz", "/api/v1/telemedicine/", "/api/v1/openapi.json"):
        assert "Content-Encoding" not in doctor.get(path, headers=PACKED).headers
