"""Every two things that can be done with a session at the same moment, over two workers."""

from itertools import combinations_with_replacement

import pytest
from support.race import ACTIONS, Track
from support.wire import Wires
from test_races import at_once

from telehealth import audit

PAIRS = list(combinations_with_replacement(ACTIONS, 2))


def test_any_two_at_the_same_moment_leave_what_is_legal(app, server, request: pytest.FixtureRequest):
    wires = Wires(server)
    doors = [*wires.each_worker("sam"), *wires.each_worker("sam")]
    track = Track(app)
    for number in range(request.config.getoption("rounds")):
        for pair in PAIRS:
            lap = track.lap(number)
            turns = [*pair, *reversed(pair)]
            found = at_once([lap.work(one, door) for one, door in zip(turns, doors, strict=True)])
            answers = [(one, *answer) for one, (answer,) in zip(turns, found, strict=True)]
            assert not [text for _one, _status, text in answers if "locked" in text]
            lap.check(answers)
    wires.close()
    with app.app_context():
        assert audit.verify().bad_id is None
    assert "locked" not in server.log
