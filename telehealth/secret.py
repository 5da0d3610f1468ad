"""Secrets that travel in links, cookies and headers: made here, kept by their hash alone."""

import hashlib
import secrets


def new_token() -> str:
    """A secret of 256 random bits, safe in a URL."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """What the database keeps of a secret; random secrets need no salt and no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()
