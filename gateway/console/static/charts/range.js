// Where a value and its interval lie, beside a limit: a picture of what the words next to it say.

import { h } from "../dom.js";

/**
 * marks: `[{value, interval, kind}]`, drawn one above the other; kind: a class. limit, expected: lines across. bounds: the
 * ends of the scale; by default all that is finite, with some room.
 */
export function range(marks, { limit = null, expected = null, bounds = null } = {}) {
  const [low, high] =
    bounds ?? scale([limit, expected, ...marks.flatMap(({ value, interval }) => [value, ...(interval ?? [])])]);
  const at = (value) => `${(100 * Math.min(1, Math.max(0, (value - low) / (high - low)))).toFixed(2)}%`;
  const line = (value, kind) =>
    value !== null && value !== undefined && h("i", { class: kind, style: { left: at(value) } });
  return h(
    "div",
    { class: "range", "aria-hidden": "true" },
    line(expected, "expected"),
    line(limit, "limit"),
    marks.map(({ value, interval, kind }, row) =>
      h(
        "div",
        { class: `mark ${kind ?? ""}`, key: `m${row}` },
        interval && held(interval, low, high),
        value !== null && value !== undefined && h("i", { class: "dot", key: "dot", style: { left: at(value) } }),
      ),
    ),
  );
}

function held([from, to], low, high) {
  const left = from === null ? 0 : clamped((from - low) / (high - low));
  const right = to === null ? 1 : clamped((to - low) / (high - low));
  const open = `${from === null || from < low ? " open-low" : ""}${to === null || to > high ? " open-high" : ""}`;
  const style = { left: `${(100 * left).toFixed(2)}%`, width: `${Math.max(0.5, 100 * (right - left)).toFixed(2)}%` };
  return h("i", { class: `held${open}`, key: "held", style });
}

function clamped(share) {
  return Math.min(1, Math.max(0, share));
}

function scale(values) {
  const finite = values.filter((value) => typeof value === "number" && Number.isFinite(value));
  if (!finite.length) return [0, 1];
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  const room = 0.1 * (high - low || Math.abs(high) || 1);
  return [low - room, high + room];
}
