"""Which characters are kept, and which lines deceive whoever reads them."""

import pytest

from telehealth import texts


@pytest.mark.parametrize(
    "line",
    [
        *(
            "Ana Lima",
            "Zoë O’Neill-Ğül",
            "李小龙",
            "עדי כהן",
            "محمد",
            "ลลิตา",
            "Ana\u200dB",
            "X",
            "🩺",
            "3rd floor",
        ),
        *("a\u200fb", "e\u0301", "<script>", "{{ 1 }}", "'; DROP TABLE users; --", ""),
    ],
)
def test_what_people_really_write_is_taken(line):
    assert not texts.is_unkept(line)
    assert not texts.is_deceptive(line)


@pytest.mark.parametrize(
    "line",
    [
        *(
            "Ana\u202eamiL",
            "\u2066Ana",
            "Ana\u2069",
            "Ana\x1b[2J",
            "Ana\x00",
            "Ana\x7f",
            "Ana\x85",
            "Ana\nLima",
        ),
        *("\u200b", "\u2060\ufeff", "\u3164", " \u00a0\u2003", "\u0301\u0301", "\u2800", "Ana\udc00"),
    ],
)
def test_a_line_that_is_not_what_it_looks_like_is_known(line):
    assert texts.is_deceptive(line)


@pytest.mark.parametrize("text", ["\x00", "a\x00b", "\ud800", "a\udfffb"])
def test_what_no_database_keeps_is_known(text):
    assert texts.is_unkept(text)
