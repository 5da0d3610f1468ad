"""The files of recordings that browsers made: one a recording, in a folder that nobody else may read."""

from __future__ import annotations

import os
from pathlib import Path

from flask import current_app

from telehealth.models import Recording

SUFFIXES = {"video/mp4": "mp4", "video/webm": "webm"}


class Lost(Exception):
    """What was written before is not there any more."""


def path(recording: Recording) -> Path:
    """Where the file of this recording is, or would be."""
    folder = Path(current_app.config["RECORDINGS"])
    return folder / f"{recording.id}.{SUFFIXES[recording.media_type]}"


def write(recording: Recording, data: bytes) -> None:
    """Put `data` behind the bytes that count so far. The caller holds the recording's lock.

    What a process that died had written beyond them is overwritten. Raises Lost.
    """
    file, offset = path(recording), recording.size_bytes
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    flags = os.O_RDWR | os.O_NOFOLLOW | (0 if offset else os.O_CREAT)
    try:
        with os.fdopen(os.open(file, flags, 0o600), "r+b") as opened:
            if os.fstat(opened.fileno()).st_size < offset:
                raise Lost
            opened.truncate(offset)
            opened.seek(offset)
            opened.write(data)
    except FileNotFoundError:
        raise Lost from None


def is_whole(recording: Recording) -> bool:
    """Whether all that counts is there."""
    try:
        return path(recording).stat().st_size >= recording.size_bytes
    except FileNotFoundError:
        return False


def remove(recording: Recording) -> None:
    """Delete the file; one that is not there is fine."""
    path(recording).unlink(missing_ok=True)
