import { stayAwake } from './awake.js';
import { chooser } from './chooser.js';
import { Devices } from './devices.js';
import { insist, post } from './http.js';
import { People } from './people.js';
import { Line } from './signal.js';
import { View } from './view.js';

/** What can carry a call, by the name the ticket gives. The page knows nothing else of them. */
const CARRIERS = { peer: () => import('./peer.js') };

const OVER = ['COMPLETED', 'CANCELLED', 'FAILED'];
const SLOW = 2;
const NEARLY_EXPIRED = 5 * 60 * 1000;

/** A page's id: fresh at each load, so that a reload, a crash and a second tab are all the same. */
function freshId() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** One person's visit to the call page: waiting room, call, end. */
class Call {
  #root = document.querySelector('#call');
  #settings = this.#root.dataset;
  #view = new View(this.#root);
  #devices = new Devices(history.state?.devices);
  #people = new People(this.#root.querySelector('.people'), () => this.#set({ silenced: true }));
  #sleep = stayAwake();
  #line = null;
  #room = null;
  #ticket = null;
  #carrier = null;
  #moving = false;
  #reported = null;
  #facts = { over: null, told: false, silenced: false, dismissed: false, poor: false };

  start() {
    this.#devices
      .on('track', ({ source, track }) => {
        if (source === 'camera') this.#view.preview(track);
        this.#room?.setTrack(source, track);
      })
      .on('changed', () => this.#devicesChanged());
    this.#devices.open();
    this.#buttons();
    this.#browser();
    this.#join();
  }

  async #join() {
    const { url, csrf } = this.#settings;
    const line = new Line({ url, participant: freshId(), csrf });
    this.#line = line;
    line
      .on('changed', () => line.ask())
      .on('presence', (presence) => this.#heard(presence))
      .on('signed-out', ({ yes }) => this.#signedOut(yes))
      .on('replaced', () => this.#finish('elsewhere'))
      .on('gone', () => this.#gone(line));
    try {
      this.#ticket = await insist(() => this.#ask());
      this.#carrier = CARRIERS[this.#ticket.provider]();
      if (this.#settings.status === 'IN_PROGRESS') this.#prepare().catch(() => {});
      const answer = await line.enter(this.#ticket.token);
      line.open(answer.cursor);
      await this.#entered(line, answer);
    } catch (error) {
      this.#refused(error);
    }
  }

  /** A fresh ticket. Somebody who is not signed in must sign in, not be asked for ever. */
  async #ask() {
    const { tokenUrl, sessionId, csrf } = this.#settings;
    try {
      return await post(tokenUrl, { session_id: sessionId }, { csrf });
    } catch (error) {
      if (error.status === 401) error.final = true;
      throw error;
    }
  }

  async #prepare() {
    const { prepare } = await this.#carrier;
    await prepare?.(this.#ticket);
  }

  async #entered(line, { status, me, participants }) {
    history.replaceState({ ...history.state, reloaded: false }, '');
    if (status === 'SCHEDULED') {
      this.#view.waitFrom(me.since ? new Date(me.since) : (this.#view.waiting ?? new Date()));
      this.#set({ told: true });
      line.report('waiting');
      return;
    }
    const { connect } = await this.#carrier;
    const options = { line, me, participants, renew: () => this.#ask() };
    const room = await connect(this.#ticket, options);
    if (this.#facts.over) {
      room.leave();
      return;
    }
    this.#room = room;
    const show = ({ participant }) => {
      this.#people.show(participant);
      this.#set({});
    };
    room
      .on('participant-joined', show)
      .on('participant-state', show)
      .on('track-added', show)
      .on('remote-state', (detail) => {
        show(detail);
        this.#tellCamera(detail.participant);
      })
      .on('participant-left', ({ participant }) => {
        this.#people.remove(participant);
        this.#set({});
      })
      .on('state-changed', () => this.#set({ poor: false, noPath: false }))
      .on('quality', ({ level }) => this.#set({ poor: level <= SLOW }))
      .on('trouble', ({ reason }) => reason === 'no-path' && this.#set({ noPath: true }));
    for (const source of ['microphone', 'camera']) {
      room.setTrack(source, this.#devices.tracks[source]);
    }
    room.setMicrophone(this.#devices.isOn('microphone'));
    for (const participant of room.participants.values()) show({ participant });
    this.#view.enterStage();
    // Until the server tells; its clock is the one that counts.
    const begun = Date.parse(this.#settings.started) || Date.now();
    this.#view.runClock(Math.max(0, Date.now() - begun) / 1000, performance.now());
    this.#set({ told: false });
  }

  /** The doctor has begun: the waiting patient comes in, on the same page under the same id. */
  async #moveIn() {
    if (this.#moving || this.#room) return;
    this.#moving = true;
    const line = this.#line;
    try {
      if (Date.parse(this.#ticket.expires_at) - Date.now() < NEARLY_EXPIRED) {
        this.#ticket = await insist(() => this.#ask());
      }
      this.#prepare().catch(() => {});
      await this.#entered(line, await line.enter(this.#ticket.token));
    } catch (error) {
      this.#refused(error);
    } finally {
      this.#moving = false;
    }
  }

  #heard({ status, duration_seconds: seconds, elapsed_seconds: elapsed, asked }) {
    if (this.#facts.over) return;
    this.#settings.status = status;
    if (OVER.includes(status)) this.#finish('ended', seconds);
    else if (status === 'IN_PROGRESS' && !this.#room) this.#moveIn();
    else if (elapsed !== undefined) this.#view.runClock(elapsed, asked);
  }

  /** A running call goes on; a waiting patient has to come in again. */
  #signedOut(yes) {
    if (yes && !this.#room) location.reload();
    else this.#set({ signedOut: yes });
  }

  /** Not here any more for the server: the person left from another page, or it is all over. */
  async #gone(line) {
    const { status, duration_seconds: seconds } = await line.look().catch(() => ({}));
    this.#finish(OVER.includes(status) ? 'ended' : 'left', seconds);
  }

  #refused(error) {
    if (this.#facts.over) return;
    if (error.status === 410) this.#finish(error.code === 'replaced' ? 'elsewhere' : 'left');
    else if ([401, 409].includes(error.status) && !history.state?.reloaded) {
      // The server's own page says best why: sign in first, not begun yet, over.
      history.replaceState({ ...history.state, reloaded: true }, '');
      location.reload();
    } else this.#finish('refused');
  }

  /** Out of the call, for one of the reasons that have a message of their own. */
  #finish(over, seconds = null) {
    if (this.#facts.over) return;
    if (over === 'ended' && !this.#room) {
      location.reload();
      return;
    }
    this.#line?.close();
    this.#room?.leave();
    this.#devices.stop();
    this.#people.clear();
    this.#sleep();
    this.#view.enterStage();
    this.#view.runClock(null);
    this.#view.setDuration(seconds);
    for (const open of document.querySelectorAll('dialog[open]')) open.close();
    this.#set({ over });
    this.#root.querySelector(`[data-show="over-${over}"] h2`)?.focus();
  }

  async #leave() {
    const gone = this.#line.leave();
    this.#finish('left');
    await gone;
    location.assign(this.#settings.leaveUrl);
  }

  async #end() {
    const { endUrl, csrf } = this.#settings;
    this.#set({ endFailed: false });
    try {
      const { duration_seconds: seconds } = await post(endUrl, {}, { csrf });
      this.#settings.status = 'COMPLETED';
      this.#finish('ended', seconds);
    } catch (error) {
      if (error.status === 409) this.#line.ask();
      else this.#set({ endFailed: true });
    }
  }

  get #state() {
    if (this.#facts.over) return 'disconnected';
    if (!this.#room) return this.#facts.told ? 'waiting' : this.#settings.callState;
    return this.#room.participants.size ? this.#room.state : 'waiting';
  }

  #set(facts) {
    Object.assign(this.#facts, facts);
    const { over, told, silenced, dismissed, poor, noPath, signedOut, endFailed } = this.#facts;
    const state = this.#state;
    const { problem, tracks, wanted } = this.#devices;
    const early = state === 'waiting' || state === 'connecting';
    const panel =
      problem && !tracks.microphone && early && !dismissed
        ? `panel-${problem}`
        : `panel-${noPath && early && state !== 'waiting' ? 'no-path' : state}`;
    const lacks = problem && panel !== `panel-${problem}`;
    const what = tracks.microphone ? 'camera' : tracks.camera ? 'microphone' : 'both';
    this.#view.render(state, [
      over ? `over-${over}` : panel,
      over ? null : 'running',
      told ? 'told' : 'telling',
      !over && problem && `problem-${problem}`,
      !over && lacks && `lacks-${what}`,
      !over && tracks.microphone && !wanted.microphone && 'muted',
      poor && state === 'connected' && 'poor',
      silenced && state === 'connected' && 'silenced',
      !over && signedOut && 'signed-out',
      endFailed && 'end-failed',
    ]);
    this.#view.announce(over ?? state);
    if (this.#room && !over && state !== this.#reported) {
      this.#reported = state;
      this.#line.report(state);
    }
  }

  #tellCamera({ media, name, state }) {
    if (state === 'connected' && !media.cam) this.#view.announce('cameraOff', name);
  }

  #devicesChanged() {
    for (const source of ['microphone', 'camera']) {
      this.#view.toggle(source, this.#devices.isOn(source));
    }
    if (this.#devices.problem === null) this.#facts.dismissed = false;
    this.#room?.setMicrophone(this.#devices.isOn('microphone'));
    history.replaceState({ ...history.state, devices: this.#devices.wanted }, '');
    this.#set({});
  }

  #buttons() {
    const dialog = document.querySelector('#end-session');
    const stage = document.querySelector('#call-stage');
    const actions = {
      leave: () => this.#leave(),
      end: () => {
        dialog.showModal();
        // Behind a modal dialog nothing can be used; say so to whoever looks at the tree.
        stage.setAttribute('aria-hidden', 'true');
      },
      'confirm-end': () => {
        dialog.close();
        this.#end();
      },
      retry: () => this.#devices.retry(),
      dismiss: () => this.#set({ dismissed: true }),
      unmute: () => {
        this.#set({ silenced: false });
        this.#people.unmute();
      },
      reload: () => location.reload(),
    };
    dialog?.addEventListener('close', () => stage.removeAttribute('aria-hidden'));
    document.addEventListener('click', ({ target }) => {
      const { action, toggle } = target.closest('[data-action], [data-toggle]')?.dataset ?? {};
      if (toggle) this.#devices.toggle(toggle);
      else actions[action]?.();
    });
    chooser(document.querySelector('#device-choice'), this.#devices, (id) =>
      this.#people.useSpeaker(id),
    );
  }

  #browser() {
    addEventListener('online', () => {
      this.#room?.hurry();
      this.#line?.hurry();
    });
    addEventListener('pagehide', () => {
      this.#line?.leave();
      this.#room?.leave();
    });
    // What comes back from the back/forward cache has no connection any more.
    addEventListener('pageshow', ({ persisted }) => persisted && location.reload());
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState !== 'visible' || this.#facts.over) return;
      this.#devices.revive();
      this.#people.resume();
    });
  }
}

new Call().start();
