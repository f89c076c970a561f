// Which features drifted, by how much, and what they look like now beside the training data.

import { bars, columns, key } from "../charts/bins.js";
import { range } from "../charts/range.js";
import { h } from "../dom.js";
import { count, interval, number } from "../format.js";
import { toModel } from "../route.js";
import { valueOf } from "../data/sources.js";
import { found } from "../data/windows.js";
import { alarmsPanel } from "./alarms.js";
import { alarmSign, notice, panel, table, trouble } from "./panel.js";
import { matter, moved, named, valued } from "./sentence.js";
import { inSight } from "./watch.js";

const MATTERS = 0.1;
const SHOWN = 24;
const QUALITY = ["missing", "nonfinite", "out_of_range", "unseen", "constant", "duplicate", "refused"];

/** The view. */
export function drift(state, model, { choose }) {
  const { one, before } = inSight(state, model, "answers", choose);
  const key0 = `distributions/${model}`;
  if (!one?.latest.length) return [alarmsPanel(state, model), h("div", { class: "wide", key: "before" }, before)];
  const ranked = ranking(one);
  const shapes = shapesOf(state, model, one);
  const named0 = state.route.wanted.get("subject");
  const subject = ranked.some((row) => row.subject === named0) || shapes.has(named0) ? named0 : ranked[0]?.subject;
  return [
    alarmsPanel(state, model),
    h("div", { class: "wide", key: "before" }, before),
    panel(
      "ranking",
      "Drift ranking",
      { aside: "PSI, last window against training" },
      list(ranked, shapes, subject, model, one),
    ),
    panel(
      "shape",
      `${subject ?? "Feature"}: training against now`,
      {},
      trouble(state, key0, "distributions"),
      shape(subject, shapes, ranked, state, key0),
    ),
    panel("together", "All together", {}, together(one)),
    panel("quality", "Data quality", {}, quality(one)),
  ];
}

/** Features and answers, by PSI: `[{subject, monitor, value, interval, state, detail, js, shift}]`. */
function ranking(one) {
  const other = (monitor, statistic, subject) =>
    found(one, monitor, statistic).find((each) => each.subject === subject);
  const rows = ["prediction_drift", "drift", "label_drift"].flatMap((monitor) =>
    found(one, monitor, "psi").map((psi) => ({
      ...psi,
      js: other(monitor, "js", psi.subject)?.value,
      shift: other("drift", "score_shift", psi.subject),
    })),
  );
  return rows
    .filter((row) => !row.subject.includes(" ["))
    .sort((a, b) => (b.value ?? -1) - (a.value ?? -1))
    .slice(0, 64);
}

function shapesOf(state, model, one) {
  const all = valueOf(state, `distributions/${model}`)?.versions ?? [];
  const mine = all.find((each) => each.version === one.version && each.role === one.role);
  return new Map((mine?.features ?? []).map((feature) => [feature.feature, feature]));
}

/** The distribution of what a measurement is about; that of the answers is called `prediction`. */
const shapeFor = (row, shapes) =>
  shapes.get(row.subject) ?? (row.monitor === "prediction_drift" ? shapes.get("prediction") : undefined);

function list(ranked, shapes, subject, model, one) {
  const most = Math.max(0.25, ...ranked.map((row) => row.value ?? 0));
  const role = one.role === "primary" ? null : one.role;
  return [
    h(
      "p",
      { class: "quiet", key: "say" },
      key("reference"),
      "training ",
      key("now"),
      `last window. A PSI (the mark) or JS distance from ${MATTERS} on can matter, and so can a category that became much more frequent or rarer. An alarm also needs that it is no accident, and more than the training period's own ups and downs: what these explain is “as in training”.`,
    ),
    h(
      "ol",
      { class: "ranking", key: "list" },
      ranked.slice(0, SHOWN).map((row) => {
        const drawn = shapeFor(row, shapes);
        const to = toModel(model, "drift", { version: one.version, role, subject: row.subject });
        const prefix = { prediction_drift: "answers: ", label_drift: "labels: " }[row.monitor] ?? "";
        return h(
          "li",
          { key: `${row.monitor} ${row.subject}`, class: row.subject === subject ? "here" : null },
          h("a", { href: to, "aria-current": row.subject === subject ? "true" : null }, prefix, row.subject),
          drawn ? columns(drawn.reference, drawn.now) : h("span", { class: "columns" }),
          h("span", { class: "n" }, number(row.value)),
          range([{ value: row.value, interval: row.interval }], { limit: MATTERS, bounds: [0, most] }),
          alarmSign(row),
        );
      }),
    ),
    ranked.length > SHOWN && h("p", { class: "quiet", key: "more" }, `The first ${SHOWN} of ${count(ranked.length)}.`),
  ];
}

function shape(subject, shapes, ranked, state, source) {
  const row = ranked.find((each) => each.subject === subject);
  const drawn = shapes.get(subject) ?? (row && shapeFor(row, shapes));
  const said = row && [
    h(
      "p",
      { key: "said" },
      `PSI ${number(row.value)} (${interval(row.interval)}), ${count(row.n)} rows`,
      row.js === undefined ? "" : `, JS distance ${number(row.js)}`,
      moved(row.detail),
      ".",
    ),
    row.shift &&
      h(
        "p",
        { class: "quiet", key: "shift" },
        `Its drift moves the score by ${number(row.shift.value)} (${interval(row.shift.interval)}), ranked ${row.shift.detail?.rank ?? "–"}.`,
      ),
  ];
  if (drawn)
    return [
      said,
      h(
        "div",
        { class: "scroll", key: "bars", tabindex: 0, role: "region", "aria-label": `Distribution of ${subject}` },
        bars(`Share of rows in each bin of ${drawn.feature}`, drawn),
      ),
    ];
  const known = valueOf(state, source);
  return [
    said,
    known &&
      notice(
        "shape",
        "plain",
        `No distribution of ${subject} is kept: those of the features that drifted most, and of the answers, are.`,
      ),
  ];
}

function together(one) {
  const rows = [...found(one, "multivariate_drift", "psi"), ...found(one, "outlier", "beyond_99", "beyond_99.9")];
  if (!rows.length)
    return h("p", { class: "quiet" }, "The reference profile has no components, or the window too few rows.");
  return table(
    "Features together, and outliers",
    [{ name: "what" }, { name: "value", n: true }, { name: "interval", n: true }, { name: "state" }],
    rows.map((row) => [
      row.monitor === "outlier" ? named(row.statistic) : "features no longer go together (PSI)",
      valued(row.statistic, row.value),
      interval(row.interval, (value) => valued(row.statistic, value)),
      alarmSign(row),
    ]),
  );
}

function quality(one) {
  const rows = found(one, "quality", ...QUALITY).filter((row) => row.value > 0 && !row.subject.includes(" ["));
  if (!rows.length)
    return h("p", { class: "quiet" }, "Nothing missing, unseen, out of range or refused in the last window.");
  rows.sort((a, b) => (b.state === "firing") - (a.state === "firing") || b.value - a.value);
  return table(
    "Data quality",
    [{ name: "of" }, { name: "what" }, { name: "rows", n: true }, { name: "state" }],
    rows
      .slice(0, SHOWN)
      .map((row) => [
        row.subject,
        h("span", { title: matter(row) }, named(row.statistic)),
        valued(row.statistic, row.value),
        alarmSign(row),
      ]),
  );
}
