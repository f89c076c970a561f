// The traffic of a model: rate, errors and duration, its versions side by side.

import { columns as drawn, key } from "../charts/bins.js";
import { lines } from "../charts/lines.js";
import { h } from "../dom.js";
import { count, percent, span, words } from "../format.js";
import { quantile, refused, total } from "../data/traffic.js";
import { alarmsPanel } from "./alarms.js";
import { errors, lately, latency, rate } from "./latency.js";
import { choice, panel, strip, table, trouble } from "./panel.js";

const QUANTILES = [
  ["p50", 0.5],
  ["p95", 0.95],
  ["p99", 0.99],
];

/** The view. */
export function traffic(state, model, { choose }) {
  const entries = state.traffic.entries(model);
  const primary = entries.filter((entry) => entry.role === "primary");
  const first = trouble(state, "traffic", "traffic figures");
  if (!primary.length) {
    const none = h("p", { class: "quiet" }, `${model} has not been asked anything since the gateway began.`);
    return [alarmsPanel(state, model), panel("rate", "Traffic", { wide: true }, first, none)];
  }
  return [
    alarmsPanel(state, model),
    figures(state, primary),
    panel("rate", "Requests by version", { aside: "requests a second" }, first, byVersion(state, primary)),
    latencyPanel(state, primary, choose),
    panel("versions", "Versions side by side", { wide: true, aside: "since the gateway began" }, versions(entries)),
    panel("durations", "How long answers took", { wide: true, aside: "since the gateway began" }, durations(primary)),
  ];
}

function figures(state, entries) {
  const all = lately(state.traffic, entries);
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
      ...QUANTILES.map(([name]) => ({ name, value: latency(all?.[name], all?.bounds), note: "to answer" })),
    ]),
  );
}

function byVersion(state, entries) {
  const found = entries.map((entry) => state.traffic.rates(entry));
  return lines("rate", {
    title: "Requests a second by version, last quarter of an hour",
    times: found[0].times,
    lines: entries.map((entry, at) => ({
      name: `version ${entry.version}`,
      values: found[at].values,
      colour: at,
      dashed: at,
    })),
    shown: (value) => rate(value).replace(" /s", ""),
    most: 1,
  });
}

function latencyPanel(state, entries, choose) {
  const named = state.route.wanted.get("version");
  const busiest = [...entries].sort((a, b) => total(b) - total(a))[0];
  const entry = entries.find((one) => String(one.version) === named) ?? busiest;
  const found = QUANTILES.map(([, q]) => state.traffic.quantiles(entry, q));
  const options = entries.map((one) => ({ value: String(one.version), name: `version ${one.version}` }));
  const aside =
    entries.length > 1
      ? choice("of", options, String(entry.version), (version) => choose({ version }))
      : `version ${entry.version}`;
  return panel(
    "latency",
    "Latency",
    { aside },
    lines("latency", {
      title: `Time to answer, version ${entry.version}, over 20 s`,
      times: found[0].times,
      lines: QUANTILES.map(([name], at) => ({
        name,
        values: found[at].values,
        colour: [2, 0, 1][at],
        dashed: [2, 1, 0][at],
      })),
      shown: (value) => latency(value, entry.bounds),
    }),
  );
}

function versions(entries) {
  const columns = ["version", "requests", "rows", "refused", "p50", "p95", "p99", "compute p95", "queue p95", "by"].map(
    (name, at) => ({ name, n: at > 0 && at < 9 }),
  );
  return table(
    "Versions side by side",
    columns,
    entries.map((entry) => {
      const at = (name, q) => latency(quantile(entry.bounds, entry[name], q), entry.bounds);
      return [
        `${entry.version}${entry.role === "primary" ? "" : ` ${entry.role}`}`,
        count(total(entry)),
        count(entry.rows),
        h("span", {}, percent(total(entry) ? refused(entry) / total(entry) : null), codes(entry)),
        at("total", 0.5),
        at("total", 0.95),
        at("total", 0.99),
        at("compute", 0.95),
        at("queue", 0.95),
        routes(entry),
      ];
    }),
  );
}

function codes(entry) {
  const found = Object.entries(entry.outcomes).filter(([code, n]) => code !== "ok" && n);
  return found.length ? h("small", {}, found.map(([code, n]) => `${words(code)} ${count(n)}`).join(", ")) : null;
}

function routes(entry) {
  return (
    Object.entries(entry.routes ?? {})
      .map(([route, n]) => `${route} ${count(n)}`)
      .join(", ") || "–"
  );
}

function durations(entries) {
  return [
    h("p", { class: "quiet", key: "say" }, key("now"), "answers in each bucket of the time to answer"),
    h(
      "div",
      { class: "grid", key: "grid" },
      entries.map((entry) => {
        const n = total(entry) || 1;
        const labels = entry.total.map((_, at) =>
          at < entry.bounds.length ? `≤ ${span(entry.bounds[at])}` : `> ${span(entry.bounds.at(-1))}`,
        );
        const shares = entry.total.map((part) => part / n);
        return h(
          "figure",
          { class: "small", key: `v${entry.version}` },
          h("figcaption", {}, h("b", {}, `version ${entry.version}`), ` ${count(n)} requests`),
          drawn([], shares, 60),
          h("p", { class: "ends" }, h("span", {}, labels[0]), h("span", {}, labels.at(-1))),
          h(
            "details",
            {},
            h("summary", {}, "As a table", h("span", { class: "unseen" }, `: durations of version ${entry.version}`)),
            h(
              "table",
              {},
              h(
                "tbody",
                {},
                labels.map((label, at) =>
                  h(
                    "tr",
                    {},
                    h("th", { scope: "row" }, label),
                    h("td", { class: "n" }, count(entry.total[at])),
                    h("td", { class: "n" }, percent(shares[at])),
                  ),
                ),
              ),
            ),
          ),
        );
      }),
    ),
  ];
}
