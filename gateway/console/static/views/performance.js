// How well a version does: by its labels, by the estimate that needs none, and what it promised in training.

import { lines } from "../charts/lines.js";
import { range } from "../charts/range.js";
import { reliability } from "../charts/reliability.js";
import { h } from "../dom.js";
import { count, interval, number, percent, span } from "../format.js";
import { toModel } from "../route.js";
import { valueOf } from "../data/sources.js";
import { found, past, windowOf } from "../data/windows.js";
import { alarmsPanel } from "./alarms.js";
import { alarmSign, panel, strip, table, trouble } from "./panel.js";
import { named } from "./sentence.js";
import { inSight } from "./watch.js";

/** The view. */
export function performance(state, model, { choose }) {
  const { one, before } = inSight(state, model, "labelled", choose);
  if (!one?.latest.length) return [alarmsPanel(state, model), h("div", { class: "wide", key: "before" }, before)];
  const metrics = byMetric(one);
  const wanted = state.route.wanted.get("subject");
  const metric = metrics.has(wanted)
    ? wanted
    : (["roc_auc", "accuracy", "mae"].find((name) => metrics.has(name)) ?? [...metrics.keys()][0]);
  return [
    alarmsPanel(state, model),
    h("div", { class: "wide", key: "before" }, before),
    labels(one),
    panel(
      "metrics",
      "Realised and estimated",
      { aside: "95 % intervals", wide: true },
      figures(metrics, metric, model, one),
    ),
    metric && panel("over", `${named(metric)} by window`, {}, overTime(state, model, one, metric)),
    panel(
      "calibration",
      "Calibration",
      {},
      trouble(state, `distributions/${model}`, "the reliability curve"),
      calibration(state, model, one),
    ),
  ];
}

/** `{metric: {realised, estimated, gap}}`, those of all rows before those of slices. */
function byMetric(one) {
  const metrics = new Map();
  for (const [monitor, statistic] of [
    ["performance", "realised"],
    ["estimate", "estimated"],
    ["estimate", "gap"],
  ]) {
    for (const measured of found(one, monitor, statistic)) {
      const { subject } = measured;
      if (!metrics.has(subject)) metrics.set(subject, {});
      metrics.get(subject)[statistic] = measured;
    }
  }
  return metrics;
}

function labels(one) {
  const of = (statistic) => found(one, "performance", statistic)[0];
  const coverage = of("coverage");
  const window = windowOf(one, "labelled");
  if (!coverage && !window) return null;
  return h(
    "section",
    { class: "panel wide flat", key: "strip", "aria-label": "Labels" },
    strip([
      {
        name: "labelled",
        value: percent(coverage?.value),
        note: window ? `${count(window.labelled)} of ${count(window.rows)} rows` : null,
      },
      { name: "median label delay", value: span(of("delay_median")?.value), note: "half come sooner" },
      { name: "90 % label delay", value: span(of("delay_p90")?.value), note: "9 of 10 come sooner" },
      {
        name: "changes of the error",
        value: count(found(one, "performance", "adwin")[0]?.detail?.changes ?? null),
        note: "seen by ADWIN",
      },
    ]),
  );
}

function figures(metrics, metric, model, one) {
  if (!metrics.size) return h("p", { class: "quiet" }, "The last windows have too few rows for any metric.");
  const role = one.role === "primary" ? null : one.role;
  const columns = [
    { name: "metric" },
    { name: "by labels", n: true },
    { name: "estimated", n: true },
    { name: "in training", n: true },
    { name: "labels and estimate" },
    { name: "state" },
  ];
  const rows = [...metrics].map(([name, { realised, estimated, gap }]) => {
    const expected = realised?.detail?.reference ?? null;
    const marks = [
      realised && { ...realised, kind: "realised" },
      estimated && { ...estimated, kind: "estimated" },
    ].filter(Boolean);
    return [
      h(
        "a",
        {
          href: toModel(model, "performance", { version: one.version, role, subject: name }),
          "aria-current": name === metric ? "true" : null,
        },
        named(name),
      ),
      cell(realised, "no labels yet"),
      cell(estimated, "–"),
      number(expected),
      marks.length ? range(marks, { expected }) : "–",
      realised || gap ? alarmSign(gap?.state === "firing" ? gap : (realised ?? gap)) : "–",
    ];
  });
  return [
    table("Realised and estimated performance", columns, rows),
    h(
      "p",
      { class: "quiet legend-line", key: "legend" },
      h("i", { class: "key filled", "aria-hidden": "true" }),
      "by labels (above) ",
      h("i", { class: "key hollow", "aria-hidden": "true" }),
      "estimated (below) ",
      h("i", { class: "key stroke", "aria-hidden": "true" }),
      "in training. The estimate needs no labels, and does not see a changed relation between inputs and truth.",
    ),
  ];
}

function cell(measured, none) {
  if (!measured) return none;
  return h("span", {}, h("b", {}, number(measured.value)), h("small", {}, interval(measured.interval)));
}

function overTime(state, model, one, metric) {
  const of = (about, monitor, statistic) =>
    new Map(
      past(state, model, one, about).map((window) => [
        window.end,
        window.measurements.find(
          (each) => each.monitor === monitor && each.statistic === statistic && each.subject === metric,
        ),
      ]),
    );
  const realised = of("labelled", "performance", "realised");
  const estimated = of("answers", "estimate", "estimated");
  const times = [...new Set([...realised.keys(), ...estimated.keys()])].sort((a, b) => a - b);
  const line = (name, values, colour, dashed) => ({
    name,
    colour,
    dashed,
    values: times.map((time) => values.get(time)?.value ?? null),
    low: times.map((time) => values.get(time)?.interval?.[0] ?? null),
    high: times.map((time) => values.get(time)?.interval?.[1] ?? null),
  });
  const both = [line("by labels", realised, 0, 0), line("estimated", estimated, 1, 1)].filter(({ values }) =>
    values.some((value) => value !== null),
  );
  if (!both.length) return h("p", { class: "quiet" }, "No window says anything of it yet.");
  return lines(`over-${metric}`, {
    title: `${named(metric)} by window, with 95 % intervals`,
    times,
    lines: both,
    shown: number,
    least: null,
  });
}

function calibration(state, model, one) {
  const kept = valueOf(state, `distributions/${model}`)?.versions.find(
    (each) => each.version === one.version && each.role === one.role,
  )?.calibration;
  const measured =
    found(one, "performance", "ece")[0] ?? found(one, "performance", "realised").find((each) => each.subject === "ece");
  const detailed = measured?.detail?.reliability?.map(({ score, rate, interval: ends, n }) => ({
    predicted: score,
    observed: rate,
    interval: ends,
    rows: n,
  }));
  const points = (detailed ?? kept ?? []).filter(
    (point) => Number.isFinite(point.predicted) && Number.isFinite(point.observed),
  );
  if (!points.length) return h("p", { class: "quiet" }, "Shown for models of two classes, once labels have come.");
  const chance = measured?.detail?.by_chance;
  const said =
    measured &&
    h(
      "p",
      { key: "said" },
      `Calibration error ${number(measured.value)}`,
      chance === undefined ? "." : `; ${number(chance)} is to be expected by chance.`,
    );
  return [said, reliability(points)];
}
