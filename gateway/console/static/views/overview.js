// The whole gateway at a glance: what fires, what comes in, which versions answer, what is being rolled out.

import { lines } from "../charts/lines.js";
import { h } from "../dom.js";
import { count, percent, plural } from "../format.js";
import { toModel } from "../route.js";
import { valueOf } from "../data/sources.js";
import { alarms } from "../data/windows.js";
import { alarmsPanel } from "./alarms.js";
import { eventList } from "./events.js";
import { errors, lately, latency, rate } from "./latency.js";
import { panel, sign, strip, table, trouble } from "./panel.js";
import { brief } from "./rollout.js";

const LINES = 8;
const STATES = { READY: ["good", "ready"], LOADING: ["warn", "loading"], UNAVAILABLE: ["bad", "unavailable"] };

/** The view. */
export function overview(state) {
  const rollouts = (valueOf(state, "rollouts")?.rollouts ?? []).filter((one) => !ended(one));
  return [
    h("h1", { class: "unseen", key: "h1" }, "Overview"),
    alarmsPanel(state),
    figures(state, rollouts),
    panel(
      "rates",
      "Traffic by version",
      { aside: "requests a second", wide: true },
      trouble(state, "traffic", "traffic figures"),
      rates(state),
    ),
    panel("models", "Models", { wide: true }, trouble(state, "status", "models"), models(state)),
    panel(
      "underway",
      "Rollouts under way",
      {},
      trouble(state, "rollouts", "rollouts"),
      rollouts.length
        ? rollouts.map((one) => brief(state, one))
        : h(
            "p",
            { class: "quiet" },
            "None. A rollout begins when a model's configuration names one: driftgate apply gateway.yaml",
          ),
    ),
    panel(
      "recent",
      "Recent events",
      { aside: h("a", { href: "#/events" }, "all") },
      trouble(state, "history", "events"),
      eventList(state, null, 6),
    ),
  ];
}

const ended = (one) => ["succeeded", "rolled_back", "aborted", "superseded"].includes(one.phase);

function figures(state, rollouts) {
  const status = valueOf(state, "status");
  const all = lately(state.traffic, state.traffic.entries(null, "primary"));
  const replicas = status?.replicas ?? [];
  const inFlight = replicas.reduce((so, one) => so + one.in_flight, 0);
  const firing = alarms(state).length;
  const lost = replicas.reduce((so, one) => so + (one.journal?.lost ?? 0), 0);
  const idle = all && !all.n;
  return h(
    "section",
    { class: "panel wide flat", key: "strip", "aria-label": "Figures of the last minute" },
    strip([
      { name: "requests", value: idle ? "no traffic" : rate(all?.rate), note: "last minute" },
      {
        name: "errors",
        value: idle ? "none" : errors(all?.errors),
        note: "of requests",
        kind: all?.errors > 0.01 ? "bad" : null,
      },
      { name: "p50", value: latency(all?.p50, all?.bounds), note: "to answer" },
      { name: "p95", value: latency(all?.p95, all?.bounds), note: "to answer" },
      { name: "p99", value: latency(all?.p99, all?.bounds), note: "to answer" },
      {
        name: "replicas",
        value: status ? count(replicas.length) : "–",
        note: status ? `${count(inFlight)} in flight` : null,
      },
      { name: "rollouts", value: count(rollouts.length), note: "under way" },
      { name: "alarms", value: count(firing), note: "firing", kind: firing ? "bad" : null },
      ...(lost ? [{ name: "records lost", value: count(lost), note: "journal full", kind: "bad" }] : []),
    ]),
  );
}

function rates(state) {
  const entries = state.traffic.entries(null, "primary");
  if (!entries.length)
    return h(
      "p",
      { class: "quiet" },
      "No traffic since the gateway began. Ask it something, or send a recording: driftgate replay MODEL",
    );
  const busiest = [...entries].sort((a, b) => sum(b) - sum(a)).slice(0, LINES);
  const drawn = entries.filter((entry) => busiest.includes(entry));
  const found = drawn.map((entry) => state.traffic.rates(entry));
  const more = entries.length - drawn.length;
  return [
    lines("rates", {
      title: "Requests a second by version, last quarter of an hour",
      times: found[0].times,
      lines: drawn.map((entry, at) => ({
        name: `${entry.model} ${entry.version}`,
        values: found[at].values,
        colour: at,
        dashed: at,
      })),
      shown: (value) => rate(value).replace(" /s", ""),
      most: 1,
    }),
    more > 0 &&
      h(
        "p",
        { class: "quiet", key: "more" },
        `The ${LINES} busiest are drawn; ${plural(more, "other version")} stand below.`,
      ),
  ];
}

const sum = (entry) => Object.values(entry.outcomes).reduce((so, n) => so + n, 0);

function models(state) {
  const rows = valueOf(state, "status")?.models ?? [];
  if (!rows.length)
    return (
      valueOf(state, "status") &&
      h("p", { class: "quiet" }, "No model is served. The repository is empty, or the configuration names none.")
    );
  const columns = ["version", "state", "share", "requests", "errors", "p95", "answered", "alarms"];
  return table(
    "Models and versions",
    columns.map((name, at) => ({ name, n: at > 1 })),
    rows.map((row) => cells(state, row)),
  );
}

function cells(state, row) {
  const entry = state.traffic.entries(row.model, "primary").find((one) => one.version === row.version);
  const now = entry && lately(state.traffic, [entry]);
  const [kind, word] = STATES[row.state] ?? ["none", String(row.state).toLowerCase()];
  const firing = alarms(state, row.model).filter((alarm) => alarm.version === row.version).length;
  return [
    h("a", { href: toModel(row.model, "traffic", { version: row.version }) }, `${row.model} ${row.version}`),
    h("span", { title: row.reason || null }, sign(kind, word), row.reason && h("small", {}, row.reason)),
    row.share === null || row.share === undefined ? "–" : percent(row.share),
    now?.n ? rate(now.rate) : "–",
    now?.n ? errors(now.errors) : "–",
    latency(now?.p95, now?.bounds),
    count(row.answered),
    firing ? sign("bad", count(firing)) : "–",
  ];
}
