// Latency and rates as figures and cells, for the overview and the traffic of a model.

import { NONE, number, percent, span } from "../format.js";
import { quantile, refused, summed, total } from "../data/traffic.js";

export const LAST_S = 60;

/** What entries did together in the last minute: `{rate, errors, p50, p95, p99}`; null while there are not two looks. */
export function lately(log, entries) {
  const recent = entries.map((entry) => log.recent(entry, LAST_S)).filter((found) => found?.entry);
  const added = summed(recent.map((found) => found.entry));
  if (!added) return null;
  const n = total(added);
  const at = (q) => quantile(added.bounds, added.total, q);
  return {
    n,
    rate: n / recent[0].seconds,
    errors: n ? refused(added) / n : null,
    p50: at(0.5),
    p95: at(0.95),
    p99: at(0.99),
    bounds: added.bounds,
  };
}

/** A quantile as text: beyond the last bucket it is only known to be larger. */
export function latency(value, bounds) {
  if (value === Infinity) return `> ${span(bounds.at(-1))}`;
  return value === null || value === undefined ? NONE : span(value);
}

/** Requests a second: `12.3 /s`; `0 /s` is no traffic. */
export function rate(value) {
  return value === null || value === undefined ? NONE : `${number(value)} /s`;
}

/** A share of errors. */
export const errors = (value) => (value === null || value === undefined ? NONE : percent(value));
