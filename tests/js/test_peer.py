"""The embedded carrier: rooms of several in one page, over a line that the test holds in its hand."""

import pytest

# hub: what the server does, in small. Lines are those of signal.js as a carrier sees them.
HUB = """
async () => {
  const { Emitter } = await import('/call/emitter.js');
  const { connect, prepare } = await import('/call/peer.js');
  const ticket = { ice_servers: [], ice_transport_policy: 'all', expires_at: '2099-01-01T00:00:00Z' };
  window.hub = { lines: new Map(), sent: [] };
  class HubLine extends Emitter {
    constructor(id) { super(); this.participant = id; }
    release() { hub.lines.set(this.participant, this); }
    send(to, body) {
      const plain = JSON.parse(JSON.stringify(body));
      hub.sent.push({ from: this.participant, to, body: plain });
      setTimeout(() => hub.lines.get(to)?.say('signal', { from: this.participant, body: plain }), 5);
    }
  }
  // `given`: the first offer comes along, and the server passes it on to this one.
  window.come = async (id, { role = 'guest', name = id, given } = {}) => {
    const offer = given !== undefined && (await prepare());
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
    const participants = [...hub.lines.values()].map((line) => line.me);
    const line = new HubLine(id);
    line.me = { id, role, name };
    const renew = async () => ticket;
    const room = await connect(ticket, { line, me: line.me, participants, offered: given, renew });
    room.events = [];
    for (const type of ['participant-joined', 'participant-left', 'remote-state']) {
      room.on(type, ({ participant }) => room.events.push([type, participant.id]));
    }
    room.setTrack('microphone', stream.getAudioTracks()[0]);
    room.setTrack('camera', stream.getVideoTracks()[0]);
    for (const other of participants) hub.lines.get(other.id)?.say('participant-joined', line.me);
    const passed = { from: id, body: { description: offer } };
    if (given) hub.lines.get(given).say('signal', passed);
    return room;
  };
  window.ids = (room) => [...room.participants.keys()].sort();
  window.joined = (...rooms) => until(() => rooms.every((room) => room.state === 'connected' &&
    [...room.participants.values()].every(({ state, media }) => state === 'connected' && media)), 20000);
}
"""


@pytest.fixture
def page(static_page):
    static_page.evaluate(HUB)
    return static_page


def test_the_newcomer_offers_to_each(page):
    found = page.evaluate(
        """async () => {
          const a = await come('a');
          const b = await come('b');
          const c = await come('c');
          await joined(a, b, c);
          const offers = hub.sent.filter(({ body }) => body.description?.type === 'offer')
            .map(({ from, to }) => from + to).sort();
          return offers;
        }"""
    )
    assert found == ["ba", "ca", "cb"]


@pytest.mark.parametrize(("given", "sent"), [("b", ["ca"]), ("a", ["cb"]), (None, ["ca", "cb"])])
def test_an_offer_that_came_along_is_for_whom_the_server_gave_it_to_and_not_sent_again(page, given, sent):
    found = page.evaluate(
        """async (given) => {
          const a = await come('a');
          const b = await come('b');
          await joined(a, b);
          const c = await come('c', { given });
          await joined(a, b, c);
          return hub.sent.filter(({ from, body }) => from === 'c' && body.description?.type === 'offer')
            .map(({ from, to }) => from + to).sort();
        }""",
        given,
    )
    assert found == sent


def test_messages_of_somebody_who_is_not_here_are_ignored(page):
    found = page.evaluate(
        """async () => {
          const [a, b] = [await come('a'), await come('b')];
          await joined(a, b);
          const before = hub.sent.length;
          const line = hub.lines.get('a');
          line.say('signal', { from: 'ghost', body: { description: { type: 'offer', sdp: 'v=0' } } });
          line.say('signal', { from: 'ghost', body: { restart: true } });
          line.say('participant-left', { id: 'ghost' });
          await sleep(200);
          return [ids(a), a.state, hub.sent.length - before];
        }"""
    )
    assert found == [["b"], "connected", 0]


def test_while_media_flows_the_list_of_the_server_is_not_believed(page):
    found = page.evaluate(
        """async () => {
          const [a, b] = [await come('a'), await come('b')];
          await joined(a, b);
          const later = performance.now() + 1;
          hub.lines.get('a').say('presence', { participants: ['a'], asked: later });
          return [ids(a), a.state];
        }"""
    )
    assert found == [["b"], "connected"]


@pytest.mark.parametrize("how", ["by the list", "by a message"])
def test_a_lost_one_who_is_back_is_connected_again(page, how):
    found = page.evaluate(
        """async (how) => {
          const [a, b] = [await come('a'), await come('b')];
          await joined(a, b);
          // Their connection is dead for a, and the server has lost sight of b.
          a.participants.get('b').state = 'reconnecting';
          const say = (participants) =>
            hub.lines.get('a').say('presence', { participants, asked: performance.now() + 1 });
          say(['a']);
          const lost = ids(a);
          if (how === 'by the list') say(['a', 'b']);
          else hub.lines.get('a').say('signal', { from: 'b', body: { candidate: { candidate: '' } } });
          const back = ids(a);
          await joined(a, b);
          return { lost, back, ids: [ids(a), ids(b)],
            asked: hub.sent.filter(({ body }) => body.restart).length };
        }""",
        how,
    )
    assert found == {"lost": [], "back": ["b"], "ids": [["b"], ["a"]], "asked": 1}
