"""The faults: what is taken away, where, and which tests are asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Fault:
    """One check that is missing. `old` stands in `file` exactly once; `tests` run on this `kind`."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    kind: str = "sqlite"

    def plant(self, root: Path) -> None:
        """Take the check away in the copy of the tree at `root`."""
        file = root / self.file
        text = file.read_text()
        count = text.count(self.old)
        if count != 1:
            raise LookupError(f"“{self.name}”: its text is {count} times in {self.file}")
        file.write_text(text.replace(self.old, self.new))


TABLE = "tests/routes/test_access_table.py::test_everybody_gets_what_the_table_says"
STEPS = "tests/test_steps.py"
SIGN_INS = "tests/test_sign_ins.py"
ENDS = "tests/routes/test_sign_in_ends.py"
HOOKS = "tests/routes/test_webhooks.py"
RECORDINGS = "tests/test_recordings.py"
RACES = "tests/test_races.py"
HEADERS = "tests/routes/test_headers.py"

ACCESS = (
    Fault(
        "everything is public",
        "telehealth/routes/__init__.py",
        'if g.actor is None and not getattr(view, "public", False):',
        "if False:",
        (TABLE,),
    ),
    Fault(
        "a session is loaded for whoever knows its id",
        "telehealth/access.py",
        "query.where(Session.id == session_id, own_sessions(by))",
        "query.where(Session.id == session_id)",
        (TABLE,),
    ),
    Fault(
        "a visit is loaded for whoever knows its id",
        "telehealth/access.py",
        "select(Visit).where(Visit.id == visit_id, own_visits(by))",
        "select(Visit).where(Visit.id == visit_id)",
        (TABLE,),
    ),
    Fault(
        "a patient's list holds the sessions of all",
        "telehealth/access.py",
        "    if actor.role == Role.PATIENT:\n        return Session.patient_id == actor.user_id\n",
        "    if actor.role == Role.PATIENT:\n        return true()\n",
        ("tests/routes/test_api.py::test_each_sees_their_own_and_staff_all",),
    ),
    Fault(
        "a link opens every session of its patient",
        "telehealth/access.py",
        "return and_(Session.id == actor.only_session, Session.patient_id == actor.user_id)",
        "return Session.patient_id == actor.user_id",
        ("tests/routes/test_join.py::test_it_opens_no_other_session_of_the_same_patient",),
    ),
    Fault(
        "a step may be taken by anybody who sees the session",
        "telehealth/sessions.py",
        "    if who not in step.by:\n",
        "    if False:\n",
        (f"{STEPS}::test_everybody_gets_what_the_table_says",),
    ),
    Fault(
        "pages of the staff ask for no role",
        "telehealth/access.py",
        "if actor.role not in roles or actor.only_session:",
        "if False:",
        (TABLE,),
    ),
    Fault(
        "a patient finds a doctor's notes in the API",
        "telehealth/routes/api_shapes.py",
        "if by.role == Role.DOCTOR:",
        "if True:",
        ("tests/routes/test_api.py::test_notes_are_the_doctors",),
    ),
    Fault(
        "a recording is anybody's who sees the session",
        "telehealth/recordings.py",
        "if access.relation(by, session) != Role.DOCTOR:",
        "if False:",
        (f"{RECORDINGS}::test_nobody_but_the_sessions_doctor_has_to_do_with_it",),
    ),
    Fault(
        "a page speaks with the id of somebody else's page",
        "telehealth/calls.py",
        "if (part.session_id, part.user_id) != (session.id, by.user_id):",
        "if False:",
        ("tests/routes/test_call.py::test_nobody_speaks_with_the_id_of_somebody_else",),
    ),
    Fault(
        "a message goes to a page of another session",
        "telehealth/calls.py",
        'if any(message["to"] not in here for message in messages):',
        "if False:",
        ("tests/routes/test_call.py::test_nobody_speaks_into_another_session",),
    ),
)

SIGNING_IN = (
    Fault(
        "a change asks for no CSRF token",
        "telehealth/routes/__init__.py",
        "        csrf.protect()\n",
        "        pass\n",
        ("tests/routes/test_auth.py::test_nothing_changes_without_the_token_of_the_form",),
    ),
    Fault(
        "a sign-in never grows too old",
        "telehealth/sign_ins.py",
        "too_old = now - found.created_at > ABSOLUTE",
        "too_old = False",
        (f"{ENDS}::test_any_sign_in_ends_after_twelve_hours",),
    ),
    Fault(
        "an idle sign-in never ends",
        "telehealth/sign_ins.py",
        "if (too_old or idle > IDLE[found.role])",
        "if too_old",
        (f"{ENDS}::test_an_idle_sign_in_ends",),
    ),
    Fault(
        "polls keep an idle sign-in alive",
        "telehealth/sign_ins.py",
        "if not passive and not too_old",
        "if not too_old",
        (f"{ENDS}::test_polls_and_streams_keep_no_sign_in_alive",),
    ),
    Fault(
        "a cookie is good after signing out",
        "telehealth/sign_ins.py",
        "_SIGN_IN.ended_at.is_(None), _USER.active)",
        "_USER.active)",
        ("tests/routes/test_auth.py::test_after_signing_out_the_old_cookie_is_worth_nothing",),
    ),
    Fault(
        "a new password ends no sign-in",
        "telehealth/sign_ins.py",
        "    _end(SignIn.user_id == user.id)\n",
        "    pass\n",
        (f"{ENDS}::test_a_new_password_ends_every_sign_in_and_the_old_password",),
    ),
    Fault(
        "a token of a program outlives its person",
        "telehealth/sign_ins.py",
        "found is None or found.revoked_at is not None or not found.user.active",
        "found is None",
        ("tests/routes/test_auth.py::test_a_token_of_a_deactivated_person_or_a_wrong_one_is_refused",),
    ),
    Fault(
        "signing in keeps the page cookie of whoever planted it",
        "telehealth/routes/__init__.py",
        "    if not same:\n        session.clear()\n",
        "",
        ("tests/routes/test_auth.py::test_signing_in_gives_a_new_id_and_takes_none_that_was_planted",),
    ),
    Fault(
        "wrong passwords are not limited",
        "telehealth/limits.py",
        "return found <= most",
        "return True",
        (f"{SIGN_INS}::test_ten_wrong_passwords_lock_the_account_for_the_right_one_too",),
    ),
    Fault(
        "an unknown person is refused sooner than a known one",
        "telehealth/passwords.py",
        "bool(_apart(_verify, kept or _decoy(), password)) and kept is not None",
        "kept is not None and bool(_apart(_verify, kept, password))",
        (f"{SIGN_INS}::test_unknown_people_cost_the_same_work",),
    ),
    Fault(
        "after signing in one may be led to another site",
        "telehealth/routes/auth.py",
        'return wanted if _OUR_PATH.fullmatch(wanted) else ""',
        "return wanted",
        ("tests/routes/test_auth.py::test_next_cannot_leave_the_site",),
    ),
    Fault(
        "a link has no end",
        "telehealth/links.py",
        "late = link.expires_at < clock.now() and link.session.status != Status.IN_PROGRESS",
        "late = False",
        ("tests/test_links.py::test_a_link_works_from_now_until_a_day_after_its_time",),
    ),
    Fault(
        "a revoked link opens",
        "telehealth/links.py",
        "if link.revoked_at or late or",
        "if late or",
        ("tests/routes/test_join.py::test_it_is_dead_after_cancel_end_revoke_and_a_new_link",),
    ),
    Fault(
        "what a revoked link opened stays open",
        "telehealth/links.py",
        "    sign_ins.end_by_link(session.id)\n",
        "",
        ("tests/test_links.py::test_a_revoked_link_is_over_and_so_is_what_it_opened",),
    ),
    Fault(
        "looking at a link enters",
        "telehealth/routes/join.py",
        '    return render_template("join/show.html", session=link.session, token=token)\n',
        '    return begin_sign_in(render_template("join/show.html", session=link.session, token=token), '
        "sign_ins.sign_in_by_link(link, origin()))\n",
        ("tests/routes/test_join.py::test_looking_at_a_link_changes_nothing",),
    ),
)

CHANGES = (
    Fault(
        "a step is taken whatever the state",
        "telehealth/sessions.py",
        ".where(Session.id == session.id, Session.status.in_(step.start))",
        ".where(Session.id == session.id)",
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
        '"BEGIN IMMEDIATE" if writes else "BEGIN"',
        '"BEGIN"',
        ("tests/test_sessions.py::test_many_callers_at_once_take_each_step_once",),
    ),
    Fault(
        "messages of a call do not wait for each other",
        "telehealth/signals.py",
        "where(Session.id == session_id).with_for_update()",
        "where(Session.id == session_id)",
        ("tests/test_signals.py",),
        "postgresql",
    ),
    Fault(
        "a piece of a recording does not wait for the one before",
        "telehealth/access.py",
        "select(Session).where(Session.id == session.id).with_for_update(of=Session)",
        "select(Session).where(Session.id == session.id)",
        (f"{RECORDINGS}::test_the_same_piece_from_several_workers_is_there_once",),
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
        ("tests/test_rooms.py::test_who_loses_the_right_is_put_out_of_the_room",),
    ),
    Fault(
        "an identity is the same in every session",
        "telehealth/presence.py",
        'words = f"identity:{session.room}:{user_id}".encode()',
        'words = f"identity:{user_id}".encode()',
        ("tests/test_sessions.py::test_identities_of_two_people_or_two_sessions_do_not_tell_of_each_other",),
    ),
)

BORDERS = (
    Fault(
        "a callback needs no signature",
        "telehealth/video/twilio/callbacks.py",
        "    if not signature or not any(\n",
        "    if False and not any(\n",
        (f"{HOOKS}::test_without_its_signature_nothing_is_believed",),
    ),
    Fault(
        "a callback may speak of another account",
        "telehealth/video/twilio/callbacks.py",
        'if given["AccountSid"] != account.account_sid:',
        "if False:",
        (HOOKS,),
    ),
    Fault(
        "fields of a callback may be doubled or unknown",
        "telehealth/video/twilio/callbacks.py",
        "if wrong or len(given) != len(pairs) or _ALWAYS - given.keys():",
        "if _ALWAYS - given.keys():",
        (f"{HOOKS}::test_one_signature_does_not_fit_a_form_whose_boundaries_were_shifted",),
    ),
    Fault(
        "answers may be kept by whoever passes them on",
        "telehealth/routes/headers.py",
        'headers["Cache-Control"] = "no-store"',
        'headers["Cache-Control"] = "private"',
        (f"{HEADERS}::test_nothing_but_static_files_is_kept_anywhere",),
    ),
    Fault(
        "a page may run scripts that stand in it",
        "telehealth/routes/headers.py",
        "\"script-src 'self'\"",
        "\"script-src 'self' 'unsafe-inline'\"",
        (f"{HEADERS}::test_every_answer_has_a_strict_policy",),
    ),
    Fault(
        "a page may stand in a frame of another site",
        "telehealth/routes/headers.py",
        "\"frame-ancestors 'none'\"",
        '"frame-ancestors *"',
        (f"{HEADERS}::test_every_answer_has_a_strict_policy",),
    ),
    Fault(
        "any host name is served",
        "telehealth/__init__.py",
        '        "TRUSTED_HOSTS": settings.trusted_hosts,\n',
        "",
        ("tests/routes/test_errors.py::test_the_wrong_host_is_not_served",),
    ),
    Fault(
        "a script can read the sign-in",
        "telehealth/routes/__init__.py",
        "httponly=True",
        "httponly=False",
        ("tests/routes/test_auth.py::test_the_cookie_on_http_is_plain_and_ends_with_the_browser",),
    ),
    Fault(
        "unknown fields are ignored",
        "telehealth/routes/shapes.py",
        'extra="forbid"',
        'extra="ignore"',
        ("tests/routes/test_api_input.py::test_unknown_and_read_only_fields_are_refused",),
    ),
    Fault(
        "a body may be of any size",
        "telehealth/__init__.py",
        '        "MAX_CONTENT_LENGTH": 64 * 1024,\n',
        "",
        ("tests/routes/test_api_input.py::test_more_than_64_kilobytes_are_too_large",),
    ),
    Fault(
        "the log holds the tokens of links",
        "gunicorn.conf.py",
        'masked(quote(environ.get("PATH_INFO", "-"), encoding="latin-1"))',
        'quote(environ.get("PATH_INFO", "-"), encoding="latin-1")',
        ("tests/test_serving.py::test_no_token_of_a_link_reaches_the_log",),
    ),
    Fault(
        "a fault tells its details",
        "telehealth/routes/errors.py",
        'refusal = Refusal(_("Something went wrong on our side. Nothing you wrote is at fault."))',
        "refusal = Refusal(str(fault))",
        ("tests/routes/test_errors.py::test_a_fault_is_told_without_details",),
    ),
    Fault(
        "a sample key starts the server",
        "telehealth/config.py",
        "if any(value.lower().startswith(sample) for sample in _SAMPLES) or len(set(value)) < 10:",
        "if False:",
        ("tests/test_config.py",),
    ),
)

FAULTS = (*ACCESS, *SIGNING_IN, *CHANGES, *BORDERS)
