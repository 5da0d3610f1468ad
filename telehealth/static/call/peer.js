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

async function configuration(ticket) {
  return {
    iceServers: ticket.ice_servers,
    iceTransportPolicy: ticket.ice_transport_policy,
    bundlePolicy: 'max-bundle',
    certificates: [await certificate],
  };
}

/** The first offer, made before there is a ticket: where there is no relay, all tickets are alike. */
export async function prepare() {
  prepared = new Pair(await configuration({ ice_servers: [], ice_transport_policy: 'all' }));
  prepared.open(true);
  return prepared.described;
}

/**
 * Embedded calls: one connection between each two participants, signals over our own server. The
 * contract is in room.js.
 */
export async function connect(ticket, options) {
  return new PeerRoom(ticket, options, await configuration(ticket));
}

class PeerRoom extends Room {
  #ticket;
  #line;
  #me;
  #renew;
  #configuration;
  #renewed = -Infinity;
  #pairs = new Map();
  #lost = new Map();
  #tracks = { microphone: null, camera: null, screen: null };
  #shown = null;
  #micOn = true;
  #timer;

  constructor(ticket, { line, me, participants, offered, renew }, configured) {
    super();
    this.#ticket = ticket;
    this.#line = line;
    this.#me = me;
    this.#renew = renew;
    this.#configuration = configured;
    this.#timer = setInterval(() => this.#measure(), LOOK_AT_QUALITY);
    line
      .on('participant-joined', (who) => this.#joined(who))
      .on('participant-left', ({ id }) => this.#remove(id))
      .on('signal', ({ from, body }) => this.#signal(from, body))
      .on('presence', (presence) => this.#reconcile(presence));
    for (const who of participants) this.#add(who, true, offered);
    prepared?.close();
    prepared = null;
    line.release();
  }

  setTrack(source, track, shown) {
    this.#tracks[source] = track;
    if (source === 'camera') this.#shown = shown;
    if (source === 'microphone' && track) track.enabled = this.#micOn;
    for (const pair of this.#pairs.values()) pair.setTrack(source, track, shown);
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
    this.become('disconnected');
  }

  get #media() {
    const { microphone, camera, screen } = this.#tracks;
    return { mic: Boolean(microphone && this.#micOn), cam: Boolean(camera), screen: Boolean(screen) };
  }

  #tell() {
    for (const pair of this.#pairs.values()) pair.tell(this.#media);
  }

  #joined(who) {
    // The same person on a newer page, where the older one had no time to say goodbye.
    for (const { id, role, name } of this.participants.values()) {
      if (id !== who.id && role === who.role && name === who.name) this.#lose(id);
    }
    this.#add(who, false);
  }

  /** `offered`: who was given the first offer. */
  #add({ id, role, name }, offerer, offered = null) {
    if (this.state === 'disconnected' || this.participants.has(id)) return;
    this.#lost.delete(id);
    // The first offer is for whom the server gave it to, else for whoever comes first.
    const fits = offerer && (!offered || offered === id);
    const pair = (fits && prepared) || new Pair(this.#configuration);
    if (pair === prepared) prepared = null;
    const since = performance.now();
    const tracks = pair.received;
    const participant = { id, role, name, state: 'connecting', media: null, tracks, since };
    this.participants.set(id, participant);
    this.#pairs.set(id, pair);
    pair
      .on('state', (state) => {
        participant.state = state;
        this.say('participant-state', { participant });
        this.#sum();
      })
      .on('track', (track) => this.say('track-added', { participant, ...track }))
      .on('media', (media) => {
        participant.media = media;
        this.say('remote-state', { participant });
      })
      .on('trouble', (reason) => {
        this.say('trouble', { reason });
        if (reason === 'turn-credentials') this.#renewAll();
      });
    this.say('participant-joined', { participant });
    for (const source in this.#tracks) pair.setTrack(source, this.#tracks[source], this.#shown);
    pair.tell(this.#media);
    pair.open(offerer);
    pair.join({
      polite: this.#me.id > id,
      offered: offered === id,
      send: (body) => this.#line.send(id, body),
      renew: () => this.#fresh(NEARLY_EXPIRED),
    });
    this.#sum();
  }

  #remove(id) {
    this.#lost.delete(id);
    const participant = this.participants.get(id);
    if (!participant) return;
    this.#pairs.get(id).close();
    this.#pairs.delete(id);
    this.participants.delete(id);
    this.say('participant-left', { participant });
    this.#sum();
  }

  /** Take somebody out who may yet come back under the same id. */
  #lose(id) {
    const participant = this.participants.get(id);
    this.#remove(id);
    this.#lost.set(id, participant);
  }

  /** They are back, and each of us may have torn the connection down. */
  #revive(who) {
    this.#add(who, false);
    this.#line.send(who.id, { restart: true });
  }

  #signal(from, body) {
    const lost = this.#lost.get(from);
    if (lost && !body.restart) this.#revive(lost);
    else {
      if (lost) this.#add(lost, false);
      this.#pairs.get(from)?.receive(body);
    }
  }

  /**
   * The server's list against ours. While media flows it is the better witness, for the server may
   * just have been away; whoever is neither listed nor reached is lost.
   */
  #reconcile({ participants, asked }) {
    if (this.state === 'disconnected' || !participants.includes(this.#me.id)) return;
    for (const { id, state, since } of this.participants.values()) {
      if (!participants.includes(id) && state !== 'connected' && since < asked) this.#lose(id);
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

  /** A fresh configuration if the ticket ends within so many milliseconds, else null. */
  async #fresh(margin) {
    if (Date.parse(this.#ticket.expires_at) - Date.now() > margin) return null;
    if (performance.now() - this.#renewed < RENEW_PAUSE) return null;
    this.#renewed = performance.now();
    this.#ticket = await this.#renew();
    this.#configuration = await configuration(this.#ticket);
    return this.#configuration;
  }

  async #renewAll() {
    const fresh = await this.#fresh(Infinity).catch(() => null);
    if (fresh) this.#pairs.forEach((pair) => pair.restart(fresh));
  }

  async #measure() {
    let worst = Infinity;
    for (const [id, pair] of this.#pairs) {
      const participant = this.participants.get(id);
      const { state, media, counts } = participant;
      if (state !== 'connected' || !media) continue;
      const now = measure(await pair.stats(), counts);
      participant.counts = now.counts;
      if (now.room > ROOM_FOR_ALL) pair.sharpen();
      // Somebody without microphone and camera sends nothing, and that is no fault of the network.
      const silent = now.level === 0 && !media.mic && !media.cam;
      if (counts && !silent) worst = Math.min(worst, now.level);
    }
    if (worst < Infinity) this.say('quality', { level: worst });
  }
}
