"""How a call of two over Twilio is connected, on a computer and on a telephone, by a false library."""

from __future__ import annotations

import pytest
from support import false_twilio

DEVICES = {"computer": {}, "telephone": {"has_touch": True, "is_mobile": True}}
MANY_CORES = "Object.defineProperty(navigator, 'hardwareConcurrency', { value: 8 })"


@pytest.fixture(params=DEVICES)
def kind(request):
    return request.param


@pytest.fixture
def device(kind):
    return DEVICES[kind]


@pytest.fixture
def page(fresh_page):
    false_twilio.serve(fresh_page)
    for script in (MANY_CORES, false_twilio.ROOM, false_twilio.COME):
        fresh_page.evaluate(script)
    return fresh_page


def options(kind):
    """What the library is to be told, with nothing beside it: no simulcast, no codec, no bitrate of sound."""
    video = {"mode": "grid", "clientTrackSwitchOffControl": "manual", "contentPreferencesMode": "manual"}
    if kind == "telephone":
        video["maxSubscriptionBitrate"] = 2_500_000
    return {
        "name": "r",
        "bandwidthProfile": {"video": video},
        "networkQuality": {"local": 1, "remote": 1},
        "insights": False,
    }


def test_a_call_of_two_is_connected_as_one_of_two_each_time_anew(page, kind):
    found = page.evaluate(
        """async () => {
          window.made = [];
          window.connects = () => { made.push(falseRoom()); return made.at(-1); };
          await come('t');
          await until(() => made.length);
          made[0].say('disconnected', made[0], { code: 53001 });
          await until(() => made.length === 2);
          return attempts.map(({ options }) => options);
        }"""
    )
    assert found == [options(kind)] * 2


def test_the_camera_gives_what_the_device_can_send(page, kind):
    found = page.evaluate(
        """async () => {
          const { capture } = await import('/call/devices.js');
          let wanted;
          navigator.mediaDevices.getUserMedia = async (given) => {
            wanted = given;
            return new MediaStream();
          };
          await capture({ audio: {}, video: {} });
          const { width, height, frameRate } = wanted.video;
          return [width.ideal, height.ideal, frameRate.ideal];
        }"""
    )
    assert found == {"computer": [1280, 720, 24], "telephone": [640, 480, 24]}[kind]
