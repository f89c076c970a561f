// Whether groups are treated alike: the gaps with their intervals, and the counts that they rest on.

import { range } from "../charts/range.js";
import { h } from "../dom.js";
import { count, interval, number, percent } from "../format.js";
import { found } from "../data/windows.js";
import { alarmsPanel } from "./alarms.js";
import { alarmSign, notice, panel, table } from "./panel.js";
import { named, valued } from "./sentence.js";
import { inSight } from "./watch.js";

const RATIO = "demographic_parity_ratio";
const LIMITS = { demographic_parity_difference: 0.1, [RATIO]: 0.8, equalised_odds_difference: 0.1, accuracy_gap: 0.1 };
const SAID = {
  demographic_parity_difference: "how far apart the shares are that get a positive answer",
  [RATIO]: "the lowest such share by the highest; 0.8 is the four-fifths rule",
  equalised_odds_difference: "how far apart those alike in truth are treated",
  accuracy_gap: "how far apart the shares of right answers are",
};

/** The view. */
export function fairness(state, model, { choose }) {
  const { one, before } = inSight(state, model, "answers", choose);
  const measured = found(one, "fairness");
  const top = [alarmsPanel(state, model), h("div", { class: "wide", key: "before" }, before)];
  if (!one?.latest.length) return top;
  if (!measured.length) return [...top, h("div", { class: "wide", key: "none" }, nobody(model, one))];
  const attributes = [...new Set(measured.map(({ subject }) => attributeOf(subject)))];
  return [
    ...top,
    ...attributes.map((attribute) => {
      const mine = measured.filter(({ subject }) => attributeOf(subject) === attribute);
      return panel(`by-${attribute}`, `By ${attribute}`, { wide: true }, gaps(mine), groups(mine), left(mine));
    }),
  ];
}

const ends = (detail) => (detail?.highest === undefined ? "" : `; highest ${detail.highest}, lowest ${detail.lowest}`);
const attributeOf = (subject) => subject.split("=")[0];

function nobody(model, one) {
  return notice(
    "groups",
    "plain",
    `${model} version ${one.version} declares no groups, or no group had enough rows in the last window. Name the attributes in the manifest: `,
    h("code", {}, "groups: [sex]"),
    "; a group with fewer than 30 rows (",
    h("code", {}, "monitor: min_group"),
    ") is compared with none.",
  );
}

function gaps(measured) {
  const rows = measured.filter(({ subject }) => !subject.includes("="));
  if (!rows.length)
    return h(
      "p",
      { class: "quiet", key: "gaps" },
      "Fewer than two groups have enough rows: there is nothing to compare.",
    );
  const columns = [
    { name: "gap" },
    { name: "value", n: true },
    { name: "interval", n: true },
    { name: "limit", n: true },
    { name: "interval and limit" },
    { name: "rows", n: true },
    { name: "state" },
  ];
  return table(
    "Gaps between groups",
    columns,
    rows.map((row) => {
      const limit = LIMITS[row.statistic] ?? null;
      return [
        h("span", {}, named(row.statistic), h("small", {}, `${SAID[row.statistic] ?? row.about}${ends(row.detail)}`)),
        number(row.value),
        interval(row.interval),
        limit === null ? "–" : `${row.statistic === RATIO ? "≥" : "≤"} ${limit}`,
        range([{ value: row.value, interval: row.interval }], {
          limit,
          bounds:
            limit === null
              ? null
              : [0, Math.max(row.statistic === RATIO ? 1 : 0.2, row.value ?? 0, row.interval?.[1] ?? 0)],
        }),
        count(row.n),
        alarmSign(row),
      ];
    }),
  );
}

function groups(measured) {
  const of = measured.filter(({ subject }) => subject.includes("="));
  if (!of.length) return null;
  const statistics = [...new Set(of.map(({ statistic }) => statistic))];
  const names = [...new Set(of.map(({ subject }) => subject))];
  const cell = (subject, statistic) => {
    const row = of.find((each) => each.subject === subject && each.statistic === statistic);
    return row
      ? h(
          "span",
          { title: interval(row.interval, (value) => valued(statistic, value)) },
          valued(statistic, row.value),
          h("small", {}, `n ${count(row.n)}`),
        )
      : "–";
  };
  const columns = [{ name: "group" }, ...statistics.map((statistic) => ({ name: named(statistic), n: true }))];
  return [
    table(
      "Groups",
      columns,
      names.map((name) => [
        name.slice(name.indexOf("=") + 1) || "(empty)",
        ...statistics.map((statistic) => cell(name, statistic)),
      ]),
    ),
    h(
      "p",
      { class: "quiet", key: "n" },
      "n is the denominator: of a true positive rate, the positives. Below 30 (unless configured otherwise) a group has no number. A gap past its limit that the training data had already is “as in training” and raises no alarm; one that grows does.",
    ),
  ];
}

function left(measured) {
  const names = [...new Set(measured.flatMap(({ detail }) => left0(detail?.left_out)))];
  return names.length
    ? notice("left", "plain", `Too small to compare: ${names.slice(0, 12).join(", ")}${names.length > 12 ? " …" : ""}.`)
    : null;
}

function left0(out) {
  if (Array.isArray(out)) return out.map(String);
  if (out && typeof out === "object")
    return Object.entries(out).map(([name, n]) =>
      typeof n === "number" ? `${name} (${n < 1 ? percent(n) : count(n)})` : name,
    );
  return [];
}
