"""For operators: is it alive, is it ready, and how much is going on."""

from __future__ import annotations

import hmac

from flask import Blueprint, Response, current_app, request
from flask.typing import ResponseReturnValue
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from telehealth.errors import NotAllowed
from telehealth.extensions import db
from telehealth.models import Participation, Session, Status
from telehealth.routes import public, speaks_json

blueprint = Blueprint("ops", __name__)


@blueprint.get("/healthz")
@public
def healthz() -> ResponseReturnValue:
    """The process is alive."""
    return Response("ok\n", mimetype="text/plain")


@blueprint.get("/readyz")
@public
def readyz() -> ResponseReturnValue:
    """The database answers and has been migrated."""
    try:
        db.session.execute(text("SELECT version_num FROM alembic_version")).one()
    except SQLAlchemyError:
        return Response("the database is not ready\n", status=503, mimetype="text/plain")
    return Response("ok\n", mimetype="text/plain")


@blueprint.get("/metrics")
@public
@speaks_json
def metrics() -> ResponseReturnValue:
    """Numbers for Prometheus, from loopback or with METRICS_TOKEN as bearer; no names, no ids."""
    token = current_app.config["SETTINGS"].metrics_token
    sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
    by_token = token and hmac.compare_digest(sent.encode(), token.encode())
    # A proxy on the same machine speaks from loopback too, for anybody.
    local = request.remote_addr in ("127.0.0.1", "::1") and "X-Forwarded-For" not in request.headers
    if not by_token and not local:
        raise NotAllowed()
    registry = CollectorRegistry()
    _count(registry, "sessions", Session.status, Status.ALL)
    here = (Participation.WAITING, Participation.IN_CALL)
    _count(registry, "participants", Participation.state, here)
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _count(registry: CollectorRegistry, what: str, column: object, kinds: tuple[str, ...]) -> None:
    gauge = Gauge(f"telehealth_{what}", f"{what} by kind", ["kind"], registry=registry)
    query = select(column, func.count()).where(column.in_(kinds)).group_by(column)  # type: ignore[call-overload, attr-defined]
    found = {row[0]: row[1] for row in db.session.execute(query)}
    for kind in kinds:
        gauge.labels(kind.lower()).set(found.get(kind, 0))
