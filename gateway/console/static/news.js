// What is worth saying aloud to who listens to the page: changes only, never the ticking of figures.

import { words } from "./format.js";
import { valueOf } from "./data/sources.js";
import { alarms } from "./data/windows.js";
import { matter } from "./views/sentence.js";

const nameOf = (alarm) =>
  `${alarm.model} ${alarm.version} ${alarm.role} ${alarm.monitor} ${alarm.subject} ${alarm.statistic}`;

/** Compares what is with what was, and says the difference in the live region. */
export class News {
  constructor(region) {
    this.region = region;
    this.down = false;
    this.phases = null;
    this.firing = null;
  }

  /** Looks at the state. */
  hear(state) {
    const said = [...this.connection(state), ...this.rollouts(state), ...this.alarmed(state)];
    if (said.length) this.say(said.join(" "));
  }

  /** Says something at once. */
  say(text) {
    this.region.textContent = text;
  }

  connection({ connection }) {
    if (connection.down === this.down) return [];
    this.down = connection.down;
    return [this.down ? "The gateway does not answer; what is shown is old." : "The gateway answers again."];
  }

  rollouts(state) {
    const found = valueOf(state, "rollouts")?.rollouts;
    if (!found) return [];
    const phases = new Map(found.map((one) => [one.model, `${words(one.phase)} at ${one.percent} percent`]));
    const before = this.phases;
    this.phases = phases;
    return before
      ? [...phases]
          .filter(([model, phase]) => before.get(model) !== phase)
          .map(([model, phase]) => `Rollout of ${model}: ${phase}.`)
      : [];
  }

  alarmed(state) {
    if (![...state.resources.keys()].some((key) => key.startsWith("monitors/") && state.resources.get(key).value))
      return [];
    const all = alarms(state);
    const firing = new Set(all.map(nameOf));
    const before = this.firing;
    this.firing = firing;
    if (!before) return [];
    const fresh = all.filter((alarm) => !before.has(nameOf(alarm)));
    const over = [...before].filter((name) => !firing.has(name)).length;
    const more = fresh.length > 3 ? ` And ${fresh.length - 3} more.` : "";
    return [
      ...fresh.slice(0, 3).map((alarm) => `Alarm: ${alarm.model}. ${matter(alarm)}.`),
      more,
      over ? `${over} alarms are over.` : "",
    ].filter(Boolean);
  }
}
