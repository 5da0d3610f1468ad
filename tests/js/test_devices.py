"""Camera and microphone, with a browser that fails in each of its ways."""

import pytest

# getUserMedia answers from `fails`: by what is asked for ("audio video", "audio", "video"), an error.
STUB = """
async () => {
  const { capture, Devices } = await import('/call/devices.js');
  window.fails = {};
  window.asked = [];
  const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const what = ['audio', 'video'].filter((kind) => wanted[kind]).join(' ');
    asked.push(what);
    if (fails[what]) throw new DOMException('no', fails[what]);
    return real(wanted);
  };
  window.taken = async (given = {}) => {
    Object.assign(fails, given);
    const { audio, video, problem } = await capture({ audio: {}, video: {} });
    return { audio: audio?.kind ?? null, video: video?.kind ?? null, problem, asked };
  };
  window.open = async (wanted) => {
    const devices = new Devices(wanted);
    devices.events = [];
    devices.on('track', ({ source, track }) => devices.events.push([source, Boolean(track)]));
    await devices.open();
    return devices;
  };
  window.state = (devices) => ({
    on: [devices.isOn('microphone'), devices.isOn('camera')],
    tracks: [Boolean(devices.tracks.microphone), Boolean(devices.tracks.camera)],
    problem: devices.problem,
  });
}
"""


@pytest.fixture
def page(static_page):
    static_page.evaluate(STUB)
    return static_page


def failing(name, *steps):
    return dict.fromkeys(steps, name)


BOTH, AUDIO, VIDEO = "audio video", "audio", "video"


FAILURES = [
    # what fails, what is had of sound and pictures, what is said of it, what was asked for
    ({}, AUDIO, VIDEO, None, [BOTH]),
    (failing("NotFoundError", BOTH, VIDEO), AUDIO, None, "missing", [BOTH, AUDIO]),
    (failing("NotFoundError", BOTH, AUDIO), None, VIDEO, "missing", [BOTH, AUDIO, VIDEO]),
    (failing("NotFoundError", BOTH, AUDIO, VIDEO), None, None, "missing", [BOTH, AUDIO, VIDEO]),
    (failing("NotAllowedError", BOTH, AUDIO, VIDEO), None, None, "blocked", [BOTH, AUDIO, VIDEO]),
    (failing("NotReadableError", BOTH, VIDEO), AUDIO, None, "busy", [BOTH, AUDIO]),
    (failing("AbortError", BOTH, AUDIO, VIDEO), None, None, "busy", [BOTH, AUDIO, VIDEO]),
    (failing("OverconstrainedError", BOTH, AUDIO, VIDEO), None, None, "missing", [BOTH, AUDIO, VIDEO]),
    (
        {BOTH: "NotFoundError", AUDIO: "NotAllowedError", VIDEO: "NotFoundError"},
        None,
        None,
        "blocked",
        [BOTH, AUDIO, VIDEO],
    ),
]


def test_what_can_be_had_is_taken(page):
    for fails, audio, video, problem, asked in FAILURES:
        found = page.evaluate("(given) => { fails = {}; asked = []; return taken(given); }", fails)
        assert found == {"audio": audio, "video": video, "problem": problem, "asked": asked}, fails


def test_a_page_without_https_says_so(page):
    found = page.evaluate(
        """() => {
          Object.defineProperty(navigator, 'mediaDevices', { value: undefined });
          return taken();
        }"""
    )
    assert (found["audio"], found["video"], found["problem"]) == (None, None, "insecure")


def test_muting_keeps_the_track_and_camera_off_lets_it_go(page):
    found = page.evaluate(
        """async () => {
          const devices = await open();
          const { microphone, camera } = devices.tracks;
          await devices.toggle('microphone');
          await devices.toggle('camera');
          const off = { ...state(devices), ready: [microphone.readyState, camera.readyState],
            enabled: microphone.enabled };
          await devices.toggle('microphone');
          await devices.toggle('camera');
          return { off, on: state(devices), enabled: devices.tracks.microphone.enabled, asked };
        }"""
    )
    assert found["off"] == {
        "on": [False, False],
        "tracks": [True, False],
        "problem": None,
        "ready": ["live", "ended"],
        "enabled": False,
    }
    assert found["on"] == {"on": [True, True], "tracks": [True, True], "problem": None}
    assert found["enabled"] is True
    assert found["asked"] == [BOTH, VIDEO]


def test_what_was_off_before_a_reload_stays_off(page):
    found = page.evaluate(
        """async () => {
          const devices = await open({ microphone: false, camera: false });
          return { ...state(devices), asked, enabled: devices.tracks.microphone.enabled };
        }"""
    )
    assert found == {
        "on": [False, False],
        "tracks": [True, False],
        "problem": None,
        "asked": [AUDIO],
        "enabled": False,
    }


def test_trying_again_asks_only_for_what_is_missing(page):
    found = page.evaluate(
        """async () => {
          Object.assign(fails, { 'audio video': 'NotReadableError', video: 'NotReadableError' });
          const devices = await open();
          const before = state(devices);
          await devices.retry();
          const still = state(devices).problem;
          fails = {};
          await devices.retry();
          return { before, still, after: state(devices), asked };
        }"""
    )
    assert found["before"] == {"on": [True, False], "tracks": [True, False], "problem": "busy"}
    assert found["still"] == "busy"
    assert found["after"] == {"on": [True, True], "tracks": [True, True], "problem": None}
    assert found["asked"] == [BOTH, AUDIO, VIDEO, VIDEO]


def test_a_camera_turned_off_while_the_browser_asks_is_let_go(page):
    found = page.evaluate(
        """async () => {
          const { Devices } = await import('/call/devices.js');
          const devices = new Devices();
          const real = navigator.mediaDevices.getUserMedia;
          let given;
          navigator.mediaDevices.getUserMedia = async (wanted) => {
            given = await real(wanted);
            return given;
          };
          const opening = devices.open();
          const before = devices.isOn('camera');
          devices.toggle('camera');
          await opening;
          return { before, after: state(devices), camera: given.getVideoTracks()[0].readyState };
        }"""
    )
    assert found["before"] is True
    assert found["after"] == {"on": [True, False], "tracks": [True, False], "problem": None}
    assert found["camera"] == "ended"


def test_a_device_that_goes_away_is_replaced(page):
    found = page.evaluate(
        """async () => {
          const devices = await open();
          const { camera } = devices.tracks;
          camera.stop();
          camera.onended();
          const gone = state(devices).tracks;
          await until(() => devices.tracks.camera);
          return { gone, back: state(devices), other: devices.tracks.camera !== camera };
        }"""
    )
    assert found["gone"] == [True, False]
    assert found["back"]["tracks"] == [True, True]
    assert found["other"]


def test_dead_tracks_are_opened_anew_when_the_page_comes_back(page):
    found = page.evaluate(
        """async () => {
          const devices = await open();
          Object.defineProperty(devices.tracks.camera, 'muted', { value: true });
          Object.defineProperty(devices.tracks.microphone, 'muted', { value: true });
          asked.length = 0;
          await devices.revive();
          const revived = [...asked];
          asked.length = 0;
          await devices.revive();
          return { revived, then: asked, state: state(devices) };
        }"""
    )
    assert found["revived"] == [BOTH]
    assert found["then"] == []
    assert found["state"]["tracks"] == [True, True]


def test_another_device_that_cannot_be_opened_gives_the_usual_one_back(page):
    found = page.evaluate(
        """async () => {
          const devices = await open();
          await devices.choose('camera', 'no such camera');
          const choices = await devices.choices();
          return { state: state(devices), kinds: choices.map(({ kind }) => kind),
            used: choices.filter(({ used }) => used).length };
        }"""
    )
    assert found["state"] == {"on": [True, True], "tracks": [True, True], "problem": None}
    assert {"audioinput", "videoinput", "audiooutput"} <= set(found["kinds"])
    assert found["used"] >= 2


def test_stopping_lets_go_of_everything(page):
    found = page.evaluate(
        """async () => {
          const devices = await open();
          const tracks = Object.values(devices.tracks);
          devices.stop();
          await devices.retry();
          return [tracks.map(({ readyState }) => readyState), state(devices).tracks];
        }"""
    )
    assert found == [["ended", "ended"], [False, False]]
