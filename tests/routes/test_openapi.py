"""The description of the API says what runs, and nothing else."""

import re

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from support.databases import on_sqlite

pytestmark = on_sqlite

OUR_OWN = {"/api/v1/openapi.json", "/api/v1/docs"}


@pytest.fixture
def spec(description):
    return description.spec


def operations(spec):
    """Path, method and operation of all that is described."""
    return [
        (path, method.upper(), one)
        for path, methods in spec["paths"].items()
        for method, one in methods.items()
    ]


def test_it_is_valid(spec):
    assert [str(fault) for fault in OpenAPIV31SpecValidator(spec).iter_errors()] == []


def test_it_describes_every_route_and_no_other(app, spec):
    running = {
        (re.sub(r"<(?:[^:>]+:)?(\w+)>", r"{\1}", rule.rule), method)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/api/") and rule.rule not in OUR_OWN
    }
    assert {(path, method) for path, method, _one in operations(spec)} == running


def test_every_call_ends_with_a_slash_and_says_in_words_what_it_does(spec):
    names = [one["operationId"] for _path, _method, one in operations(spec)]
    assert len(set(names)) == len(names)
    for path, method, one in operations(spec):
        assert path.endswith("/")
        assert len(one["summary"]) > 5, (path, method)


def test_every_refusal_has_the_one_shape(spec):
    for path, method, one in operations(spec):
        codes = {int(code) for code in one["responses"]}
        assert {400, 401, 429} <= codes, (path, method)
        for code, answer in one["responses"].items():
            shape = answer["content"]["application/json"]["schema"]["$ref"]
            assert (shape == "#/components/schemas/Error") == (int(code) >= 400)


def test_every_shape_is_closed_but_the_ticket(spec):
    shapes = spec["components"]["schemas"]
    loose = {name for name, shape in shapes.items() if shape.get("additionalProperties") is not False}
    assert loose == {"TicketOut"}
    assert {"SessionOut", "VisitOut", "Error", "NewSession", "NewVisit"} <= set(shapes)


def test_a_body_is_required_where_something_in_it_is(spec):
    for path, method, one in operations(spec):
        body = one.get("requestBody")
        if body:
            name = body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
            needed = bool(spec["components"]["schemas"][name].get("required"))
            assert body.get("required", False) == needed, (path, method)


def test_what_changes_something_needs_the_header_of_a_browser_too(spec):
    assert spec["components"]["securitySchemes"]["csrf"]["name"] == "X-CSRFToken"
    for path, method, one in operations(spec):
        expected = None if method == "GET" else [{"bearer": []}, {"cookie": [], "csrf": []}]
        assert one.get("security") == expected, (path, method)


def test_it_tells_codes_steps_and_times_apart_from_other_words(spec):
    shapes = spec["components"]["schemas"]
    assert "too_many_requests" in shapes["ErrorBody"]["properties"]["code"]["enum"]
    assert "start" in shapes["SessionOut"]["properties"]["actions"]["items"]["enum"]
    for shape, name in (("SessionOut", "started_at"), ("LinkOut", "expires_at"), ("HistoryLine", "at")):
        one = shapes[shape]["properties"][name]
        assert "date-time" in [part.get("format") for part in one.get("anyOf", [one])], (shape, name)
    for _path, _method, one in operations(spec):
        assert "Retry-After" in one["responses"]["429"]["headers"]


def test_it_names_both_ways_to_sign_in(spec, dr_grey):
    dr_grey.ensure_signed_in()
    schemes = spec["components"]["securitySchemes"]
    assert schemes["bearer"] == {"type": "http", "scheme": "bearer"}
    assert dr_grey.client.get_cookie(schemes["cookie"]["name"]) is not None
    assert spec["security"] == [{"bearer": []}, {"cookie": []}]


def test_its_version_is_that_of_the_app(spec):
    import telehealth

    assert spec["info"]["version"] == telehealth.__version__


def test_the_page_for_people_shows_it_all_without_a_third_party(stranger, spec):
    page = stranger.get("/api/v1/docs")
    for path, method, one in operations(spec):
        assert f"{method} {path}" in page.text
        assert one["summary"] in page.text
    for shape in spec["components"]["schemas"]:
        assert page.one(f"#shape-{shape}") is not None
    assert not re.search(r"""(src|href|action)=["'](https?:)?//""", page.answer.text)
