// Which version of a model the monitors' views are about, and what to say where they have nothing to say.

import { h } from "../dom.js";
import { ago, count, moment } from "../format.js";
import { valueOf } from "../data/sources.js";
import { chosen, endOf, watched, windowOf } from "../data/windows.js";
import { choice, notice, trouble } from "./panel.js";
import { windowRule } from "./sentence.js";

/** `{one, before}`: the version in sight (or null), and what stands above the view: the choice, the window, or why there is nothing. */
export function inSight(state, model, about, choose) {
  const all = watched(state, model);
  const before = [trouble(state, `monitors/${model}`, "what the monitors found")];
  if (all === null) return { one: null, before };
  if (!all.length) return { one: null, before: [...before, notice("unwatched", "plain", ...unwatched(state, model))] };
  const one = chosen(state, model, state.route.wanted);
  const nameOf = ({ version, role }) => `version ${version}${role === "primary" ? "" : `, ${role}`}`;
  const valueOfOne = ({ version, role }) => `${version} ${role}`;
  const window = windowOf(one, about);
  before.push(
    h(
      "div",
      { class: "sight", key: "sight" },
      all.length > 1 &&
        choice(
          "of",
          all.map((each) => ({ value: valueOfOne(each), name: nameOf(each) })),
          valueOfOne(one),
          (value) => {
            const [version, role] = value.split(" ");
            choose({ version, role: role === "primary" ? null : role });
          },
        ),
      all.length === 1 && h("span", { key: "only" }, nameOf(one)),
      window &&
        h(
          "span",
          { class: "quiet", key: "window" },
          `last window: ${count(window.rows)} rows, ${moment(window.start / 1e9, state.now)} to ${moment(endOf(window), state.now)}, closed ${ago(endOf(window), state.now)}`,
        ),
    ),
  );
  if (!window) before.push(notice("open", "plain", ...unclosed(one, about, nameOf(one))));
  return { one, before };
}

function unwatched(state, model) {
  const rows = (valueOf(state, "status")?.models ?? []).filter((row) => row.model === model);
  const answered = rows.reduce((so, row) => so + row.answered, 0);
  if (!answered) return [`${model} has answered nothing yet. Its monitors begin with the first answer.`];
  const [row] = rows;
  return [
    `${model} answers, but is not watched: its versions have no reference profile to compare with, or its configuration says `,
    h("code", {}, "monitor: none"),
    ". Make a profile of the training data: ",
    h(
      "code",
      {},
      `driftgate profile DATA.parquet --manifest models/${model}/${row.version}/model.yaml --output models/${model}/${row.version}/reference.npz`,
    ),
  ];
}

function unclosed(one, about, name) {
  if (about === "labelled" && windowOf(one, "answers")) {
    return [
      `No labels for ${name} yet: how well it does shows when they come. Send them to `,
      h("code", {}, "POST /v2/models/MODEL/labels"),
      ", or with ",
      h("code", {}, "driftgate labels FILE --model MODEL"),
      ".",
    ];
  }
  return [`No window of ${name} has closed yet. ${windowRule}`];
}
