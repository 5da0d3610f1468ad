/** An EventTarget whose events carry a detail. */
export class Emitter extends EventTarget {
  /** Call `act(detail)` at each event of this type. */
  on(type, act) {
    this.addEventListener(type, ({ detail }) => act(detail));
    return this;
  }

  say(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
