"""Which page of a long list is shown."""

import pytest

from telehealth import paging


@pytest.mark.parametrize(
    ("page", "count", "shown"),
    [
        (1, 0, (1, 1)),
        (1, 10, (1, 1)),
        (1, 11, (1, 2)),
        (2, 11, (2, 2)),
        (3, 11, (2, 2)),
        (0, 11, (1, 2)),
        (-(10**30), 11, (1, 2)),
        (10**30, 30, (3, 3)),
    ],
)
def test_a_page_that_there_is_not_is_the_nearest_one(page, count, shown):
    assert paging.place(page, count, 10) == shown
