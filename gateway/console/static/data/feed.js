// Keeps the page's copy of the gateway's state fresh: what is due is asked, and while nobody answers, ever less often.

import { ask } from "./client.js";

const LONGEST_S = 30;
const ABSENT_S = 60; // what is not offered may be after an upgrade
const FAILED_S = 5;

/** A source: `{key, path, every}` (seconds). sources(state): those that the view in sight needs, `status` among them. */
export class Feed {
  constructor(state, sources, changed) {
    this.state = state;
    this.sources = sources;
    this.changed = changed;
    this.asking = new Set();
  }

  /** Asks all that is due. While the gateway does not answer, only its status, after 1, 2, 4 … 30 s. */
  turn(now) {
    const { connection } = this.state;
    if (connection.down) {
      if (now >= connection.next) this.fetch({ key: "status", path: "gateway/status" }, now);
      return;
    }
    for (const source of this.sources(this.state)) if (this.due(source, now)) this.fetch(source, now);
  }

  /** Asks again at once, on somebody's word. */
  hurry() {
    this.state.connection.next = 0;
    for (const held of this.state.resources.values()) held.asked = 0;
    this.turn(Date.now() / 1000);
  }

  due({ key, every }, now) {
    const held = this.state.resources.get(key);
    if (!held) return true;
    const pause = { absent: ABSENT_S, unavailable: FAILED_S, refused: FAILED_S }[held.problem?.kind] ?? 0;
    return now - held.asked >= Math.max(every, pause);
  }

  async fetch({ key, path }, now) {
    if (this.asking.has(key)) return;
    this.asking.add(key);
    const { resources } = this.state;
    const held = resources.get(key) ?? { value: null, at: null, problem: null, asked: 0 };
    resources.set(key, held);
    held.asked = now;
    try {
      held.value = await ask(path);
      held.at = Date.now() / 1000;
      held.problem = null;
      if (key === "status") this.restored();
      this.changed(key, held.value);
    } catch (problem) {
      held.problem = problem;
      if (key === "status" || problem.kind === "unreachable") this.lost(problem);
      this.changed(key, null);
    } finally {
      this.asking.delete(key);
    }
  }

  restored() {
    const { connection } = this.state;
    if (connection.down) for (const held of this.state.resources.values()) if (held.problem) held.asked = 0;
    Object.assign(connection, { down: false, since: null, tries: 0, problem: null });
  }

  lost(problem) {
    const { connection } = this.state;
    const now = Date.now() / 1000;
    if (connection.down && now < connection.next) return; // several answers fail together: that is one failure
    const wait = Math.min(2 ** connection.tries, LONGEST_S);
    Object.assign(connection, {
      down: true,
      since: connection.since ?? now,
      tries: connection.tries + 1,
      next: now + wait,
      problem,
    });
  }
}
