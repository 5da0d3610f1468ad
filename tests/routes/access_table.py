"""Who gets what: every route and method, and the status that each kind of visitor is answered with.

Reviewed by hand, not generated: a line that changes is a change of who may do what. The objects in
the paths belong to Dr Grey and Ana. `nobody` is a stranger, a deactivated person and somebody whose
sign-in is over; `link` came by a link into this very session, `other` by one into another session
of the same patient. What is sent is right in shape and moment, so that nothing but the person
decides. What the other methods and ways of asking are answered with follows from it: `status`.
"""

from __future__ import annotations

from functools import cache

COLUMNS = ("nobody", "grey", "house", "ana", "ben", "sam", "link", "other")

TABLE = """
                                                nobody grey house ana ben sam link other
GET  /                                             303  303  303  303 303 303  303  303
GET  /favicon.ico                                  302  302  302  302 302 302  302  302
GET  /static/<version>/<path:path>                 200  200  200  200 200 200  200  200
GET  /healthz                                      200  200  200  200 200 200  200  200
GET  /readyz                                       200  200  200  200 200 200  200  200
GET  /metrics                                      200  200  200  200 200 200  200  200

GET  /sign-in                                      200  200  200  200 200 200  200  200
POST /sign-in                                      422  422  422  422 422 422  422  422
GET  /sign-out                                     200  200  200  200 200 200  200  200
POST /sign-out                                     303  303  303  303 303 303  303  303
GET  /invitation/<token>                           200  200  200  200 200 200  200  200
POST /invitation/<token>                           303  303  303  303 303 303  303  303
GET  /join/<token>                                 200  200  200  200 200 200  200  200
POST /join/<token>                                 303  303  303  303 303 303  303  303

GET  /visits                                       303  200  200  403 403 200  403  403
GET  /visits/today                                 303  200  200  403 403 200  403  403
GET  /visits/rows                                  303  200  200  403 403 200  403  403
GET  /visits/new                                   303  200  200  403 403 200  403  403
POST /visits/new                                   303  303  303  403 403 303  403  403
GET  /visits/<visit_id>                            303  200  404  403 404 200  404  404
POST /visits/<visit_id>/close                      303  303  404  403 404 303  404  404
GET  /visits/<visit_id>/telemedicine               303  200  404  403 404 200  404  404
POST /visits/<visit_id>/telemedicine               303  303  404  403 404 403  404  404
GET  /visits/<visit_id>/telemedicine/sessions      303  200  404  403 404 200  404  404
GET  /visits/<visit_id>/telemedicine/new           303  200  404  403 404 403  404  404
GET  /visits/<visit_id>/telemedicine/form          303  200  404  403 404 200  404  404

GET  /telemedicine/<session_id>                    303  200  404  200 404 200  200  404
GET  /telemedicine/<session_id>/card               303  200  404  200 404 200  200  404
GET  /telemedicine/<session_id>/history            303  200  404  200 404 200  200  404
POST /telemedicine/<session_id>/start              303  303  404  403 404 403  403  404
POST /telemedicine/<session_id>/end                303  303  404  403 404 403  403  404
POST /telemedicine/<session_id>/cancel             303  303  404  403 404 303  403  404
POST /telemedicine/<session_id>/leave              303  303  404  303 404 403  303  404
POST /telemedicine/<session_id>/link               303  200  404  403 404 200  403  404
POST /telemedicine/<session_id>/link/revoke        303  303  404  403 404 303  403  404

GET  /telemedicine/<session_id>/call               303  200  404  200 404 403  200  404
POST /telemedicine/<session_id>/call/enter         401  200  404  200 404 403  200  404
POST /telemedicine/<session_id>/call/signal        401  200  404  200 404 403  200  404
POST /telemedicine/<session_id>/call/presence      401  200  404  200 404 403  200  404
POST /telemedicine/<session_id>/call/leave         401  200  404  200 404 403  200  404
POST /telemedicine/<session_id>/call/room          401  200  404  200 404 403  200  404
GET  /telemedicine/<session_id>/call/inbox         401  200  404  200 404 403  200  404
POST /telemedicine/<session_id>/call/consent       401  403  404  200 404 403  200  404
POST /telemedicine/<session_id>/call/recordings    401  201  404  403 404 403  403  404
POST /telemedicine/<session_id>/call/recordings/<recording_id>/pieces/<number> 401 200 404 403 404 403 403 404
POST /telemedicine/<session_id>/call/recordings/<recording_id>/finish 401 200 404 403 404 403 403 404
GET  /telemedicine/<session_id>/recordings/<recording_id> 303 200 404 403 404 403 403 404
GET  /telemedicine/<session_id>/recordings/<recording_id>/media 303 200 404 403 404 403 403 404
POST /telemedicine/<session_id>/recordings/<recording_id>/delete 303 303 404 403 404 403 403 404
GET  /live                                         401  200  200  200 200 200  200  200

GET  /patient-portal/dashboard                     303  403  403  200 200 403  403  403
GET  /patient-portal/next                          303  403  403  200 200 403  403  403
GET  /patient-portal/telemedicine                  303  403  403  200 200 403  403  403
GET  /patient-portal/telemedicine/list             303  403  403  200 200 403  403  403

GET  /admin/                                       303  403  403  403 403 303  403  403
GET  /admin/audit                                  303  403  403  403 403 200  403  403
GET  /admin/people                                 303  403  403  403 403 200  403  403
GET  /admin/people/new                             303  403  403  403 403 200  403  403
POST /admin/people/new                             303  403  403  403 403 200  403  403
GET  /admin/people/<user_id>                       303  403  403  403 403 200  403  403
POST /admin/people/<user_id>                       303  403  403  403 403 303  403  403
POST /admin/people/<user_id>/invite                303  403  403  403 403 200  403  403
POST /admin/people/<user_id>/deactivate            303  403  403  403 403 303  403  403
POST /admin/people/<user_id>/activate              303  403  403  403 403 303  403  403

POST /webhooks/<carrier>/<what>                    404  404  404  404 404 404  404  404

GET  /api/v1/openapi.json                          200  200  200  200 200 200  200  200
GET  /api/v1/docs                                  200  200  200  200 200 200  200  200
GET  /api/v1/telemedicine/                         401  200  200  200 200 200  200  200
POST /api/v1/telemedicine/                         401  201  404  403 404 403  404  404
GET  /api/v1/telemedicine/<session_id>/            401  200  404  200 404 200  200  404
POST /api/v1/telemedicine/<session_id>/start/      401  200  404  403 404 403  403  404
POST /api/v1/telemedicine/token/                   401  200  404  200 404 403  200  404
POST /api/v1/telemedicine/<session_id>/leave/      401  200  404  200 404 403  200  404
POST /api/v1/telemedicine/<session_id>/end/        401  200  404  403 404 403  403  404
POST /api/v1/telemedicine/<session_id>/cancel/     401  200  404  403 404 200  403  404
GET  /api/v1/telemedicine/<session_id>/history/    401  200  404  403 404 200  403  404
POST /api/v1/telemedicine/<session_id>/link/       401  201  404  403 404 201  403  404
GET  /api/v1/visits/                               401  200  200  200 200 200  200  200
POST /api/v1/visits/                               401  201  403  403 403 201  403  403
GET  /api/v1/visits/<visit_id>/                    401  200  404  200 404 200  404  404
POST /api/v1/visits/<visit_id>/close/              401  200  404  403 404 200  404  404
"""

PUBLIC = {
    "/",
    "/favicon.ico",
    "/static/<version>/<path:path>",
    "/healthz",
    "/readyz",
    "/metrics",
    "/sign-in",
    "GET /sign-out",
    "/invitation/<token>",
    "/join/<token>",
    "/webhooks/<carrier>/<what>",
    "/api/v1/openapi.json",
    "/api/v1/docs",
}
"""What is open to everybody, once more: a mark that is set by mistake shows here."""


WITH_FRAGMENT = {
    *(
        f"POST /telemedicine/<session_id>/{step}"
        for step in ("start", "end", "cancel", "leave", "link/revoke")
    ),
    "POST /visits/<visit_id>/telemedicine",
}
"""Where htmx is answered with the fragment at once, and a page with the way to it (303)."""

WAYS: dict[str, dict[str, str]] = {
    "page": {},
    "fragment": {"HX-Request": "true"},
    "JSON": {"Accept": "application/json", "X-Requested-With": "XMLHttpRequest"},
}
"""How one can ask, and the headers that say so."""

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@cache
def read() -> dict[str, dict[str, int]]:
    """The table by `METHOD /rule`, then by column."""
    lines = [line.split() for line in TABLE.splitlines() if line.strip()]
    assert tuple(lines[0]) == COLUMNS
    found = {
        f"{line[0]} {line[1]}": dict(zip(COLUMNS, map(int, line[2:]), strict=True)) for line in lines[1:]
    }
    assert len(found) == len(lines) - 1, "a route is there twice"
    return found


def is_public(row: str) -> bool:
    """Whether this row is open to everybody."""
    return row in PUBLIC or row.partition(" ")[2] in PUBLIC


def status(row: str, column: str, way: str = "page") -> int:
    """What this visitor is answered with, for any method and way of asking.

    HEAD is as GET; OPTIONS tells those who are signed in which methods there are, whatever else it is
    about; what stands in no row is nobody's.
    """
    method, _space, rule = row.partition(" ")
    if method == "OPTIONS":
        row = next(f"{one} {rule}" for one in METHODS if f"{one} {rule}" in read())
    elif method == "HEAD":
        row = f"GET {rule}"
    if row not in read():
        return 405
    found = read()[row][column]
    if column == "nobody" and not is_public(row):
        return 401 if way == "fragment" else found
    if method == "OPTIONS":
        return 200
    return 200 if way == "fragment" and found == 303 and row in WITH_FRAGMENT else found
