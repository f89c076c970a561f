// Lines over time, drawn by uPlot, with a legend that tells each line by colour, dash and name, and a table that says the same.

import { h, own } from "../dom.js";
import { moment } from "../format.js";

const HEIGHT = 180;
const DASHES = [[], [6, 3], [2, 2], [9, 3, 2, 3], [12, 4], [4, 4], [1, 3], [8, 2, 2, 2, 2, 2]];
export const COLOURS = 8;
const ROWS = 12;

/**
 * A chart. title: of it, for who cannot see it. times: seconds since the epoch. lines: `{name, values, colour, dashed, low, high}`,
 * values may be null; low and high, if given, are drawn as a band. shown: a value as text. most: the axis reaches at least there.
 */
export function lines(key, { title, times, lines: all, shown, most = null, least = 0, height = HEIGHT }) {
  const drawable = times.length > 1;
  const data = { times, lines: all, shown, most, least, height };
  return h(
    "figure",
    { class: "chart", key },
    h("figcaption", {}, title),
    drawable
      ? own("canvas", { class: "canvas", role: "img", "aria-label": summary(title, all, shown) }, mount, data)
      : h("p", { class: "quiet", key: "none" }, "Drawn as soon as there are two looks."),
    h(
      "ul",
      { class: "legend" },
      all.map((line) => entry(line, shown)),
    ),
    drawable && table(title, times, all, shown),
  );
}

/** The sample of a line: its colour and its dash. */
export function swatch(colour, dashed) {
  const dash = DASHES[dashed % DASHES.length].join(" ");
  return h(
    "svg",
    { class: `swatch s${(colour % COLOURS) + 1}`, viewBox: "0 0 22 8", width: 22, height: 8, "aria-hidden": "true" },
    h("line", { x1: 0, x2: 22, y1: 4, y2: 4, "stroke-dasharray": dash || null }),
  );
}

function entry({ name, values, colour, dashed }, shown) {
  const newest = values.at(-1);
  return h(
    "li",
    {},
    swatch(colour, dashed),
    h("span", {}, name),
    h("b", {}, newest === null || newest === undefined ? "–" : shown(newest)),
  );
}

function summary(title, all, shown) {
  const said = all.map(({ name, values }) => `${name} ${values.at(-1) === null ? "nothing" : shown(values.at(-1))}`);
  return `${title}. Newest: ${said.slice(0, 6).join(", ")}. The table below has the numbers.`;
}

function table(title, times, all, shown) {
  const from = Math.max(0, times.length - ROWS);
  const rows = times.slice(from).map((time, at) => ({ time, at: from + at }));
  return h(
    "details",
    { key: "table" },
    h("summary", {}, "As a table", h("span", { class: "unseen" }, `: ${title}`)),
    h(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": title },
      h(
        "table",
        {},
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            h("th", { scope: "col" }, "time"),
            all.map(({ name }) => h("th", { scope: "col", class: "n" }, name)),
          ),
        ),
        h(
          "tbody",
          {},
          rows.reverse().map(({ time, at }) =>
            h(
              "tr",
              {},
              h("th", { scope: "row" }, moment(time)),
              all.map(({ values }) =>
                h("td", { class: "n" }, values[at] === null || values[at] === undefined ? "–" : shown(values[at])),
              ),
            ),
          ),
        ),
      ),
    ),
  );
}

function mount(node, first) {
  let data = first;
  let chart = null;
  let shape = "";
  const draw = () => {
    const width = Math.floor(node.clientWidth);
    if (!width) return;
    const now = shapeOf(data);
    if (chart && shape === now) {
      chart.setData(columns(data));
      return;
    }
    chart?.destroy();
    shape = now;
    chart = new globalThis.uPlot(options(node, data, width), columns(data), node);
  };
  const afresh = () => {
    shape = "";
    draw();
  };
  const watching = new ResizeObserver(
    () => chart?.setSize({ width: Math.floor(node.clientWidth), height: data.height }) ?? draw(),
  );
  watching.observe(node);
  document.addEventListener("theme", afresh);
  draw();
  return {
    update(next) {
      data = next;
      draw();
    },
    destroy() {
      watching.disconnect();
      document.removeEventListener("theme", afresh);
      chart?.destroy();
    },
  };
}

const shapeOf = ({ lines: all, most, height }) =>
  JSON.stringify([all.map(({ name, colour, dashed, low }) => [name, colour, dashed, Boolean(low)]), most, height]);

const finite = (values) => values.map((value) => (Number.isFinite(value) ? value : null));

function columns({ times, lines: all }) {
  const banded = all.filter(({ low }) => low);
  return [
    times,
    ...all.map(({ values }) => finite(values)),
    ...banded.flatMap(({ low, high }) => [finite(high), finite(low)]),
  ];
}

function options(node, { lines: all, shown, most, least, height }, width) {
  const colour = (name) => resolved(node, name);
  const banded = all.filter(({ low }) => low);
  const axis = {
    stroke: colour("--muted"),
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
    font: "11px system-ui, sans-serif",
  };
  return {
    width,
    height,
    legend: { show: false },
    cursor: { y: false, points: { size: 6 } },
    padding: [8, 26, 0, 0],
    scales: { y: { range: (_, low, high) => ranged(low, high, least, most) } },
    axes: [
      { ...axis, space: 70, size: 26, values: (_, splits) => splits.map((split) => clock(split, splits)) },
      { ...axis, size: 56, space: 30, values: (_, splits) => splits.map((split) => shown(split)) },
    ],
    series: [
      {},
      ...all.map((line) => ({
        stroke: colour(`--s${(line.colour % COLOURS) + 1}`),
        dash: DASHES[line.dashed % DASHES.length],
        width: 1.75,
        spanGaps: Boolean(line.low),
        points: { show: line.values.length < 60 && Boolean(line.low), size: 4 },
      })),
      ...banded.flatMap(() => [1, 2].map(() => ({ stroke: "transparent", width: 0, points: { show: false } }))),
    ],
    bands: banded.map((line, at) => ({
      series: [all.length + 1 + 2 * at, all.length + 2 + 2 * at],
      fill: colour(`--s${(line.colour % COLOURS) + 1}-band`),
    })),
  };
}

function ranged(low, high, least, most) {
  const floor = least ?? low;
  const top = Math.max(high ?? 0, most ?? 0);
  if (floor === null || top === floor) return [floor ?? 0, (floor ?? 0) + 1];
  const room = 0.08 * (top - floor);
  return [least === null ? floor - room : floor, top + room];
}

function clock(seconds, splits) {
  const text = new Date(seconds * 1000).toLocaleTimeString("en-GB");
  return splits.length > 1 && splits[1] - splits[0] >= 60 ? text.slice(0, 5) : text;
}

/** What a colour of the style sheet is now: a canvas does not know its variables. */
function resolved(node, name) {
  node.style.setProperty("color", `var(${name})`);
  const found = getComputedStyle(node).color;
  node.style.removeProperty("color");
  return found;
}
