"""Passwords: which are taken, how they are kept, how they are compared."""

import pytest
from argon2 import PasswordHasher, extract_parameters

from telehealth import passwords
from telehealth.errors import Invalid

GOOD = "a long walk by the sea"


@pytest.fixture(autouse=True)
def _here(app):
    """Refusals are told in words, and words need an app."""
    with app.app_context():
        yield


@pytest.fixture
def database_url(tmp_path):
    """Nothing here asks the database: one is enough, and it may be empty."""
    return f"sqlite:///{tmp_path / 'empty.sqlite'}"


def refusal(password, about=()):
    with pytest.raises(Invalid) as found:
        passwords.check_new(password, about=about, field="password")
    (words,) = found.value.fields["password"]
    return words


@pytest.mark.parametrize(
    "password",
    [
        GOOD,
        "x7-qz4" * 3,
        "no capitals no digits no signs",
        "ein langer Gang am Meer",
        "mañana será otro día",
        "長い散歩を海のそばでしましょうねえ",
        " spaces at both ends ",
        "a1b2c" * 25 + "xyz",
    ],
)
def test_a_long_password_is_taken_whatever_it_is_made_of(password):
    passwords.check_new(password)


@pytest.mark.parametrize("length", [0, 1, 8, 14])
def test_a_short_password_is_refused(length):
    assert "at least 15" in refusal("a long walk by the sea"[:length])


def test_an_endless_password_is_refused():
    passwords.check_new((GOOD * 10)[:128])
    assert "at most 128" in refusal((GOOD * 10)[:129])


@pytest.mark.parametrize("password", ["aaaaaaaaaaaaaaaaaaaa", "abababababababab", "1111111111111111"])
def test_a_monotonous_password_is_refused(password):
    assert "easy to guess" in refusal(password)


def test_a_common_password_is_refused_in_any_spelling():
    common = next(one for one in sorted(passwords._common()) if len(one) >= passwords.SHORTEST)
    for spelling in (common, common.upper(), common.title()):
        assert "easy to guess" in refusal(spelling)


def test_every_common_password_is_one_that_could_be_typed():
    assert all(one == one.casefold() for one in passwords._common())
    assert any(len(one) >= passwords.SHORTEST for one in passwords._common())


def test_a_password_made_of_what_is_known_of_its_owner_is_refused():
    about = ("Ana Lima", "ana", "people.example")
    for password in ("ana lima ana lima", "I am ANA LIMA, really", "people.example is mine"):
        assert "name" in refusal(password, about)
    passwords.check_new("bananas in the morning", about=about)


def test_a_password_is_kept_by_argon2id_with_the_settings_of_owasp():
    kept = passwords.hash_new(GOOD)
    assert GOOD not in kept
    assert kept.startswith("$argon2id$")
    parameters = extract_parameters(kept)
    assert (parameters.time_cost, parameters.memory_cost, parameters.parallelism) == (2, 19 * 1024, 1)
    assert len(kept) <= 200


def test_the_same_password_is_never_kept_alike():
    assert passwords.hash_new(GOOD) != passwords.hash_new(GOOD)


def test_only_the_password_itself_matches():
    kept = passwords.hash_new(GOOD)
    assert passwords.matches(GOOD, kept)
    for wrong in ("", GOOD.title(), GOOD + " ", GOOD[:-1]):
        assert not passwords.matches(wrong, kept)


def test_an_over_long_password_never_reaches_the_hash(monkeypatch):
    seen = []
    monkeypatch.setattr(passwords, "_apart", lambda _work, _kept, password: seen.append(password) or False)
    assert not passwords.matches("x" * 1_000_000, passwords._decoy())
    assert seen == [""]


def test_where_there_is_no_password_nothing_matches():
    assert not passwords.matches("nobody has this password", None)
    assert not passwords.matches("", None)


def test_a_hash_that_is_broken_matches_nothing():
    for broken in ("", "x", "$argon2id$v=19$broken", PasswordHasher().hash("x")[:-4]):
        assert not passwords.matches(GOOD, broken)
