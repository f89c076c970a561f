// What was changed: when, by whom, from where to where, and why.

import { h } from "../dom.js";
import { ago, moment, words } from "../format.js";
import { toModel } from "../route.js";
import { valueOf } from "../data/sources.js";
import { panel, trouble } from "./panel.js";

const SIGNS = {
  begin: "▸",
  start: "▸",
  advance: "▲",
  succeed: "✓",
  promote: "▲",
  approve: "✓",
  fail: "▼",
  abort: "▼",
  withdraw: "▼",
  pause: "‖",
  resume: "▸",
  wait: "…",
  apply: "•",
};

/** The view. */
export function events(state) {
  return [
    h("h1", { class: "unseen", key: "h1" }, "Events"),
    panel(
      "events",
      "Events",
      { wide: true, aside: "the newest first" },
      trouble(state, "history", "events"),
      eventList(state, null, 200),
    ),
  ];
}

/** The newest events, of one model or of all. */
export function eventList(state, model, most) {
  const history = valueOf(state, "history");
  if (!history) return null;
  const found = history.events
    .filter((event) => model === null || event.model === model)
    .reverse()
    .slice(0, most);
  if (!found.length)
    return h(
      "p",
      { class: "quiet", key: "events" },
      "Nothing was changed yet. Configurations that are applied, and what rollouts do, stand here.",
    );
  return h(
    "ol",
    { class: "events", key: "events" },
    found.map((event) => entry(state, event, model === null)),
  );
}

function entry(state, event, withModel) {
  const seconds = Date.parse(event.time) / 1000;
  const where = [event.before, event.after].filter(Boolean).join(" → ");
  return h(
    "li",
    { key: `${event.time} ${event.model} ${event.what} ${event.why}` },
    h("span", { class: "what", "aria-hidden": "true" }, SIGNS[event.what] ?? "•"),
    h(
      "p",
      { class: "line" },
      withModel && event.model && h("a", { href: toModel(event.model, "rollout") }, event.model),
      h("b", {}, words(event.what)),
      where && h("span", {}, where),
    ),
    event.why && h("p", { class: "quiet" }, event.why),
    h(
      "small",
      {},
      h("time", { datetime: event.time, title: event.time }, moment(seconds, state.now)),
      `, ${ago(seconds, state.now)}, by ${event.who}`,
    ),
  );
}
