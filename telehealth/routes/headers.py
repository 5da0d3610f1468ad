"""The headers of every answer: what the browser may load, keep, and tell others."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, Response, current_app, g, request

from telehealth import video
from telehealth.assets import Assets

POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "media-src 'self' blob: mediastream:",
        "font-src 'self'",
        "worker-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
_SHUT = "camera=(), microphone=(), display-capture=(), geolocation=(), payment=(), usb=()"
_CALL = (
    "camera=(self), microphone=(self), display-capture=(self), screen-wake-lock=(self), "
    "geolocation=(), payment=(), usb=()"
)
_ALWAYS = (
    ("Referrer-Policy", "no-referrer"),
    ("X-Frame-Options", "DENY"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)


def init_app(app: Flask) -> None:
    """Put the headers on every answer that the app gives."""
    app.after_request(add)


def add(response: Response) -> Response:
    """Content-Security-Policy and its relatives; nothing of a signed-in answer is kept anywhere."""
    headers = response.headers
    in_call = request.endpoint == "call.show"
    headers["Content-Security-Policy"] = _policy_of_the_call() if in_call else POLICY
    headers["Permissions-Policy"] = _CALL if in_call else _SHUT
    headers["X-Content-Type-Options"] = "nosniff"
    headers.extend(_ALWAYS)
    if current_app.config["SETTINGS"].https:
        headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    if response.mimetype == "text/html" and g.get("actor") and not in_call:
        assets: Assets = current_app.extensions["assets"]
        headers["Speculation-Rules"] = f'"{assets.url("ahead.rules")}"'
    if request.endpoint != "static_file":
        headers["Cache-Control"] = "no-store"
        headers.add("Vary", "Cookie, HX-Request")
    if "://" in (location := headers.get("Location", "")):
        # The framework writes the host that was asked for, which behind a proxy is not the public one.
        parts = urlsplit(location)
        headers["Location"] = f"/{parts.path.lstrip('/')}{'?' if parts.query else ''}{parts.query}"
    if "request_id" in g:
        headers["X-Request-Id"] = g.request_id
    return response


def _policy_of_the_call() -> str:
    """The call page alone may speak to the video provider."""
    sources = " ".join(("'self'", *video.provider().connects_to))
    return POLICY.replace("connect-src 'self'", f"connect-src {sources}")
