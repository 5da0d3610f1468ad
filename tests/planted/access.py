"""Checks that are taken away: who may see and do what."""

from tests.planted.fault import Fault

TABLE = "tests/routes/test_access_table.py::test_everybody_gets_what_the_table_says"
STEPS = "tests/test_steps.py"
RECORDINGS = "tests/recordings/test_made.py"

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
        'select(Session).where(_session.id == bindparam("id"), own)',
        'select(Session).where(_session.id == bindparam("id"))',
        (TABLE,),
    ),
    Fault(
        "a card is shown to whoever knows its id",
        "telehealth/cards.py",
        'where(model.__table__.c.id == bindparam("object_id"), own)',
        'where(model.__table__.c.id == bindparam("object_id"))',
        (TABLE,),
    ),
    Fault(
        "a list holds the sessions of all",
        "telehealth/cards.py",
        "where(own, *conditions)",
        "where(*conditions)",
        ("tests/routes/test_api.py::test_each_sees_their_own_and_staff_all",),
    ),
    Fault(
        "a visit is loaded for whoever knows its id",
        "telehealth/access.py",
        'select(Visit).where(_visit.id == bindparam("id"), own)',
        'select(Visit).where(_visit.id == bindparam("id"))',
        (TABLE,),
    ),
    Fault(
        "a patient's list holds the sessions of all",
        "telehealth/access.py",
        "Role.PATIENT: _session.patient_id == _ME,",
        "Role.PATIENT: true(),",
        ("tests/routes/test_api.py::test_each_sees_their_own_and_staff_all",),
    ),
    Fault(
        "a link opens every session of its patient",
        "telehealth/access.py",
        "and_(_session.id == _ONLY, _session.patient_id == _ME)",
        "_session.patient_id == _ME",
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
