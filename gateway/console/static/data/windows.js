// What the monitors found: which window, which measurement, and which of them are alarms.

import { modelNames, valueOf } from "./sources.js";

const OF = { answers: 0, labelled: 1, labels: 2, requests: 3 };
const NS = 1e9;

/** The versions and roles of a model that are watched; null while nothing was heard. */
export function watched(state, model) {
  const found = valueOf(state, `monitors/${model}`);
  if (!found) return null;
  return [...found.versions].sort((a, b) => a.role.localeCompare(b.role) || a.version - b.version);
}

/** The one that the address names, else the primary with most answers in its last window. */
export function chosen(state, model, wanted) {
  const all = watched(state, model) ?? [];
  const named = all.find(
    (one) => String(one.version) === wanted.get("version") && one.role === (wanted.get("role") ?? "primary"),
  );
  const rows = (one) => (one.role === "primary" ? 1e12 : 0) + (windowOf(one, "answers")?.rows ?? -1);
  return named ?? [...all].sort((a, b) => rows(b) - rows(a))[0] ?? null;
}

/** The newest window of a kind: `answers`, `labelled`, `labels`, `requests`; null if none has closed yet. */
export function windowOf(one, about) {
  return one?.latest?.find((window) => window.about === about) ?? null;
}

/** The measurements of the newest windows: of a monitor, and of statistics if they are named. */
export function found(one, monitor, ...statistics) {
  return [...(one?.latest ?? [])]
    .sort((a, b) => OF[a.about] - OF[b.about])
    .flatMap((window) => window.measurements.map((measured) => ({ ...measured, about: window.about })))
    .filter(
      (measured) => measured.monitor === monitor && (!statistics.length || statistics.includes(measured.statistic)),
    );
}

/** Every alarm that fires now, the newest first. */
export function alarms(state, only = null) {
  return modelNames(state)
    .filter((model) => only === null || model === only)
    .flatMap((model) =>
      (watched(state, model) ?? []).flatMap((one) =>
        one.latest.flatMap((window) =>
          window.measurements
            .filter((measured) => measured.state === "firing")
            .map((measured) => ({ ...measured, model, version: one.version, role: one.role, about: window.about })),
        ),
      ),
    )
    .sort((a, b) => b.since - a.since);
}

/** The windows of a version over time, each once as it was last measured: `[{end (s), measurements}]`. */
export function past(state, model, one, about) {
  const kept = valueOf(state, `past/${model}`)?.versions.find(
    (each) => each.version === one.version && each.role === one.role,
  );
  const all = [...(kept?.history ?? []), ...(kept?.latest ?? []), ...one.latest].filter(
    (window) => window.about === about,
  );
  const byEnd = new Map(all.map((window) => [window.end, window]));
  return [...byEnd.values()].sort((a, b) => a.end - b.end).map((window) => ({ ...window, end: window.end / NS }));
}

/** Seconds since the epoch of a window's end. */
export const endOf = (window) => window.end / NS;

/** Which tab shows what a monitor found. */
export function tabOf(monitor) {
  if (monitor === "fairness") return "fairness";
  return ["performance", "estimate", "label_drift"].includes(monitor) ? "performance" : "drift";
}
