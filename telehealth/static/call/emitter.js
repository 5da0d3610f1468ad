/** An EventTarget whose events carry a detail. Every part of the call that has events is one. */
export class Emitter extends EventTarget {
  /** Call `handler(detail)` at each event of this type. */
  on(type, handler) {
    this.addEventListener(type, (event) => handler(event.detail));
    return this;
  }

  /** Send an event out. */
  say(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
