"""Checks that are taken away: what comes in from outside, and what goes out."""

from tests.planted.fault import Fault

HOOKS = "tests/routes/test_webhooks.py"
HEADERS = "tests/routes/test_headers.py"

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
        "every page may speak to the video provider",
        "telehealth/routes/headers.py",
        "_policy_of_the_call() if in_call else POLICY",
        "_policy_of_the_call()",
        (f"{HEADERS}::test_where_twilio_carries_calls_the_call_page_alone_may_speak_to_it",),
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
    Fault(
        "the press of a button may bring names along",
        "telehealth/routes/__init__.py",
        "if request.is_json or sent - PRESSED:",
        "if False:",
        ("tests/routes/test_foreign_names.py::test_the_press_of_a_button_that_names_anything_is_refused",),
    ),
)
