// A rollout: where it stands, what its gates say, what it waits for; and what a person can do about it.

import { range } from "../charts/range.js";
import { h } from "../dom.js";
import { count, interval, number, span, words } from "../format.js";
import { toModel } from "../route.js";
import { valueOf } from "../data/sources.js";
import { alarmsPanel } from "./alarms.js";
import { ORDERS, possible } from "./command.js";
import { eventList } from "./events.js";
import { notice, panel, sign, table, trouble } from "./panel.js";

const PHASES = {
  running: "calm",
  pending: "warn",
  paused: "warn",
  waiting_approval: "warn",
  succeeded: "good",
  rolled_back: "bad",
  aborted: "bad",
  superseded: "none",
};
const VERDICTS = { pass: "good", fail: "bad", inconclusive: "warn", no_data: "none", error: "bad" };

/** The view of one model's rollout. */
export function rollout(state, model, actions) {
  const one = (valueOf(state, "rollouts")?.rollouts ?? []).find((each) => each.model === model);
  const wait = trouble(state, "rollouts", "rollouts");
  const top = alarmsPanel(state, model);
  if (!one) return [top, panel("rollout", "Rollout", { wide: true }, wait, valueOf(state, "rollouts") && none(model))];
  return [
    top,
    panel(
      "rollout",
      `Version ${one.candidate} against version ${one.stable}`,
      { wide: true, aside: phase(one) },
      wait,
      outcome(state, model),
      steps(one),
      shares(one),
      progress(state, one),
      waits(one),
      buttons(state, one, actions),
    ),
    panel("gates", "Gates", { wide: true, aside: "candidate against stable over the same time" }, gates(one)),
    panel("events", "Events", { wide: true }, trouble(state, "history", "events"), eventList(state, model, 30)),
  ];
}

/** All rollouts. */
export function rollouts(state) {
  const all = valueOf(state, "rollouts")?.rollouts ?? [];
  return [
    h("h1", { class: "unseen", key: "h1" }, "Rollouts"),
    panel(
      "rollouts",
      "Rollouts",
      { wide: true },
      trouble(state, "rollouts", "rollouts"),
      all.length
        ? all.map((one) => brief(state, one))
        : valueOf(state, "rollouts") &&
            h(
              "p",
              { class: "quiet" },
              "No model has a rollout. Name stable and candidate in a model's configuration, and put it into force: driftgate apply gateway.yaml",
            ),
    ),
  ];
}

/** A rollout in a few lines, with the way to all of it. */
export function brief(state, one) {
  return h(
    "article",
    { class: "brief", key: `brief ${one.model}` },
    h(
      "p",
      { class: "line" },
      h(
        "a",
        { href: toModel(one.model, "rollout") },
        h("b", {}, one.model),
        ` version ${one.candidate} against ${one.stable}`,
      ),
      " ",
      phase(one),
      h("small", {}, `for ${span(Math.max(0, state.now - one.since))}`),
    ),
    steps(one),
    shares(one),
    h(
      "p",
      { class: "line" },
      one.verdicts.map((verdict) =>
        h("span", { class: "verdict" }, sign(VERDICTS[verdict.outcome] ?? "none", verdict.gate)),
      ),
    ),
  );
}

function phase(one) {
  return sign(PHASES[one.phase] ?? "none", words(one.phase));
}

function none(model) {
  return notice(
    "rollout",
    "plain",
    `${model} has no rollout: its traffic is split as the configuration says. Write one under `,
    h("code", {}, `models: ${model}: rollout:`),
    " with stable, candidate, steps and gates, look at it with ",
    h("code", {}, "driftgate plan gateway.yaml"),
    " and begin it with ",
    h("code", {}, "driftgate apply gateway.yaml"),
    ".",
  );
}

/** What the last command came to. */
function outcome(state, model) {
  const said = state.said.get(model);
  return said && notice("outcome", said.kind, said.text);
}

function steps(one) {
  const all = [...one.steps, 100];
  const here = one.phase === "succeeded" ? all.length - 1 : one.step;
  return h(
    "ol",
    { class: "steps", key: "steps", "aria-label": "Steps" },
    all.map((percent, at) => {
      const current = at === here && one.phase !== "aborted" && one.phase !== "rolled_back";
      const done = at < here || one.phase === "succeeded";
      return h(
        "li",
        { key: `s${at}`, class: current ? "here" : done ? "done" : null, "aria-current": current ? "step" : null },
        h("span", { "aria-hidden": "true" }, done ? "✓" : current ? "▸" : "○"),
        ` ${number(percent)} %`,
        h("span", { class: "unseen" }, done ? " done" : current ? " now" : " to come"),
      );
    }),
  );
}

function shares(one) {
  const { stable, candidate, weights } = one;
  const of = (version) => weights[String(version)] ?? 0;
  return h(
    "div",
    { class: "shares", key: "shares" },
    h(
      "div",
      { class: "split", "aria-hidden": "true" },
      h("i", { class: "stable", style: { width: `${of(stable)}%` } }),
      h("i", { class: "candidate", style: { width: `${of(candidate)}%` } }),
    ),
    h(
      "p",
      { class: "line" },
      h(
        "span",
        {},
        h("i", { class: "key stable", "aria-hidden": "true" }),
        `stable, version ${stable}: ${number(of(stable))} %`,
      ),
      h(
        "span",
        {},
        h("i", { class: "key candidate", "aria-hidden": "true" }),
        `candidate, version ${candidate}: ${number(of(candidate))} %`,
      ),
    ),
  );
}

function progress(state, one) {
  if (one.phase !== "running")
    return h(
      "p",
      { key: "progress" },
      `${words(one.phase)} for ${span(Math.max(0, state.now - one.since))}`,
      one.reason ? `: ${one.reason}` : "",
      ".",
    );
  const done = Math.min(one.answered, one.min_samples);
  return h(
    "p",
    { class: "line", key: "progress" },
    h("progress", { max: one.min_samples, value: done, "aria-label": "Answers of the candidate on this step" }),
    h(
      "span",
      {},
      `${count(one.answered)} of ${count(one.min_samples)} answers of the candidate, ${span(Math.max(0, state.now - one.since))} on this step`,
    ),
  );
}

function waits(one) {
  const found = one.waits_for.filter((sentence) => sentence !== one.reason);
  return found.length
    ? h(
        "div",
        { key: "waits" },
        h("h3", {}, "Waits for"),
        h(
          "ul",
          { class: "waits" },
          found.map((sentence) => h("li", {}, sentence)),
        ),
      )
    : null;
}

function buttons(state, one, { ask }) {
  const verbs = possible(one);
  if (!verbs.length)
    return h(
      "p",
      { class: "quiet", key: "over" },
      "This rollout has ended. Another begins when the configuration names other versions, steps or gates.",
    );
  const off = state.connection.down || state.busy;
  return h(
    "div",
    { class: "buttons", key: "buttons", role: "group", "aria-label": "What you can do" },
    verbs.map((verb) =>
      h(
        "button",
        { key: verb, type: "button", class: ORDERS[verb].kind, disabled: off, on: { click: () => ask(one, verb) } },
        ORDERS[verb].name,
        " …",
      ),
    ),
  );
}

function gates(one) {
  if (!one.verdicts.length)
    return h("p", { class: "quiet" }, "No verdicts yet: gates are judged once a second while the rollout runs.");
  const columns = [
    { name: "gate" },
    { name: "verdict" },
    { name: "value", n: true },
    { name: "interval", n: true },
    { name: "limit", n: true },
    { name: "interval and limit" },
    { name: "stable", n: true },
    { name: "candidate", n: true },
  ];
  const found = table(
    "Gates",
    columns,
    one.verdicts.map((verdict) => [
      h("span", {}, verdict.gate, h("small", {}, verdict.sentence)),
      sign(VERDICTS[verdict.outcome] ?? "none", words(verdict.outcome)),
      number(verdict.value),
      interval(verdict.interval),
      number(verdict.limit),
      range([{ value: verdict.value, interval: verdict.interval }], { limit: verdict.limit }),
      count(verdict.n_stable),
      count(verdict.n_candidate),
    ]),
  );
  return h("div", { class: "gates", key: "gates" }, found);
}
