"""Tokens of programs: whom they act for, and what somebody who guesses gets."""

import pytest
from support.domain import head, rows, told

from telehealth import access, api_tokens, limits
from telehealth.errors import TooMany
from telehealth.models import ApiToken
from telehealth.origin import Origin
from telehealth.secret import digest

DESK = Origin("192.0.2.1", "a program", "0123456789abcdef")


@pytest.fixture(autouse=True)
def _here(inside):
    """Every test is inside the app."""


def test_a_bearer_token_acts_for_its_person(dr_grey, sam):
    since = head()
    user = access.load_person(dr_grey.id, by=sam.actor)
    token = api_tokens.create(user, "lab", by=sam.actor)
    actor = api_tokens.find(token, DESK)
    assert (actor.user_id, actor.via, actor.sign_in_id) == (dr_grey.id, "token", None)
    assert [(row["name"], row["token_hash"]) for row in rows(ApiToken)] == [("lab", digest(token))]
    assert told(since) == ["user.api_token by staff"]


def test_guessing_bearer_tokens_is_limited_by_address(monkeypatch, dr_grey, sam):
    monkeypatch.setattr(limits, "PER_ADDRESS", 3)
    token = api_tokens.create(access.load_person(dr_grey.id, by=sam.actor), "", by=sam.actor)
    for _ in range(3):
        assert api_tokens.find("th_guess", DESK) is None
    with pytest.raises(TooMany):
        api_tokens.find("th_guess", DESK)
    assert api_tokens.find(token, DESK) is not None
