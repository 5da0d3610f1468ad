"""Two connections in one page, with nothing between them but a little time."""

import pytest

# pair(name, options): both ends, joined with each other; messages take 5 ms and keep their order.
PAIRS = """
async () => {
  const { Pair } = await import('/call/pair.js');
  window.made = [];
  const Native = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Native {
    constructor(...given) { super(...given); made.push(this); }
  };
  window.tracks = async () => {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
    return { microphone: stream.getAudioTracks()[0], camera: stream.getVideoTracks()[0] };
  };
  // A camera that gave one picture, and the element that shows it.
  window.stillCamera = async () => {
    const canvas = document.createElement('canvas');
    const context = canvas.getContext('2d');
    context.fillRect(0, 0, 9, 9);
    const track = canvas.captureStream(0).getVideoTracks()[0];
    const shown = document.createElement('video');
    shown.muted = true;
    shown.srcObject = new MediaStream([track]);
    track.requestFrame();
    context.fillRect(0, 0, 9, 9);
    await shown.play();
    return { track, shown };
  };
  window.sends = (end) => made[end].getSenders()[1].track;
  window.two = async ({ offerers = [true, false], lose = () => false, still } = {}) => {
    const own = await tracks();
    const ends = ['a', 'b'].map((name) => ({ name, pair: new Pair({}), states: [], seen: {}, sent: [] }));
    ends.forEach((end, index) => {
      const other = ends[1 - index];
      end.pair
        .on('state', (state) => end.states.push(state))
        .on('track', ({ source, track }) => { end.seen[source] = track; })
        .on('media', (media) => { end.media = media; });
      end.pair.open(offerers[index]);
      for (const source of ['microphone', 'camera']) end.pair.setTrack(source, own[source]);
      if (still) end.pair.setTrack('camera', still.track, still.shown);
      end.pair.tell({ mic: true, cam: true, screen: false });
      end.send = (body) => {
        const plain = JSON.parse(JSON.stringify(body));
        end.sent.push(plain);
        if (!lose(end.name, plain)) setTimeout(() => other.pair.receive(plain), 5);
      };
    });
    ends.forEach((end, index) => end.pair.join({ polite: index === 1, send: end.send }));
    return ends;
  };
  window.connected = (ends) => until(() => ends.every(({ pair }) => pair.state === 'connected'), 15000);
  window.decoded = async ({ pair }) => {
    const found = { audio: 0, video: 0, lines: 0 };
    for (const [, stat] of await pair.stats()) {
      if (stat.type !== 'inbound-rtp') continue;
      found[stat.kind] += stat.kind === 'video' ? stat.framesDecoded ?? 0 : stat.packetsReceived ?? 0;
    }
    return found;
  };
  window.flows = async (ends) => {
    const grows = async (end) => {
      const before = await decoded(end);
      return until(async () => {
        const now = await decoded(end);
        return now.video > before.video + 3 && now.audio > before.audio + 3;
      }, 15000);
    };
    await Promise.all(ends.map(grows));
    return true;
  };
  window.lines = () => made.filter((one) => one.connectionState === 'connected')
    .map((one) => one.currentLocalDescription.sdp.split('\\n').filter((row) => row.startsWith('m=')).length);
}
"""


@pytest.fixture
def page(static_page):
    static_page.evaluate(PAIRS)
    return static_page


def test_two_connect_with_three_media_lines_and_a_channel(page):
    found = page.evaluate(
        """async () => {
          const ends = await two();
          await connected(ends);
          await until(() => ends.every(({ media }) => media));
          await flows(ends);
          const ways = ends.map(({ sent }) => sent.filter(({ description }) => description)
            .map(({ description: { type } }) => type));
          return { ways, lines: lines(), media: ends.map(({ media }) => media), states: ends[0].states,
            seen: ends.map(({ seen }) => Object.keys(seen)), made: made.length };
        }"""
    )
    assert found["ways"] == [["offer"], ["answer"]]
    assert found["lines"] == [4, 4], "three of media, one of data"
    assert found["made"] == 2
    assert found["states"] == ["connected"]
    assert found["media"] == [{"mic": True, "cam": True, "screen": False}] * 2
    assert found["seen"] == [["microphone", "camera", "screen"]] * 2


def test_the_first_description_holds_the_first_ways(page):
    first = page.evaluate("async () => (await two())[0].sent.concat(await sleep(300) ?? [])[0]")
    assert "a=candidate:" in first["description"]["sdp"]


def test_two_first_offers_that_meet_end_in_one_connection(page):
    found = page.evaluate(
        """async () => {
          const ends = await two({ offerers: [true, true] });
          await connected(ends);
          await flows(ends);
          return { lines: lines(), open: made.filter((one) => one.connectionState !== 'closed').length };
        }"""
    )
    assert found == {"lines": [4, 4], "open": 2}


def test_restarts_of_both_at_once_are_resolved_each_time(page):
    found = page.evaluate(
        """async () => {
          const ends = await two();
          await connected(ends);
          for (let round = 0; round < 8; round += 1) {
            ends.forEach(({ pair }) => pair.restart());
            await until(() => ends.every(({ sent }) => sent.length));
            await sleep(150);
          }
          await until(() => made.every((one) => one.signalingState === 'stable'));
          await flows(ends);
          const offer = ({ description }) => description?.type === 'offer';
          const offers = ends.map(({ sent }) => sent.filter(offer).length);
          return { lines: lines(), made: made.length, offers, states: ends.map(({ pair }) => pair.state) };
        }"""
    )
    assert found["lines"] == [4, 4]
    assert found["made"] == 2
    assert sum(found["offers"]) > 8, "some offers must have met"
    assert found["states"] == ["connected", "connected"]


def test_the_other_side_sees_a_camera_that_has_yet_to_give_its_next_picture(page):
    assert page.evaluate(
        """async () => {
          const still = await stillCamera();
          const ends = await two({ still });
          await connected(ends);
          for (const end of ends) await until(async () => (await decoded(end)).video > 0);
          return until(() => sends(0) === still.track && sends(1) === still.track);
        }"""
    )


def test_a_camera_that_is_turned_off_while_they_connect_stays_off(page):
    found = page.evaluate(
        """async () => {
          const still = await stillCamera();
          const placed = () => sends(0) && sends(0) !== still.track;
          const ends = await two({ still });
          const [a] = ends;
          await until(placed);
          a.pair.setTrack('camera', null);
          await connected(ends);
          await sleep(300);
          return { sent: sends(0), other: sends(1) === still.track };
        }"""
    )
    assert found == {"sent": None, "other": True}


def test_a_connection_that_is_quicker_than_the_word_of_it_shows_the_camera(page):
    assert page.evaluate(
        """async () => {
          const { prototype } = Object.getPrototypeOf(RTCPeerConnection);
          const { setRemoteDescription } = prototype;
          prototype.setRemoteDescription = async function (description) {
            await setRemoteDescription.call(this, description);
            if (description.type === 'answer') await until(() => this.connectionState === 'connected');
          };
          const still = await stillCamera();
          const ends = await two({ still });
          await connected(ends);
          await sleep(300);
          prototype.setRemoteDescription = setRemoteDescription;
          return sends(0) === still.track;
        }"""
    )


@pytest.mark.parametrize("state", ["connected", "disconnected"])
def test_a_new_way_takes_nothing_from_a_camera_that_came_late(page, state):
    assert page.evaluate(
        """async (state) => {
          const ends = await two();
          for (const { pair } of ends) pair.setTrack('camera', null);
          await connected(ends);
          const still = await stillCamera();
          for (const { pair } of ends) pair.setTrack('camera', still.track, still.shown);
          Object.defineProperty(made[0], 'connectionState', { get: () => state });
          ends[0].pair.restart();
          await until(() => ends[0].sent.filter(({ description }) => description).length === 2);
          await until(() => made.every((one) => one.signalingState === 'stable'));
          await sleep(300);
          return ends.every((_, index) => sends(index) === still.track);
        }""",
        state,
    )


def test_a_new_way_takes_nothing_from_a_camera_that_runs(page):
    assert page.evaluate(
        """async () => {
          const still = await stillCamera();
          const ends = await two({ still });
          await connected(ends);
          await until(() => ends.every((_, index) => sends(index) === still.track));
          ends[0].pair.restart();
          await until(() => ends[0].sent.filter(({ description }) => description).length === 2);
          await until(() => made.every((one) => one.signalingState === 'stable'));
          await sleep(300);
          return ends.every((_, index) => sends(index) === still.track);
        }"""
    )


def test_camera_off_and_on_needs_no_new_description(page):
    found = page.evaluate(
        """async () => {
          const ends = await two();
          await connected(ends);
          await flows(ends);
          const before = ends.map(({ sent }) => sent.length);
          const [a, b] = ends;
          a.pair.setTrack('camera', null);
          a.pair.tell({ mic: true, cam: false, screen: false });
          await until(() => b.media?.cam === false);
          await sleep(500);
          const still = (await decoded(b)).video;
          await sleep(500);
          const stopped = (await decoded(b)).video === still;
          a.pair.setTrack('camera', (await tracks()).camera);
          await flows(ends);
          return { stopped, more: ends.map(({ sent }, index) =>
            sent.slice(before[index]).filter(({ description }) => description).length) };
        }"""
    )
    assert found == {"stopped": True, "more": [0, 0]}


def test_a_connection_beyond_repair_is_built_anew(page):
    found = page.evaluate(
        """async () => {
          const ends = await two();
          await connected(ends);
          await flows(ends);
          const [a, b] = ends;
          // What no connection can make sense of.
          a.pair.receive({ description: { type: 'offer', sdp: 'v=0\\r\\n' } });
          await until(() => a.sent.some(({ restart }) => restart));
          await until(() => a.states.includes('reconnecting'));
          await connected(ends);
          await flows(ends);
          return { lines: lines(), open: made.filter((one) => one.connectionState !== 'closed').length,
            states: a.states };
        }"""
    )
    assert found["lines"] == [4, 4]
    assert found["open"] == 2
    assert found["states"] == ["connected", "reconnecting", "connected"]


def test_no_way_between_them_is_told_after_fifteen_seconds(fresh_page):
    fresh_page.clock.install()
    fresh_page.evaluate(
        """async () => {
          const { Pair } = await import('/call/pair.js');
          window.trouble = [];
          const pair = new Pair({});
          pair.on('trouble', (reason) => trouble.push(reason));
          pair.open(true);
          pair.join({ polite: true, send: () => {} });
        }"""
    )
    fresh_page.clock.run_for(12_000)
    assert fresh_page.evaluate("trouble") == []
    fresh_page.clock.run_for(3_100)
    assert fresh_page.evaluate("trouble") == ["no-path"]


def test_a_large_picture_begins_small_until_there_is_room(page):
    scales = page.evaluate(
        """async () => {
          const { Pair } = await import('/call/pair.js');
          const pair = new Pair({});
          pair.open(true);
          const canvas = document.createElement('canvas');
          [canvas.width, canvas.height] = [1280, 720];
          canvas.getContext('2d').fillRect(0, 0, 9, 9);
          const [camera] = canvas.captureStream(5).getVideoTracks();
          Object.defineProperty(camera, 'getSettings', { value: () => ({ width: 1280, height: 720 }) });
          const scale = () => made.at(-1).getSenders()[1].getParameters().encodings[0].scaleResolutionDownBy;
          pair.setTrack('camera', camera);
          await until(() => scale() === 2);
          pair.sharpen();
          await until(() => scale() === 1);
          pair.close();
          return true;
        }"""
    )
    assert scales
