"""Schemathesis against the running server, by the OpenAPI file alone, with the token of each role.

Every phase and every check of it is on: examples, edge cases, random and wrong data, methods that are not
described, steps that follow from one another; documented statuses, types, headers and shapes, sign-in asked
for, nothing usable after its end.
"""

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, events, from_schema
from schemathesis.specs.openapi.checks import positive_data_acceptance
from support.databases import on_sqlite

pytestmark = on_sqlite

EXAMPLES = 20
NO_SCHEMA_SAYS = {
    # A time has to be ahead, and no further than one plans.
    "POST /api/v1/telemedicine/": {"scheduled_start"},
    # A cursor is ours to read: any text is one by its form.
    "GET /api/v1/telemedicine/": {"cursor"},
    "GET /api/v1/visits/": {"cursor"},
    # People are named by ids that have to be somebody's, and a line has to be what it looks like.
    "POST /api/v1/visits/": {"patient_id", "doctor_id", "reason"},
    "POST /api/v1/telemedicine/{session_id}/cancel/": {"reason"},
}
"""Fields whose values may be refused although the schema allows them."""


@schemathesis.check
def good_data_is_taken(ctx, response, case):
    """As `positive_data_acceptance`, save for what no schema can say: then that field alone is to blame."""
    if response.status_code == 400:
        blamed = set(response.json()["error"].get("fields", {}))
        if blamed and blamed <= NO_SCHEMA_SAYS.get(case.operation.label, set()):
            return True
    return positive_data_acceptance(ctx, response, case)


def settings(token):
    """All that there is, as a program that goes on after a failure and keeps nothing."""
    return SchemathesisConfig.from_dict(
        {
            "headers": {"Authorization": f"Bearer {token}"},
            "continue-on-failure": True,
            "generation": {"max-examples": EXAMPLES, "database": "none", "deterministic": True},
            "checks": {"positive_data_acceptance": {"enabled": False}},
        }
    )


def run(url, token):
    """What failed, in words, and which operation was answered with which status."""
    schema = schemathesis.openapi.from_url(f"{url}/api/v1/openapi.json", config=settings(token))
    faults, answers = [], set()
    for event in from_schema(schema).execute():
        if isinstance(event, (events.NonFatalError, events.FatalError)):
            faults.append(str(getattr(event, "value", None) or event.exception))
        elif isinstance(event, events.ScenarioFinished):
            faults += [words(event, check) for check in failed(event.recorder)]
            answers |= {
                (one.value.operation.label, interaction.response.status_code)
                for id_, one in event.recorder.cases.items()
                if (interaction := event.recorder.interactions.get(id_)) and interaction.response
                if one.value.operation.label.startswith(f"{one.value.method} ")
            }
    return faults, answers


def failed(recorder):
    return [
        check for checks in recorder.checks.values() for check in checks if check.status == Status.FAILURE
    ]


def words(event, check):
    info = check.failure_info
    return f"{event.label}: {check.name}: {info.failure.title}: {info.failure.message}\n{info.code_sample}"


@pytest.mark.parametrize("key", ["dr_grey", "ana", "sam"])
def test_nothing_that_the_description_allows_or_forbids_breaks_it(server, api, clinic, key):
    visit = clinic.visit()
    clinic.session("IN_PROGRESS", visit)
    clinic.session("SCHEDULED", visit)
    faults, answers = run(server.url, api(key).token)
    assert not faults, "\n\n".join(faults)
    assert {("GET /api/v1/telemedicine/", 200), ("GET /api/v1/visits/", 200)} <= answers
