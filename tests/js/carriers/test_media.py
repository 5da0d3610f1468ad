"""The contract of room.js: what is sent and seen and heard, on every carrier alike."""

from __future__ import annotations

import pytest


def test_somebody_who_comes_late_meets_what_is_off_as_off(page):
    found = page.evaluate(
        """async () => {
          const a = await come('a');
          a.setMicrophone(false);
          a.setTrack('camera', null);
          const b = await come('b');
          await meet(a, b);
          await until(() => !find(b, 'a').media.mic && !find(b, 'a').media.cam);
          return [find(b, 'a').media, find(a, 'b').media];
        }"""
    )
    assert found == [
        {"mic": False, "cam": False, "screen": False},
        {"mic": True, "cam": True, "screen": False},
    ]


def test_muting_and_the_camera_are_told_and_undone(page):
    found = page.evaluate(
        """async () => {
          const own = await devices();
          const a = await come('a', { tracks: own });
          const b = await come('b');
          await meet(a, b);
          const seen = () => ({ ...find(b, 'a').media });
          const steps = [];
          const step = async (act, done) => {
            act();
            await until(() => done(seen()), 15000);
            steps.push(Object.values(seen()).slice(0, 2));
          };
          await step(() => a.setMicrophone(false), ({ mic }) => !mic);
          steps.push(own.microphone.enabled);
          await step(() => a.setTrack('camera', null), ({ cam }) => !cam);
          await step(() => a.setMicrophone(true), ({ mic }) => mic);
          steps.push(own.microphone.enabled);
          const again = (await devices()).camera;
          await step(() => a.setTrack('camera', again), ({ cam }) => cam);
          await until(() => find(b, 'a').tracks.camera);
          await plays(b, 'a');
          return { steps, told: told(b, 'remote-state', 'a').length >= 4, live: again.readyState };
        }"""
    )
    assert found["steps"] == [[False, True], False, [False, False], [True, False], True, [True, True]]
    assert found["told"]
    assert found["live"] == "live"


def test_tracks_are_exchanged_in_place_and_stay_the_pages_own(page):
    found = page.evaluate(
        """async () => {
          const own = await devices();
          const a = await come('a', { tracks: own });
          const b = await come('b');
          await meet(a, b);
          const fresh = await devices();
          a.setTrack('camera', fresh.camera);
          a.setTrack('microphone', fresh.microphone);
          const old = [own.camera.readyState, own.microphone.readyState];
          own.camera.stop();
          own.microphone.stop();
          await until(() => find(b, 'a')?.tracks.camera && find(b, 'a').media.cam && find(b, 'a').media.mic);
          await sleep(500);
          await plays(b, 'a');
          go(a, 'a');
          return { old, own: [fresh.camera.readyState, fresh.microphone.readyState], state: b.state };
        }"""
    )
    assert found["old"] == ["live", "live"], "the carrier stopped what is the page's"
    assert found["own"] == ["live", "live"], "leaving stopped what is the page's"


def test_who_muted_before_there_was_a_microphone_stays_muted_when_it_comes(page):
    found = page.evaluate(
        """async () => {
          const own = await devices();
          const a = await come('a', { tracks: nothing, muted: true });
          const b = await come('b');
          await meet(a, b);
          a.setTrack('microphone', own.microphone);
          a.setTrack('camera', own.camera);
          await until(() => find(b, 'a').media.cam);
          await plays(b, 'a');
          const muted = [own.microphone.enabled, find(b, 'a').media.mic];
          a.setMicrophone(true);
          await until(() => find(b, 'a').media.mic);
          return [...muted, own.microphone.enabled];
        }"""
    )
    assert found == [False, False, True]


def test_without_any_device_one_is_connected_and_sees_the_other(page):
    found = page.evaluate(
        """async () => {
          const a = await come('a', { tracks: nothing });
          const b = await come('b');
          await meet(a, b);
          await until(() => find(a, 'b').tracks.camera);
          await plays(a, 'b');
          return [find(b, 'a').media, b.state];
        }"""
    )
    assert found == [{"mic": False, "cam": False, "screen": False}, "connected"]


# On Twilio the media server measures it, and the double has none.
@pytest.mark.parametrize("carrier", ["peer"])
def test_quality_is_a_level_from_0_to_5(page):
    level = page.evaluate(
        """async () => {
          const [a, b] = [await come('a'), await come('b')];
          const level = new Promise((resolve) => a.on('quality', ({ level }) => resolve(level)));
          await meet(a, b);
          return level;
        }"""
    )
    assert level in range(6)
