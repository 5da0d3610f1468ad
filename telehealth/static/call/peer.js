import { Pair } from './pair.js';
import { measure } from './quality.js';
import { Room } from './room.js';

const LOOK_AT_QUALITY = 2000;
const ROOM_FOR_ALL = 1200000;
const RENEW_PAUSE = 60000;
const NEARLY_EXPIRED = 60000;

// Made while the page still asks for its ticket: it costs tens of milliseconds on a phone.
const certificate = RTCPeerConnection.generateCertificate({ name: 'ECDSA', namedCurve: 'P-256' });

let prepared = null;

/** Have the first offer ready by the time it is known whether somebody is there to get it. */
export async function prepare(ticket) {
  const certificates = [await certificate];
  prepared?.close();
  prepared = new Pair(configuration(ticket, certificates));
  prepared.open(true);
}

function configuration(ticket, certificates) {
  return {
    iceServers: ticket.ice_servers,
    iceTransportPolicy: ticket.ice_transport_policy,
    bundlePolicy: 'max-bundle',
    certificates,
  };
}

/**
 * Embedded calls: one connection between each two participants, signals over our own server.
 * See room.js for the contract.
 */
export async function connect(ticket, options) {
  return new PeerRoom(ticket, options, [await certificate]);
}

class PeerRoom extends Room {
  #line;
  #me;
  #ticket;
  #renew;
  #renewed = -Infinity;
  #certificates;
  #pairs = new Map();
  #lost = new Map();
  #tracks = { microphone: null, camera: null, screen: null };
  #micOn = true;
  #counts = new Map();
  #timer;

  constructor(ticket, { line, me, participants, renew }, certificates) {
    super();
    this.#ticket = ticket;
    this.#line = line;
    this.#me = me;
    this.#renew = renew;
    this.#certificates = certificates;
    line
      .on('participant-joined', (who) => this.#joined(who))
      .on('participant-left', ({ id, reason }) => this.#remove(id, reason))
      .on('signal', ({ from, body }) => this.#signal(from, body))
      .on('presence', (presence) => this.#reconcile(presence));
    this.#timer = setInterval(() => this.#measure(), LOOK_AT_QUALITY);
    for (const who of participants) this.#add(who, true);
    prepared?.close();
    prepared = null;
    line.release();
  }

  setTrack(source, track) {
    this.#tracks[source] = track;
    if (source === 'microphone' && track) track.enabled = this.#micOn;
    for (const pair of this.#pairs.values()) pair.setTrack(source, track);
    this.#tell();
  }

  setMicrophone(on) {
    this.#micOn = on;
    if (this.#tracks.microphone) this.#tracks.microphone.enabled = on;
    this.#tell();
  }

  hurry() {
    for (const pair of this.#pairs.values()) pair.restart();
  }

  leave() {
    clearInterval(this.#timer);
    for (const pair of this.#pairs.values()) pair.close();
    this.#pairs.clear();
    this.participants.clear();
    this.become('disconnected', 'left');
  }

  get #gone() {
    return this.state === 'disconnected';
  }

  get #media() {
    const { microphone, camera, screen } = this.#tracks;
    return { mic: Boolean(microphone && this.#micOn), cam: Boolean(camera), screen: Boolean(screen) };
  }

  get #configuration() {
    return configuration(this.#ticket, this.#certificates);
  }

  #tell() {
    for (const pair of this.#pairs.values()) pair.tell(this.#media);
  }

  #joined(who) {
    // The same person on a newer page, where the older one had no time to say goodbye.
    for (const { id, role, name } of [...this.participants.values()]) {
      if (id !== who.id && role === who.role && name === who.name) this.#lose(id, 'replaced');
    }
    this.#add(who, false);
  }

  #add({ id, role, name }, offerer) {
    if (this.#gone || this.participants.has(id)) return;
    this.#lost.delete(id);
    const pair = (offerer && prepared) || new Pair(this.#configuration);
    if (pair === prepared) prepared = null;
    const participant = { id, role, name, state: 'connecting', media: null };
    participant.tracks = pair.received;
    participant.since = performance.now();
    this.participants.set(id, participant);
    this.#pairs.set(id, pair);
    pair
      .on('state', (state) => {
        participant.state = state;
        this.say('participant-state', { participant });
        this.#sum();
      })
      .on('track', ({ source, track }) => {
        this.say('track-added', { participant, source, track });
      })
      .on('media', (media) => {
        participant.media = media;
        this.say('remote-state', { participant });
      })
      .on('trouble', (reason) => {
        this.say('trouble', { reason });
        if (reason === 'turn-credentials') this.#renewAll();
      });
    this.say('participant-joined', { participant });
    for (const [source, track] of Object.entries(this.#tracks)) pair.setTrack(source, track);
    pair.tell(this.#media);
    pair.open(offerer);
    pair.join({
      polite: this.#me.id > id,
      send: (body) => this.#line.send(id, body),
      renew: () => this.#fresh(),
    });
    this.#sum();
  }

  #remove(id, reason) {
    const participant = this.participants.get(id);
    this.#lost.delete(id);
    if (!participant) return;
    this.#pairs.get(id).close();
    this.#pairs.delete(id);
    this.#counts.delete(id);
    this.participants.delete(id);
    this.say('participant-left', { participant, reason });
    this.#sum();
  }

  /** Take somebody out who may yet come back under the same id. */
  #lose(id, reason) {
    const { role, name } = this.participants.get(id);
    this.#remove(id, reason);
    this.#lost.set(id, { id, role, name });
  }

  #signal(from, body) {
    const lost = this.#lost.get(from);
    if (lost && !body.restart) {
      this.#revive(lost);
      return;
    }
    if (lost) this.#add(lost, false);
    this.#pairs.get(from)?.receive(body);
  }

  #revive(who) {
    this.#add(who, false);
    this.#line.send(who.id, { restart: true });
  }

  /**
   * The server's list against ours. As long as media flows it is the better witness: the server may
   * just have been away. Whoever is neither listed nor reachable is lost.
   */
  #reconcile({ participants, asked }) {
    if (this.#gone || !participants?.includes(this.#me.id)) return;
    for (const { id, state, since } of [...this.participants.values()]) {
      if (!participants.includes(id) && state !== 'connected' && since < asked) {
        this.#lose(id, 'lost');
      }
    }
    for (const id of participants) {
      if (this.#lost.has(id)) this.#revive(this.#lost.get(id));
    }
  }

  #sum() {
    const states = [...this.participants.values()].map(({ state }) => state);
    const best = ['connected', 'reconnecting'].find((state) => states.includes(state));
    this.become(best ?? 'connecting');
  }

  /** A fresh configuration where the one at hand has expired, else null. */
  async #fresh(force = false) {
    const expires = Date.parse(this.#ticket.expires_at ?? '') || Infinity;
    if (!force && expires - Date.now() > NEARLY_EXPIRED) return null;
    if (performance.now() - this.#renewed < RENEW_PAUSE) return null;
    this.#renewed = performance.now();
    this.#ticket = await this.#renew();
    return this.#configuration;
  }

  async #renewAll() {
    if (!(await this.#fresh(true).catch(() => null))) return;
    for (const pair of this.#pairs.values()) pair.restart(this.#configuration);
  }

  async #measure() {
    let worst = null;
    for (const [id, pair] of this.#pairs) {
      const { state, media } = this.participants.get(id);
      if (state !== 'connected' || !media) continue;
      const before = this.#counts.get(id);
      const now = measure(await pair.stats(), before);
      if (!this.#pairs.has(id)) continue;
      this.#counts.set(id, now.counts);
      if (now.room > ROOM_FOR_ALL) pair.sharpen();
      // Somebody without microphone and camera sends nothing, and that is no fault of the network.
      const silent = now.level === 0 && !media.mic && !media.cam;
      if (before && !silent && !(worst?.level <= now.level)) worst = now;
    }
    if (worst) this.say('quality', worst);
  }
}
