"""The static files: compressed, under a name that changes with any of them, kept for ever.

The version in `/static/<version>/<path>` is one hash over all the files, because the JavaScript
modules import each other by relative paths: a page gets one whole set or another, never a mix.
"""

import gzip
import hashlib
import mimetypes
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from flask import Flask, Response, abort, redirect, request
from werkzeug.wrappers import Response as AnyResponse

STATIC = Path(__file__).parent / "static"
FOR_EVER = "public, max-age=31536000, immutable"
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".LICENSE": "text/plain; charset=utf-8",
    # What a browser may fetch before it is asked for.
    ".rules": "application/speculationrules+json",
}
COMPRESSIBLE = ("text/", "image/svg+xml", "application/json")


class StaticFile(NamedTuple):
    """One file, read once: `packed` is None where gzip gains nothing."""

    plain: bytes
    packed: bytes | None
    content_type: str


class Assets:
    """What lies in the folder; with `watch` it looks again whenever a file has changed."""

    def __init__(self, folder: Path, watch: bool = False) -> None:
        self.folder = folder
        self.watch = watch
        self._stamp: tuple[tuple[str, int, int], ...] = ()
        self._files: dict[str, Path] = {}
        self._urls: dict[str, str] = {}
        self._version = ""
        self._read = lru_cache(maxsize=None)(self._read_file)
        self._scan()

    @property
    def version(self) -> str:
        """The hash over the names and the content of all files."""
        self._look_again()
        return self._version

    def get(self, path: str) -> StaticFile | None:
        """The file, or None for whatever was not in the folder when it was scanned."""
        self._look_again()
        return self._read(path) if path in self._files else None

    def url(self, path: str) -> str:
        """Where the file is served now. Raises LookupError for one that is not there.

        A page has dozens of icons: looked up, not built by the router each time.
        """
        self._look_again()
        try:
            return self._urls[path]
        except KeyError:
            raise LookupError(f"There is no static file {path!r}") from None

    def _look_again(self) -> None:
        if self.watch and self._stamps() != self._stamp:
            self._scan()

    def _found(self) -> dict[str, Path]:
        return {
            path.relative_to(self.folder).as_posix(): path
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and not path.name.startswith(".")
        }

    def _stamps(self) -> tuple[tuple[str, int, int], ...]:
        return tuple(
            (name, path.stat().st_mtime_ns, path.stat().st_size) for name, path in self._found().items()
        )

    def _scan(self) -> None:
        self._stamp = self._stamps()
        self._files = self._found()
        total = hashlib.sha256()
        for name, path in self._files.items():
            total.update(name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
        self._version = total.hexdigest()[:16]
        self._urls = {name: f"/static/{self._version}/{quote(name)}" for name in self._files}
        self._read.cache_clear()

    def _read_file(self, path: str) -> StaticFile:
        plain = self._files[path].read_bytes()
        suffix = Path(path).suffix
        kind = TYPES.get(suffix) or mimetypes.guess_type(path)[0] or "application/octet-stream"
        packed = gzip.compress(plain, 9, mtime=0) if kind.startswith(COMPRESSIBLE) else None
        if packed is not None and len(packed) >= len(plain):
            packed = None
        return StaticFile(plain, packed, kind)


def init_app(app: Flask, folder: Path = STATIC) -> None:
    """Serve the folder under `/static/` and give templates `asset("app.css")`.

    The application must have been made with `static_folder=None`.
    """
    assets = Assets(folder, watch=app.debug)
    app.extensions["assets"] = assets

    def static_file(version: str, path: str) -> Response:
        """The file; one from before or after a deploy is answered too, but not kept."""
        file = assets.get(path)
        if file is None:
            abort(404)
        packed = file.packed if request.accept_encodings["gzip"] else None
        response = Response(packed or file.plain, content_type=file.content_type)
        response.headers["Cache-Control"] = FOR_EVER if version == assets.version else "no-cache"
        response.headers["X-Content-Type-Options"] = "nosniff"
        if file.packed is not None:
            response.headers["Vary"] = "Accept-Encoding"
        if packed is not None:
            response.headers["Content-Encoding"] = "gzip"
        return response

    def favicon() -> AnyResponse:
        return redirect(assets.url("favicon.svg"), 302)

    views: list[tuple[str, str, Any]] = [
        ("/static/<version>/<path:path>", "static_file", static_file),
        ("/favicon.ico", "favicon", favicon),
    ]
    for rule, endpoint, view in views:
        view.public = True
        app.add_url_rule(rule, endpoint, view)
    app.jinja_env.globals["asset"] = assets.url
