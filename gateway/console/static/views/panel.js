// The pieces that every view is made of: panels, figures in a strip, signs of a state, and what to say where nothing can be shown.

import { h } from "../dom.js";
import { ago } from "../format.js";

const SIGNS = {
  good: "✓",
  bad: "▲",
  warn: "◆",
  calm: "●",
  none: "○",
};
const STALE_S = 30;

/** A titled part of a view. id: also the key. aside: what stands beside the title. */
export function panel(id, title, { aside = null, wide = false } = {}, ...content) {
  return h(
    "section",
    { class: `panel${wide ? " wide" : ""}`, key: id, "aria-labelledby": `h-${id}` },
    h("div", { class: "head" }, h("h2", { id: `h-${id}` }, title), aside && h("div", { class: "aside" }, aside)),
    ...content,
  );
}

/** Figures side by side: `[{name, value, note, kind}]`. */
export function strip(figures) {
  return h(
    "dl",
    { class: "strip" },
    figures.map(({ name, value, note, kind }) =>
      h("div", { class: kind ?? null }, h("dt", {}, name), h("dd", {}, value, note && h("small", {}, note))),
    ),
  );
}

/** A state as sign, colour and word, so that none of the three need be seen. kind: good, bad, warn, calm, none. */
export function sign(kind, word) {
  return h("span", { class: `sign ${kind}` }, h("span", { "aria-hidden": "true" }, SIGNS[kind]), ` ${word}`);
}

/** The state of a measurement's alarm, as a sign: also that only the training period's own ups and downs speak against one. */
export function alarmSign({ state, detail }) {
  if (state === "ok" && detail?.as_in_training) return sign("none", "as in training");
  const kind = { ok: "good", firing: "bad", pending: "warn", resolved: "calm" }[state] ?? "none";
  return sign(kind, { insufficient_data: "not judged" }[state] ?? state);
}

/** What is the case, and what can be done. kind: plain, warn, bad. */
export function notice(key, kind, ...said) {
  return h("p", { class: `notice ${kind}`, key: `notice-${key}` }, ...said);
}

/** A table within a box that scrolls by itself where the page is narrow. columns: `[{name, n}]`; rows: arrays of cells. */
export function table(title, columns, rows) {
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": `Table: ${title}`, key: `t-${title}` },
    h(
      "table",
      {},
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          columns.map(({ name, n }) => h("th", { scope: "col", class: n ? "n" : null }, name)),
        ),
      ),
      h(
        "tbody",
        {},
        rows.map((cells) =>
          h(
            "tr",
            {},
            cells.map((cell, at) =>
              at ? h("td", { class: columns[at].n ? "n" : null }, cell) : h("th", { scope: "row" }, cell),
            ),
          ),
        ),
      ),
    ),
  );
}

/** What a source cannot tell just now, and how old the rest is; nothing if all is well. what: its content, as a plural noun. */
export function trouble(state, key, what) {
  const held = state.resources.get(key);
  if (!held) return h("p", { class: "quiet", key: `wait-${key}` }, `Asking for ${what} …`);
  const { problem, at, value } = held;
  if (problem && !state.connection.down) return failed(state, key, what, problem, value ? at : null);
  if (value && state.now - at > STALE_S)
    return notice(key, "warn", `Stale: ${what} are ${ago(at, state.now).replace(" ago", " old")}.`);
  if (!value && state.connection.down) return notice(key, "warn", `No ${what} yet: the gateway does not answer.`);
  return null;
}

/** A choice among options, `[{value, name}]`, as a labelled select. */
export function choice(label, options, value, choose) {
  return h(
    "label",
    { class: "choice", key: `c-${label}` },
    h("span", {}, label),
    h(
      "select",
      { on: { change: (event) => choose(event.target.value) } },
      options.map((one) => h("option", { value: one.value, key: one.value, selected: one.value === value }, one.name)),
    ),
  );
}

function failed(state, key, what, problem, at) {
  const old = at ? ` What you see is ${ago(at, state.now).replace(" ago", " old")}.` : "";
  if (problem.kind === "absent")
    return notice(key, "plain", `This gateway does not offer ${what}: ${problem.message}.`);
  if (problem.kind === "unavailable") {
    return notice(
      key,
      "warn",
      `No new ${what}: ${problem.message}. Requests are answered and recorded all the same; it is asked again every ` +
        `few seconds. If this lasts, look into log/gateway.log in its data folder.${old}`,
    );
  }
  return notice(key, "bad", `The gateway refuses to tell ${what}: ${problem.message}.${old}`);
}
