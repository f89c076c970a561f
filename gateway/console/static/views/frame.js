// What stands around every view: the name, where one can go, how fresh all of it is, and who is asked to act.

import { h } from "../dom.js";
import { ago, moment, span } from "../format.js";
import { TABS, toModel } from "../route.js";
import { valueOf } from "../data/sources.js";

/** The top of the page. */
export function header(state, { retry }) {
  const link = (to, view, name) =>
    h("a", { href: to, "aria-current": state.route.view === view ? "page" : null, key: view }, name);
  return [
    h(
      "div",
      { class: "bar", key: "bar" },
      h(
        "a",
        { class: "brand", href: "#/", key: "brand" },
        h("span", { class: "emblem", "aria-hidden": "true" }),
        "driftgate",
      ),
      h(
        "nav",
        { "aria-label": "Views", key: "nav" },
        link("#/", "overview", "Overview"),
        link("#/rollouts", "rollouts", "Rollouts"),
        link("#/events", "events", "Events"),
      ),
      h("span", { class: "grow", key: "grow" }),
      pulse(state),
      h(
        "button",
        { class: "plain", key: "theme", type: "button", on: { click: globalThis.driftgateTheme.next } },
        h("span", { class: "unseen" }, "Colours: "),
        { auto: "◐ auto", light: "○ light", dark: "● dark" }[globalThis.driftgateTheme.now()],
      ),
    ),
    state.connection.down && lost(state, retry),
  ];
}

/** The name of a model and its tabs. */
export function modelHead(state, model, models) {
  const { tab } = state.route;
  return h(
    "div",
    { class: "model-head", key: "model-head" },
    h("h1", { key: "h1" }, model),
    models.length > 1 &&
      h(
        "label",
        { class: "choice", key: "switch" },
        h("span", {}, "model"),
        h(
          "select",
          {
            on: {
              change: (event) => {
                location.hash = toModel(event.target.value, tab);
              },
            },
          },
          models.map((name) => h("option", { value: name, key: name, selected: name === model }, name)),
        ),
      ),
    h(
      "nav",
      { "aria-label": "Of this model", class: "tabs", key: "tabs" },
      TABS.map((name) =>
        h(
          "a",
          { href: toModel(model, name), "aria-current": tab === name ? "page" : null, key: name },
          name[0].toUpperCase() + name.slice(1),
        ),
      ),
    ),
  );
}

/** The bottom of the page. */
export function footer(state) {
  const status = valueOf(state, "status");
  return [
    h(
      "p",
      { key: "p" },
      status ? `Revision ${status.revision} of the desired state. ` : "",
      "Times are this browser's. The same is on /metrics for Prometheus, and on a terminal: ",
      h("code", {}, "driftgate status"),
      ".",
    ),
  ];
}

function pulse(state) {
  const at = state.resources.get("status")?.at;
  const { down } = state.connection;
  const [kind, said] = down ? ["bad", "▲ not connected"] : at ? ["good", "● live"] : ["none", "○ connecting"];
  return h("span", { class: `pulse ${kind}`, key: "pulse" }, said, !down && at && h("small", {}, ago(at, state.now)));
}

function lost(state, retry) {
  const { since, next, problem } = state.connection;
  const at = state.resources.get("status")?.at;
  const old = at
    ? `What you see is from ${moment(at, state.now)}, ${ago(at, state.now)}.`
    : "There is nothing to show yet.";
  const wait = Math.max(0, Math.ceil(next - state.now));
  const what =
    problem.kind === "unreachable"
      ? `The gateway does not answer (${problem.message})`
      : `The gateway cannot say how it stands (${problem.message})`;
  return h(
    "div",
    { class: "lost", key: "lost" },
    h(
      "p",
      {},
      h("b", {}, `${what}, since ${moment(since, state.now)}. `),
      old,
      ` ${wait ? `Asked again in ${span(wait)}.` : "Asking …"} If it was stopped, start it with `,
      h("code", {}, "driftgate up"),
      "; this page then goes on by itself.",
    ),
    h("button", { type: "button", on: { click: retry } }, "Ask now"),
  );
}
