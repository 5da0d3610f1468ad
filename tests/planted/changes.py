"""Checks that are taken away: states, the audit, locks, consent and rooms."""

from tests.planted.fault import Fault

RECORDINGS = "tests/recordings/test_made.py"
RACES = "tests/test_races.py"
AT_ONCE = "tests/test_at_once.py"
SIGNING_IN = f"{AT_ONCE}::test_whoever_is_deactivated_while_they_sign_in_is_not_in"

CHANGES = (
    Fault(
        "a step is taken whatever the state",
        "telehealth/sessions.py",
        ".where(Session.id == session.id, Session.status.in_(step.start), *still)",
        ".where(Session.id == session.id, *still)",
        (f"{RACES}::test_each_step_of_a_session_happens_once",),
    ),
    Fault(
        "the audit is written after the change",
        "telehealth/sessions.py",
        "        _tell(session, action, by=by)\n\n\ndef _tell",
        "    _tell(session, action, by=by)\n\n\ndef _tell",
        ("tests/test_audit.py::test_without_an_entry_there_is_no_change",),
    ),
    Fault(
        "an entry of the audit may be changed",
        "telehealth/audit.py",
        'return "" if hmac.compare_digest(entry.mac, _mac(vars(entry))) else "it was changed"',
        'return ""',
        ("tests/test_audit.py::test_an_edit_is_found",),
    ),
    Fault(
        "an entry of the audit may be missing",
        "telehealth/audit.py",
        "if entry.id != last + 1:",
        "if False:",
        ("tests/test_audit.py::test_a_gap_is_found",),
    ),
    Fault(
        "writers of the audit do not wait for each other",
        "telehealth/audit.py",
        "_LOCKED_HEAD if is_postgresql() else _HEAD",
        "_HEAD",
        ("tests/test_audit.py::test_writers_at_once_keep_the_chain_dense",),
        "postgresql",
    ),
    Fault(
        "a change on SQLite begins as a reader",
        "telehealth/store.py",
        '"BEGIN IMMEDIATE"',
        '"BEGIN"',
        ("tests/test_sessions.py::test_many_callers_at_once_take_each_step_once",),
    ),
    Fault(
        "messages of a call do not wait for each other",
        "telehealth/signals.py",
        'where(Session.id == bindparam("session")).with_for_update()',
        'where(Session.id == bindparam("session"))',
        ("tests/test_signals.py",),
        "postgresql",
    ),
    Fault(
        "writers of a session do not wait for each other",
        "telehealth/access.py",
        'select(Session).where(_session.id == bindparam("id")).with_for_update(of=Session)',
        'select(Session).where(_session.id == bindparam("id"))',
        (
            "tests/test_consents.py::test_many_presses_at_once_are_one_decision",
            f"{RACES}::test_pages_that_come_in_at_once_leave_one_for_each_person",
        ),
        "postgresql",
    ),
    Fault(
        "a session is planned while its visit is closed",
        "telehealth/sessions.py",
        "select(Visit).where(Visit.id == visit_id).with_for_update(of=Visit)",
        "select(Visit).where(Visit.id == visit_id)",
        (f"{RACES}::test_a_visit_never_closes_over_a_session_to_come",),
        "postgresql",
    ),
    Fault(
        "whoever is deactivated while they sign in is in",
        "telehealth/sign_ins.py",
        "is_active(user.id, known, held=True)",
        "is_active(user.id, known)",
        (SIGNING_IN,),
        "postgresql",
    ),
    Fault(
        "whoever is deactivated while they enter by a link is in",
        "telehealth/links.py",
        "sign_ins.is_active(link.user_id, held=True)",
        "sign_ins.is_active(link.user_id)",
        (SIGNING_IN,),
        "postgresql",
    ),
    Fault(
        "whoever signs out while they come in stays in the call",
        "telehealth/calls.py",
        "sign_ins.stands(by.sign_in_id, held=True)",
        "sign_ins.stands(by.sign_in_id)",
        (f"{AT_ONCE}::test_whoever_signs_out_while_they_come_in_does_not_stay",),
        "postgresql",
    ),
    Fault(
        "a recording needs no consent to begin",
        "telehealth/recordings.py",
        "        _check_consent(session)\n        recording = db",
        "        recording = db",
        (f"{RECORDINGS}::test_without_consent_nothing_begins",),
    ),
    Fault(
        "a recording goes on after the patient withdrew",
        "telehealth/recordings.py",
        "        _check_open(session, recording)\n        _check_consent(session)\n",
        "        _check_open(session, recording)\n",
        (f"{RECORDINGS}::test_once_withdrawn_nothing_more_is_kept_and_what_there_was_can_be_finished",),
    ),
    Fault(
        "the room stays open after the end",
        "telehealth/sessions.py",
        "        presence.close(session)\n    rooms.close(session, video=video)\n    return",
        "        presence.close(session)\n    return",
        ("tests/test_rooms.py::test_an_end_closes_the_room_for_everybody",),
    ),
    Fault(
        "a ticket is given after the end",
        "telehealth/sessions.py",
        '    check(session, "join", by=by)\n    rooms.ensure(',
        "    rooms.ensure(",
        ("tests/test_rooms.py::test_no_token_after_the_end",),
    ),
    Fault(
        "whoever loses the right stays in the room",
        "telehealth/rooms.py",
        "@presence.put_out_of_room.connect\n",
        "",
        ("tests/test_rooms_rights.py::test_who_loses_the_right_is_put_out_of_the_room",),
    ),
    Fault(
        "an identity is the same in every session",
        "telehealth/presence.py",
        'words = f"identity:{session.room}:{user_id}".encode()',
        'words = f"identity:{user_id}".encode()',
        ("tests/test_sessions.py::test_identities_of_two_people_or_two_sessions_do_not_tell_of_each_other",),
    ),
)
