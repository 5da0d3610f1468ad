"""Checks that are taken away: sign-ins, links and limits."""

from tests.planted.fault import Fault

SIGN_INS = "tests/test_sign_ins.py"
ENDS = "tests/routes/test_sign_in_ends.py"

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
        "over = idle > IDLE[found.role]",
        "over = False",
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
        "telehealth/api_tokens.py",
        "found is None or found.revoked_at is not None or not found.user.active",
        "found is None",
        ("tests/routes/test_auth.py::test_a_token_of_a_deactivated_person_or_a_wrong_one_is_refused",),
    ),
    Fault(
        "signing in keeps the page cookie of whoever planted it",
        "telehealth/routes/__init__.py",
        "    if not same:\n        session.clear()\n",
        "",
        ("tests/routes/test_auth.py::test_a_page_cookie_that_was_planted_gives_no_power_after_signing_in",),
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
        (f"{SIGN_INS}::test_whoever_is_refused_costs_the_same_work",),
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
        "links.sign_in(link, origin()))\n",
        ("tests/routes/test_join.py::test_looking_at_a_link_changes_nothing",),
    ),
)
