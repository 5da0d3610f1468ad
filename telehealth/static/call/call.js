import { stayAwake } from './awake.js';
import * as begun from './begin.js';
import { chooser } from './chooser.js';
import { controls } from './controls.js';
import { Devices } from './devices.js';
import { post } from './http.js';
import { People } from './people.js';
import { Line } from './signal.js';
import { shown, View } from './view.js';

/** What can carry a call, by the name in the ticket. The page knows nothing else of it: room.js. */
const CARRIERS = { peer: () => import('./peer.js'), twilio: () => import('./twilio.js') };

const SOURCES = ['microphone', 'camera'];
const OVER = ['COMPLETED', 'CANCELLED', 'FAILED'];
const SHUT = [401, 403, 404];
const SLOW = 2;
const SAVING_MOST = 4000;

/** One person on the call page: in the waiting room, in the call, at the end. */
class Call {
  #root = document.querySelector('#call');
  #settings = begun.settings;
  #view = new View(this.#root);
  #people = new People(document.querySelector('.people'), () => this.#set({ silenced: true }));
  #devices = new Devices(history.state?.devices);
  #line = new Line(this.#settings, begun);
  #sleep = stayAwake();
  #ticket;
  #carrier;
  #room = null;
  #recording = null;
  #saved;
  #moving = false;
  #reported;
  #announced;
  #heardOf = new Map();
  #facts = {};

  start() {
    if (!begun.supported) {
      this.#finish('unsupported');
      return;
    }
    this.#devices
      .on('track', ({ source, track }) => {
        if (source === 'camera') this.#view.preview(track);
        this.#room?.setTrack(source, track, this.#view.self);
      })
      .on('changed', () => this.#devicesChanged());
    this.#devices.open();
    this.#line
      .on('changed', () => this.#line.ask())
      .on('presence', (presence) => this.#heard(presence))
      .on('signed-out', ({ yes }) => this.#signedOut(yes))
      .on('replaced', () => this.#finish('elsewhere'))
      .on('gone', () => this.#gone());
    if ('recording' in this.#settings) this.#recording = this.#watchRecording();
    this.#comeIn();
    this.#buttons();
    this.#browser();
  }

  /** Enter: at first, and once more when the doctor has begun, on the same page. */
  async #comeIn() {
    if (this.#moving) return;
    this.#moving = true;
    try {
      const entrance = await this.#line.enter();
      this.#ticket = entrance.ticket;
      this.#carrier = CARRIERS[this.#ticket.provider]();
      this.#line.open(entrance.cursor);
      this.#recording?.then((recording) => recording.heard(entrance.recording));
      this.#remember({ reloaded: false });
      if (entrance.status === 'SCHEDULED') this.#wait(entrance.me);
      else await this.#begin(entrance);
    } catch (error) {
      this.#refused(error);
    }
    this.#moving = false;
  }

  /** Where the doctor wishes for a recording; else not a byte of it is loaded. */
  async #watchRecording() {
    const { Recording } = await import('./recording.js');
    const { url, csrf } = this.#settings;
    return new Recording({
      role: document.querySelector('#call-stage').dataset.role,
      url,
      csrf,
      line: this.#line,
      show: (recording) => this.#set({ recording }),
      announce: (key) => this.#view.announce(key),
    });
  }

  #ask() {
    const { tokenUrl, csrf } = this.#settings;
    return post(tokenUrl, { session_id: this.#root.dataset.sessionId }, { csrf });
  }

  #wait({ since }) {
    this.#view.waiting ??= since ? Date.parse(since) : Date.now();
    this.#set({ told: true });
    this.#line.report('waiting');
  }

  async #begin({ me, participants, offered }) {
    const { connect } = await this.#carrier;
    const renew = () => this.#ask();
    const reopen = () => this.#line.reopen();
    const line = this.#line;
    const room = await connect(this.#ticket, { line, me, participants, offered, renew, reopen });
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
      .on('remote-state', ({ participant }) => {
        show({ participant });
        this.#tellOff(participant);
      })
      .on('participant-left', ({ participant }) => {
        this.#people.remove(participant);
        this.#set({});
      })
      .on('state-changed', () => this.#set({ poor: false, trouble: null }))
      .on('quality', ({ level }) => this.#set({ poor: level <= (this.#facts.poor ? SLOW + 1 : SLOW) }))
      .on('trouble', ({ reason }) => this.#troubled(reason));
    for (const source of SOURCES) room.setTrack(source, this.#devices.tracks[source], this.#view.self);
    room.setMicrophone(this.#devices.isOn('microphone'));
    for (const participant of room.participants.values()) this.#people.show(participant);
    this.#recording?.then((recording) => recording.begin(room, this.#devices.tracks));
    this.#view.enterStage();
    // Until the server tells: its clock is the one that counts.
    const { started } = this.#settings;
    this.#view.runClock(started ? (Date.now() - Date.parse(started)) / 1000 : 0);
    this.#set({ told: false });
  }

  #troubled(reason) {
    if (reason === 'elsewhere') this.#finish('elsewhere');
    else if (reason === 'put-out') this.#gone();
    else if (reason === 'unsupported') this.#giveUp('unsupported');
    else if (reason !== 'turn-credentials') this.#set({ trouble: reason });
  }

  #heard({ status, duration_seconds: duration, elapsed_seconds: elapsed }) {
    this.#root.dataset.status = status;
    if (OVER.includes(status)) this.#finish('ended', duration);
    else if (!this.#room && status === 'IN_PROGRESS') this.#comeIn();
    else if (this.#room && elapsed >= 0) this.#view.runClock(elapsed);
  }

  /** A running call goes on; whoever waits has to sign in again. */
  #signedOut(yes) {
    if (yes && !this.#room) location.reload();
    else this.#set({ signedOut: yes });
  }

  /** Not here any more for the server: left from another page, put out, or it is all over. */
  async #gone() {
    const { status, duration_seconds: duration } = await this.#line.look().catch((refusal) => refusal);
    const shut = SHUT.includes(status) && 'outside';
    this.#finish(OVER.includes(status) ? 'ended' : shut || 'left', duration ?? null);
  }

  #refused({ status, code }) {
    if (this.#facts.over) return;
    if (status === 410) this.#finish(code === 'replaced' ? 'elsewhere' : 'left');
    else if ([400, 401, 409].includes(status) && !history.state?.reloaded) {
      // The server's own page says best why: sign in first, over, not begun, prepared before a new sign-in.
      this.#remember({ reloaded: true });
      location.reload();
    } else this.#giveUp('refused');
  }

  /** We cannot go on; where we were taken in, nobody should wait for us. */
  #giveUp(over) {
    if (this.#ticket) this.#line.leave();
    this.#finish(over);
  }

  /** Out of the call, for a reason that has a message of its own. */
  #finish(over, duration = null) {
    if (this.#facts.over) return;
    if (over === 'ended' && !this.#room) {
      location.reload();
      return;
    }
    this.#saved = this.#recording?.then((recording) => recording.stop());
    this.#line.close();
    this.#room?.leave();
    this.#devices.stop();
    this.#people.clear();
    this.#sleep();
    this.#view.enterStage();
    this.#view.runClock(null);
    this.#view.setDuration(duration);
    document.querySelector('dialog[open]')?.close();
    this.#set({ over });
    this.#root.querySelector(`[data-show~="over-${over}"] h2`).focus();
  }

  async #leave() {
    const left = this.#line.leave();
    this.#finish('left');
    await left;
    await Promise.race([this.#saved, new Promise((resolve) => setTimeout(resolve, SAVING_MOST))]);
    // Going back must not put anybody on the air again.
    location.replace(this.#settings.leaveUrl);
  }

  async #end() {
    const { endUrl, csrf } = this.#settings;
    this.#set({ endFailed: false });
    try {
      const { duration_seconds: duration } = await post(endUrl, {}, { csrf });
      this.#root.dataset.status = 'COMPLETED';
      this.#finish('ended', duration);
    } catch ({ status }) {
      if (status === 409) this.#line.ask();
      else this.#set({ endFailed: true });
    }
  }

  get #state() {
    if (this.#facts.over) return 'disconnected';
    if (!this.#room) return this.#facts.told ? 'waiting' : this.#root.dataset.callState;
    const { arrived, participants, state } = this.#room;
    if (participants.size || state === 'reconnecting') return state;
    return arrived ? 'waiting' : 'connecting';
  }

  /** Something is known now; show what follows from it. */
  #set(news) {
    const facts = Object.assign(this.#facts, news);
    const state = this.#state;
    const { over } = facts;
    this.#view.render(state, shown(state, facts, this.#devices));
    if (this.#announced !== (over ?? state)) this.#view.announce(over ?? state);
    this.#announced = over ?? state;
    if (!this.#room || over || state === this.#reported) return;
    this.#reported = state;
    this.#line.report(state);
  }

  /** Read out what somebody turned off; that they turned it on is seen and heard. */
  #tellOff({ id, name, media }) {
    const { cam, mic } = media;
    const before = this.#heardOf.get(id) ?? { cam: true, mic: true };
    this.#heardOf.set(id, { cam, mic });
    if ((cam || !before.cam) && (mic || !before.mic)) return;
    this.#view.announce(cam ? 'microphoneOff' : mic ? 'cameraOff' : 'bothOff', name);
  }

  #devicesChanged() {
    for (const source of SOURCES) this.#view.toggle(source, this.#devices.isOn(source));
    if (!this.#devices.problem) this.#facts.dismissed = false;
    this.#room?.setMicrophone(this.#devices.isOn('microphone'));
    this.#remember({ devices: this.#devices.wanted });
    this.#set({});
  }

  async #retry() {
    await this.#devices.retry();
    this.#help();
  }

  async #toggle(source) {
    await this.#devices.toggle(source);
    if (!this.#devices.isOn(source) && this.#devices.wanted[source]) this.#help();
  }

  /** What was pressed did nothing: say so, and what does. */
  #help() {
    if (!this.#devices.problem) return;
    this.#view.announce('still');
    for (const steps of document.querySelectorAll('.unblock')) steps.open = true;
  }

  /** What a reload of the page should know. */
  #remember(news) {
    history.replaceState({ ...history.state, ...news }, '');
  }

  #buttons() {
    const actions = {
      leave: () => this.#leave(),
      end: () => this.#end(),
      retry: () => this.#retry(),
      dismiss: () => this.#set({ dismissed: true }),
      reload: () => location.reload(),
    };
    controls(actions, {
      toggle: (source) => this.#toggle(source),
      pressed: () => {
        if (!this.#facts.silenced) return;
        this.#people.unmute();
        this.#set({ silenced: false });
      },
    });
    const sheet = document.querySelector('#device-choice');
    chooser(sheet, this.#devices, (id) => this.#people.useSpeaker(id));
  }

  #browser() {
    addEventListener('online', () => {
      this.#room?.hurry();
      this.#line.hurry();
    });
    addEventListener('pagehide', () => {
      this.#line.leave();
      this.#room?.leave();
    });
    // What comes back out of the browser's memory has no connection any more.
    addEventListener('pageshow', ({ persisted }) => persisted && location.reload());
    document.addEventListener('visibilitychange', () => {
      if (document.hidden || this.#facts.over) return;
      this.#devices.revive();
      this.#room?.revive();
      this.#people.resume();
    });
  }
}

document.querySelector('#call').dataset.running = '';
const call = new Call();
await begun.shown;
call.start();
