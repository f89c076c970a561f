// The reliability curve: of rows with a score, how many were positive; on the diagonal where scores mean what they say.

import { h } from "../dom.js";
import { count, interval, number } from "../format.js";

const SIZE = 220;
const EDGE = 26;

/** points: `[{predicted, observed, interval, rows}]`, shares in [0, 1]; interval may be null. */
export function reliability(points) {
  const at = (share) => EDGE + share * (SIZE - EDGE - 6);
  const up = (share) => SIZE - at(share);
  const whisker = ({ predicted, interval: ends }) =>
    ends && h("line", { class: "whisker", x1: at(predicted), x2: at(predicted), y1: up(ends[0]), y2: up(ends[1]) });
  return h(
    "figure",
    { class: "reliability" },
    h(
      "svg",
      {
        viewBox: `0 0 ${SIZE} ${SIZE}`,
        role: "img",
        "aria-label": "Reliability curve; the table below has its points",
      },
      [0, 0.5, 1].flatMap((share) => [
        h("line", { class: "grid", x1: at(0), x2: at(1), y1: up(share), y2: up(share) }),
        h("text", { x: EDGE - 5, y: up(share) + 4, "text-anchor": "end" }, String(share)),
        h("text", { x: at(share), y: SIZE - 10, "text-anchor": share === 1 ? "end" : "middle" }, String(share)),
      ]),
      h("line", { class: "diagonal", x1: at(0), y1: up(0), x2: at(1), y2: up(1) }),
      points.map(whisker),
      points.map((point) => h("circle", { cx: at(point.predicted), cy: up(point.observed), r: 3.5 })),
    ),
    h("figcaption", {}, "Share of positives (upwards) by score. On the dashed line, scores mean what they say."),
    h(
      "details",
      {},
      h("summary", {}, "As a table", h("span", { class: "unseen" }, ": reliability curve")),
      h(
        "table",
        {},
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            ["score", "positives", "interval", "rows"].map((name) => h("th", { scope: "col", class: "n" }, name)),
          ),
        ),
        h(
          "tbody",
          {},
          points.map((point) =>
            h(
              "tr",
              {},
              [number(point.predicted), number(point.observed), interval(point.interval), count(point.rows)].map(
                (text) => h("td", { class: "n" }, text),
              ),
            ),
          ),
        ),
      ),
    ),
  );
}
