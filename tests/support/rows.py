"""A row or two for every table, for tests of migrations: whatever comes later, these stay as they are."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

NOON = datetime(2026, 6, 9, 12, 0, tzinfo=UTC)
LATER = datetime(2026, 6, 10, 12, 0, tzinfo=UTC)
DOCTOR, PATIENT = "d" * 20, "e" * 20
VISIT, SESSION, LINK = "a" * 20, "b" * 20, "c" * 20

SAMPLES: dict[str, list[dict[str, Any]]] = {
    "users": [
        {
            "id": DOCTOR,
            "role": "doctor",
            "email": "grey@clinic.example",
            "name": "Dr Maria Grey",
            "phone": "+49 30 123456",
            "date_of_birth": None,
            "password_hash": "$argon2id$…",
            "active": True,
            "demo": False,
            "created_at": NOON,
        },
        {
            "id": PATIENT,
            "role": "patient",
            "email": "ana@people.example",
            "name": "Ana Lima",
            "phone": None,
            "date_of_birth": date(1984, 5, 17),
            "password_hash": None,
            "active": False,
            "demo": True,
            "created_at": NOON,
        },
    ],
    "visits": [
        {
            "id": VISIT,
            "doctor_id": DOCTOR,
            "patient_id": PATIENT,
            "reason": "A cough — “two weeks”",
            "status": "OPEN",
            "opened_at": NOON,
            "closed_at": None,
        }
    ],
    "sessions": [
        {
            "id": SESSION,
            "visit_id": VISIT,
            "doctor_id": DOCTOR,
            "patient_id": PATIENT,
            "number": 1,
            "status": "IN_PROGRESS",
            "room": "f" * 32,
            "scheduled_start": NOON,
            "recording_enabled": True,
            "notes": "Ask about\nthe cough",
            "created_at": NOON,
            "started_at": LATER,
            "ended_at": None,
            "failure_reason": None,
            "cancelled_at": None,
            "cancelled_by_id": None,
            "cancel_reason": "",
            "last_signal": 1,
            "recording_on": True,
        }
    ],
    "links": [
        {
            "id": LINK,
            "session_id": SESSION,
            "user_id": PATIENT,
            "token_hash": "1" * 64,
            "created_at": NOON,
            "expires_at": LATER,
            "opened_at": None,
            "revoked_at": None,
        }
    ],
    "sign_ins": [
        {
            "id": "2" * 20,
            "token_hash": "2" * 64,
            "kind": "link",
            "user_id": PATIENT,
            "link_id": LINK,
            "session_id": SESSION,
            "created_at": NOON,
            "last_used_at": LATER,
            "ended_at": None,
            "address": "192.0.2.1",
            "agent": "a phone",
        }
    ],
    "participations": [
        {
            "id": "3" * 24,
            "session_id": SESSION,
            "user_id": PATIENT,
            "sign_in_id": "2" * 20,
            "role": "patient",
            "state": "in_call",
            "entered_at": NOON,
            "seen_at": LATER,
            "connected_at": LATER,
            "left_at": None,
        }
    ],
    "signals": [
        {
            "id": 1,
            "session_id": SESSION,
            "seq": 1,
            "recipient_id": "3" * 24,
            "message_id": "server-1",
            "kind": "participant-joined",
            "body": "{}",
            "at": NOON,
        }
    ],
    "consents": [{"id": 1, "session_id": SESSION, "user_id": PATIENT, "agreed": True, "at": NOON}],
    "recordings": [
        {
            "id": "7" * 20,
            "session_id": SESSION,
            "carrier": "peer",
            "status": "deleted",
            "source_id": None,
            "room_id": None,
            "media_type": "video/webm",
            "size_bytes": 3 * 2**31,
            "duration_seconds": 600,
            "failure_reason": None,
            "next_piece": 300,
            "created_at": NOON,
            "heard_at": LATER,
            "finished_at": LATER,
            "deleted_at": LATER,
            "deleted_by_id": DOCTOR,
        }
    ],
    "api_tokens": [
        {
            "id": "4" * 20,
            "user_id": DOCTOR,
            "name": "lab",
            "token_hash": "4" * 64,
            "created_at": NOON,
            "revoked_at": LATER,
        }
    ],
    "invitations": [
        {
            "id": "5" * 20,
            "user_id": PATIENT,
            "token_hash": "5" * 64,
            "created_at": NOON,
            "expires_at": LATER,
            "used_at": None,
        }
    ],
    "limits": [{"key": "account:6", "tries": 3, "since": NOON}],
    "changes": [{"id": 1, "topics": "staff doctor:7", "at": NOON}],
    "audit_entries": [
        {
            "id": 1,
            "at": NOON,
            "actor_id": DOCTOR,
            "actor_role": "doctor",
            "action": "session.start",
            "object_type": "session",
            "object_id": SESSION,
            "outcome": "ok",
            "reason": "",
            "address": "192.0.2.1",
            "agent": "a browser",
            "request_id": "8" * 16,
            "detail": "{}",
            "prev": "0" * 64,
            "mac": "9" * 64,
        }
    ],
    "rooms": [
        {
            "id": "a1" * 10,
            "session_id": SESSION,
            "provider_id": "RM" + "a" * 32,
            "opened_at": NOON,
            "checked_at": LATER,
            "closed_at": None,
        }
    ],
    "attendances": [
        {
            "id": "a2" * 10,
            "room_id": "a1" * 10,
            "provider_id": "PA" + "b" * 32,
            "user_id": DOCTOR,
            "participation_id": None,
            "joined_at": NOON,
            "joined_told": True,
            "left_at": LATER,
            "left_told": False,
        }
    ],
    "chores": [{"name": "reconcile", "done_at": NOON}],
}
