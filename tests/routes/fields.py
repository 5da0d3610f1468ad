"""What each row of the access table takes beside its address, and who may ask it."""

from __future__ import annotations

from routes import access_table

FIELDS = {
    "POST /sign-in": ("email", "password", "next", "csrf_token"),
    "POST /invitation/<token>": ("password", "password_again"),
    "POST /visits/new": ("patient_id", "doctor_id", "reason"),
    "POST /visits/<visit_id>/telemedicine": (
        *("scheduled_start", "fold", "recording_enabled", "notes", "confirm_clash"),
    ),
    "POST /telemedicine/<session_id>/cancel": ("reason",),
    "POST /admin/people/new": ("role", "name", "email", "phone", "date_of_birth"),
    "POST /admin/people/<user_id>": ("name", "email", "phone", "date_of_birth"),
}
"""The fields of the forms that have some."""

PARAMETERS = {
    "GET /sign-in": ("next",),
    "GET /visits": ("q", "status", "page"),
    "GET /visits/rows": ("q", "status", "page"),
    "GET /visits/new": ("q",),
    "POST /visits/new": ("q",),
    "GET /visits/<visit_id>/telemedicine/new": ("like",),
    "GET /telemedicine/<session_id>/call/inbox": ("participant", "after", "poll"),
    "GET /telemedicine/<session_id>/recordings/<recording_id>/media": ("download",),
    "GET /admin/people": ("q", "page"),
    "GET /admin/audit": ("from", "to", "event", "who", "before"),
    "GET /api/v1/telemedicine/": ("status", "visit_id", "limit", "cursor"),
    "GET /api/v1/visits/": ("status", "cursor"),
}
"""What is read of the query, where something is."""


def who_may(row: str) -> str:
    """Somebody for whom this row does what it is there for."""
    right = {"grey": "dr_grey", "ana": "ana", "sam": "sam"}
    allowed = access_table.read().get(row, {"grey": 200})
    return next(key for column, key in right.items() if allowed[column] < 400 or allowed["nobody"] >= 404)
