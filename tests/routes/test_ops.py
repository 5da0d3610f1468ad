"""What operators ask: is it alive, is it ready, how much is going on."""

import pytest
from prometheus_client.parser import text_string_to_metric_families
from support import apps, databases
from support.databases import on_sqlite
from support.doubles import SilentVideo, install

from routes.caller import Caller

TOKEN = "a-token-of-the-operators-of-this-clinic"


def figures(text: str) -> dict[str, float]:
    """What is counted, by name and kind."""
    return {
        f"{sample.name} {sample.labels['kind']}": sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_it_is_alive_and_ready(stranger):
    for path in ("/healthz", "/readyz"):
        answer = stranger.client.get(path)
        assert (answer.status_code, answer.text, answer.mimetype) == (200, "ok\n", "text/plain")


@pytest.mark.parametrize("kind", databases.KINDS)
def test_it_is_not_ready_before_the_migrations(database_server, kind):
    with database_server.fresh(kind, "empty") as url:
        app = apps.make_app(url)
        client = app.test_client()
        for _ in range(2):
            answer = client.get("/readyz")
            assert (answer.status_code, answer.text) == (503, "the database is not ready\n")
        assert client.get("/healthz").status_code == 200
        apps.close(app)


@on_sqlite
def test_it_is_not_ready_without_its_database(database_url):
    app = apps.make_app("postgresql://nobody@127.0.0.1:9/none?connect_timeout=2")
    answer = app.test_client().get("/readyz")
    assert (answer.status_code, answer.text) == (503, "the database is not ready\n")
    apps.close(app)


def test_readiness_does_not_depend_on_the_video_service(app, stranger):
    install(app, SilentVideo(app))
    assert stranger.client.get("/readyz").status_code == 200


def test_the_figures_count_sessions_and_people_in_calls(stranger, ana, dr_grey, clinic):
    for status in ("SCHEDULED", "SCHEDULED", "IN_PROGRESS", "COMPLETED", "FAILED"):
        session = clinic.session(status)
        if status == "IN_PROGRESS":
            Caller(dr_grey, session).enter()
    Caller(ana, clinic.session()).enter()
    answer = stranger.client.get("/metrics")
    assert figures(answer.text) == {
        "telehealth_sessions scheduled": 3,
        "telehealth_sessions in_progress": 1,
        "telehealth_sessions completed": 1,
        "telehealth_sessions cancelled": 0,
        "telehealth_sessions failed": 1,
        "telehealth_participants waiting": 1,
        "telehealth_participants in_call": 1,
    }
    for word in ("Ana", "Grey", "clinic.example", ana.id, session.id):
        assert word not in answer.text


@on_sqlite
def test_the_figures_are_for_loopback_and_for_the_token_alone(database_url):
    for token in ("", TOKEN):
        app = apps.make_app(database_url, METRICS_TOKEN=token)
        client = app.test_client()
        for address, headers, expected in (
            ("127.0.0.1", {}, 200),
            ("::1", {}, 200),
            ("127.0.0.1", {"X-Forwarded-For": "203.0.113.7"}, 403),
            ("203.0.113.7", {}, 403),
            ("203.0.113.7", {"X-Forwarded-For": "127.0.0.1"}, 403),
            ("203.0.113.7", {"Authorization": "Bearer "}, 403),
            ("203.0.113.7", {"Authorization": "Bearer wrong"}, 403),
            ("203.0.113.7", {"Authorization": f"Bearer {TOKEN}x"}, 403),
            ("203.0.113.7", {"Authorization": "Bearer é"}, 403),
            ("203.0.113.7", {"Authorization": f"Bearer {TOKEN}"}, 200 if token else 403),
        ):
            environ = {"REMOTE_ADDR": address}
            answer = client.get("/metrics", headers=headers, environ_overrides=environ)
            assert answer.status_code == expected, (token, address, headers)
            if expected == 403:
                assert answer.json["error"]["code"] == "forbidden"
        apps.close(app)
