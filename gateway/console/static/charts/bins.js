// Shares by bin, reference against now: small as columns, large as a table whose cells are the bars.

import { h } from "../dom.js";
import { percent } from "../format.js";

/** Small columns: what is expected as an outline, what is now filled. Decoration: words beside it say what it shows. */
export function columns(reference, now, height = 34) {
  const most = Math.max(...reference, ...now, 1e-9);
  const n = Math.max(reference.length, now.length, 1);
  const box = (share, at, kind) => {
    const tall = (height - 1) * (share / most);
    return h("rect", { class: kind, x: at * 10 + 1, y: (height - tall).toFixed(2), width: 8, height: tall.toFixed(2) });
  };
  return h(
    "svg",
    { class: "columns", viewBox: `0 0 ${n * 10} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    h(
      "g",
      {},
      now.map((share, at) => box(share, at, "now")),
    ),
    h(
      "g",
      {},
      reference.map((share, at) => box(share, at, "reference")),
    ),
  );
}

/** The large one. title: of the table. */
export function bars(title, { bins, reference, now }, names = ["training data", "last window"]) {
  const most = Math.max(...reference, ...now, 1e-9);
  const bar = (share, kind) =>
    h("i", { class: kind, style: { width: `${((100 * (share ?? 0)) / most).toFixed(2)}%` } });
  return h(
    "table",
    { class: "bins" },
    h("caption", {}, title),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        h("th", { scope: "col" }, "bin"),
        h("th", { scope: "col", class: "n" }, key("reference"), names[0]),
        h("th", { scope: "col", class: "n" }, key("now"), names[1]),
        h("td", { class: "bar" }),
      ),
    ),
    h(
      "tbody",
      {},
      bins.map((bin, at) =>
        h(
          "tr",
          {},
          h("th", { scope: "row" }, bin),
          h("td", { class: "n" }, percent(reference[at])),
          h("td", { class: "n" }, percent(now[at])),
          h("td", { class: "bar", "aria-hidden": "true" }, bar(reference[at], "reference"), bar(now[at], "now")),
        ),
      ),
    ),
  );
}

/** The small sign by which the two are told apart. */
export function key(kind) {
  return h("i", { class: `key ${kind}`, "aria-hidden": "true" });
}
