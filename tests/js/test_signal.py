"""The page's line to its server: nothing lost, nothing twice, whatever the network does."""

from itertools import pairwise

import pytest

# A server in the page: `answers` says for each kind of request what comes next, the last one stays.
SERVER = """
() => {
window.server = {
  requests: [], running: 0, most: 0, streams: [],
  answers: { signal: [200], presence: [200], enter: [200], leave: [200], inbox: ['stream'], poll: [200] },
  body: { presence: { status: 'IN_PROGRESS', participants: [] }, poll: { events: [] } },
  of(kind) { return this.requests.filter((request) => request.kind === kind); },
};
window.fetch = async (url, { body, signal } = {}) => {
  const { pathname, searchParams } = new URL(url, location.href);
  const kind = searchParams.has('poll') ? 'poll' : pathname.split('/').pop();
  const after = Number(searchParams.get('after'));
  server.requests.push({ kind, after, at: performance.now(), body: body && JSON.parse(body) });
  const answers = server.answers[kind];
  const answer = answers.length > 1 ? answers.shift() : answers[0];
  server.running += 1;
  server.most = Math.max(server.most, kind === 'signal' ? server.running : 0);
  if (kind !== 'inbox') await new Promise((resolve) => setTimeout(resolve, 20));
  server.running -= 1;
  if (answer === 'away') throw new TypeError('the network is away');
  if (answer === 'stream') {
    let write;
    const body = new ReadableStream({ start: (controller) => { write = controller; } });
    const stream = {
      write: (text) => write.enqueue(new TextEncoder().encode(text)),
      end: () => write.close(),
    };
    signal.addEventListener('abort', () => { try { write.error(signal.reason); } catch {} });
    stream.write(': hello\\n\\n');
    server.streams.push(stream);
    return new Response(body);
  }
  const [status, code] = [answer].flat();
  const content = status === 200 ? server.body[kind] ?? {} : { error: { code } };
  return new Response(JSON.stringify(content), { status });
};
window.line = async () => {
  const { Line } = await import('/call/signal.js');
  const line = new Line({ url: '/call', csrf: 'token' }, { participant: 'me', answer: null });
  window.heard = [];
  for (const type of ['signal', 'participant-joined', 'participant-left', 'replaced', 'gone', 'changed',
    'signed-out', 'presence']) line.on(type, (detail) => heard.push([type, detail]));
  return line;
};
}
"""


@pytest.fixture
def page(static_page):
    static_page.evaluate(SERVER)
    return static_page


def test_messages_go_one_request_at_a_time_in_order(page):
    found = page.evaluate(
        """async () => {
          const one = await line();
          for (let n = 1; n <= 30; n += 1) one.send('you', { n });
          const ns = () => server.of('signal').flatMap(({ body }) => body.messages.map((m) => m.body.n));
          await until(() => ns().length === 30);
          const ids = server.of('signal').flatMap(({ body }) => body.messages.map((m) => m.id));
          return { ns: ns(), requests: server.of('signal').length, most: server.most, ids };
        }"""
    )
    assert found["ns"] == list(range(1, 31))
    assert found["most"] == 1
    assert found["requests"] == 3, "the first alone, then what had gathered, twenty at a time"
    assert len(set(found["ids"])) == 30


def test_candidates_that_come_close_together_go_together_and_before_what_follows(page):
    found = page.evaluate(
        """async () => {
          const one = await line();
          for (const n of [1, 2]) one.send('you', { candidate: { candidate: n } });
          const all = () => server.of('signal').map(({ body }) => body.messages.map((m) => m.body));
          await until(() => all().length === 1);
          one.send('you', { candidate: { candidate: 3 } });
          one.send('you', { restart: true });
          await until(() => all().length === 2);
          return all();
        }"""
    )
    first, second = found
    assert [body["candidate"]["candidate"] for body in first] == [1, 2]
    assert second == [{"candidate": {"candidate": 3}}, {"restart": True}]


def test_a_page_that_connects_says_so_only_if_it_lasts(page):
    states = page.evaluate(
        """async () => {
          const one = await line();
          one.report('connecting');
          await sleep(50);
          one.report('connected');
          await until(() => server.of('presence').length);
          return server.of('presence').map(({ body }) => body.state);
        }"""
    )
    assert states == ["connected"]


@pytest.mark.parametrize("status", [400, 413])
def test_what_came_along_and_is_not_taken_keeps_nobody_out(page, status):
    found = page.evaluate(
        """async (status) => {
          const { Line } = await import('/call/signal.js');
          const answer = Promise.resolve(new Response('{}', { status }));
          const one = new Line({ url: '/call', csrf: 'token' }, { participant: 'me', answer });
          server.body.enter = { cursor: 3 };
          return [await one.enter(), server.of('enter').map(({ body }) => body)];
        }""",
        status,
    )
    assert found == [{"cursor": 3}, [{"participant": "me"}]]


def test_a_request_stays_below_the_size_the_server_takes(page):
    sizes = page.evaluate(
        """async () => {
          const one = await line();
          for (let n = 1; n <= 6; n += 1) one.send('you', { sdp: 'x'.repeat(15000) });
          const all = () => server.of('signal').flatMap(({ body }) => body.messages);
          await until(() => all().length === 6);
          return server.of('signal').map(({ body }) => JSON.stringify(body).length);
        }"""
    )
    assert max(sizes) < 64 * 1024


def test_a_message_is_repeated_with_the_same_id_until_it_has_arrived(page):
    found = page.evaluate(
        """async () => {
          server.answers.signal = ['away', 503, 429, 200];
          const one = await line();
          one.send('you', { n: 1 });
          one.send('you', { n: 2 });
          await until(() => server.of('signal').length === 5);
          return server.of('signal').map(({ at, body }) => [at, body.messages.map((m) => [m.id, m.body.n])]);
        }"""
    )
    times, messages = zip(*found, strict=True)
    assert messages[:4] == ([["me-1", 1]],) * 4
    assert messages[4] == [["me-2", 2]]
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert pauses[0] > 180 and pauses[1] > 370 and pauses[2] > 740, "250 ms, doubling, within a quarter"


def test_a_message_the_server_does_not_take_does_not_hold_up_the_next(page):
    ns = page.evaluate(
        """async () => {
          server.answers.signal = [400, 200];
          const one = await line();
          one.send('you', { n: 1 });
          one.send('you', { n: 2 });
          await until(() => server.of('signal').length === 2);
          await sleep(300);
          return server.of('signal').map(({ body }) => body.messages.map((m) => m.body.n));
        }"""
    )
    assert ns == [[1], [2]]


def test_what_a_carrier_wants_to_hear_is_kept_for_it_and_told_once(page):
    found = page.evaluate(
        """async () => {
          const one = await line();
          one.open(7);
          await until(() => server.streams.length);
          const write = (seq, type, data) =>
            server.streams[0].write(`id: ${seq}\\nevent: ${type}\\ndata: ${JSON.stringify(data)}\\n\\n`);
          write(6, 'participant-joined', { id: 'old' });
          write(8, 'participant-joined', { id: 'a' });
          write(9, 'signal', { from: 'a', id: 'x', body: {} });
          write(9, 'signal', { from: 'a', id: 'x', body: {} });
          write(10, 'signal', { from: 'a', id: 'x', body: {} });
          server.streams[0].write('event: changed\\nda');
          server.streams[0].write('ta: {}\\n\\n');
          await until(() => heard.length === 1);
          const before = heard.map(([type]) => type);
          one.release();
          return { before, after: heard.slice(1), asked: server.of('inbox')[0].after };
        }"""
    )
    assert found["before"] == ["changed"]
    assert found["after"] == [
        ["participant-joined", {"id": "a"}],
        ["signal", {"from": "a", "id": "x", "body": {}}],
    ]
    assert found["asked"] == 7


def test_a_stream_that_ends_is_opened_again_where_it_ended(page):
    asked = page.evaluate(
        """async () => {
          const one = await line();
          one.release();
          one.open(0);
          await until(() => server.streams.length === 1);
          server.streams[0].write('id: 5\\nevent: signal\\ndata: {"id": "x"}\\n\\n');
          await until(() => heard.length === 1);
          server.streams[0].end();
          await until(() => server.streams.length === 2);
          one.hurry();
          await until(() => server.streams.length === 3);
          return server.of('inbox').map(({ after }) => after);
        }"""
    )
    assert asked == [0, 5, 5]


@pytest.mark.parametrize("answer", [503, "away"])
def test_where_streams_do_not_get_through_it_polls(page, answer):
    found = page.evaluate(
        """async (answer) => {
          server.answers.inbox = [answer];
          const one = await line();
          one.release();
          one.open(3);
          server.body.poll = { events: [{ seq: 4, type: 'signal', data: { id: 'x' } }] };
          await until(() => server.of('poll').length === 2);
          return { polls: server.of('poll').map(({ after }) => after), heard,
            streams: server.of('inbox').length };
        }""",
        answer,
    )
    assert found["streams"] == 3
    assert found["polls"] == [3, 4]
    assert found["heard"] == [["signal", {"id": "x"}]]


def test_a_network_that_is_away_is_no_reason_to_poll(page):
    polls = page.evaluate(
        """async () => {
          Object.defineProperty(navigator, 'onLine', { value: false });
          server.answers.inbox = ['away', 'away', 'away', 'away', 'stream'];
          const one = await line();
          one.open(0);
          await until(() => server.streams.length === 1, 15000);
          return server.of('poll').length;
        }"""
    )
    assert polls == 0


@pytest.mark.parametrize(("code", "event"), [("replaced", "replaced"), ("gone", "gone")])
@pytest.mark.parametrize("kind", ["signal", "presence", "inbox"])
def test_a_page_that_is_not_wanted_any_more_falls_silent(page, kind, code, event):
    found = page.evaluate(
        """async ([kind, code]) => {
          server.answers[kind] = [[410, code]];
          const one = await line();
          one.open(0);
          one.report('connected');
          one.send('you', {});
          await until(() => heard.some(([type]) => type === code));
          const before = server.requests.length;
          one.send('you', {});
          one.report('connecting');
          await sleep(600);
          return { heard: heard.map(([type]) => type), more: server.requests.length - before };
        }""",
        [kind, code],
    )
    assert found["heard"].count(event) == 1
    assert found["more"] == 0


@pytest.mark.parametrize("event", ["replaced", "gone"])
def test_the_stream_can_say_so_too(page, event):
    found = page.evaluate(
        """async (type) => {
          const one = await line();
          one.open(0);
          await until(() => server.streams.length);
          server.streams[0].write(`event: ${type}\\ndata: {}\\n\\n`);
          await until(() => heard.length);
          await sleep(500);
          return { heard, requests: server.requests.length };
        }""",
        event,
    )
    assert found == {"heard": [[event, {}]], "requests": 1}


def test_a_sign_in_that_is_over_cuts_nothing(page):
    found = page.evaluate(
        """async () => {
          server.answers.presence = [401, 401, 200];
          server.answers.signal = [401, 200];
          const one = await line();
          one.report('connected');
          one.send('you', {});
          await until(() => heard.some(([type]) => type === 'presence'));
          return { heard: heard.map(([type, { yes }]) => [type, yes]), sent: server.of('signal').length };
        }"""
    )
    assert found["heard"] == [
        ["signed-out", True],
        ["signed-out", True],
        ["signed-out", False],
        ["presence", None],
    ]
    assert found["sent"] == 2


def test_a_swarm_of_changes_is_asked_about_once(page):
    states = page.evaluate(
        """async () => {
          const one = await line();
          one.report('connecting');
          await until(() => server.of('presence').length === 1);
          for (let n = 0; n < 20; n += 1) one.ask();
          one.report('connected');
          await sleep(800);
          return server.of('presence').map(({ body }) => body.state);
        }"""
    )
    assert states == ["connecting", "connected"]


def test_leaving_is_said_once_and_ends_everything(page):
    found = page.evaluate(
        """async () => {
          const one = await line();
          one.open(0);
          one.report('connected');
          await until(() => server.of('presence').length === 1);
          await one.leave();
          await one.leave();
          one.send('you', {});
          one.ask();
          await sleep(500);
          return server.requests.map(({ kind }) => kind);
        }"""
    )
    assert found == ["inbox", "presence", "leave"]
