// Counters since the beginning, as rates and quantiles of a while.

const KEPT_S = 900;
const REFUSED = (outcome) => outcome !== "ok";
const keyOf = (entry) => `${entry.role} ${entry.version} ${entry.model}`;

/** What the counters were, for the last quarter of an hour. */
export class TrafficLog {
  constructor() {
    this.looks = [];
  }

  /** Takes an answer of `/gateway/traffic`. */
  add(found) {
    const last = this.looks.at(-1);
    if (last && found.time <= last.time) return;
    const entries = new Map(found.models.map((entry) => [keyOf(entry), entry]));
    this.looks.push({ time: found.time, entries });
    while (this.looks[0].time < found.time - KEPT_S) this.looks.shift();
  }

  /** Everything that was counted so far: an entry for each model, version and role. */
  entries(model = null, role = null) {
    const all = [...(this.looks.at(-1)?.entries.values() ?? [])];
    return all
      .filter((entry) => (model === null || entry.model === model) && (role === null || entry.role === role))
      .sort((a, b) => a.model.localeCompare(b.model) || a.version - b.version || a.role.localeCompare(b.role));
  }

  /** What an entry did in the last seconds: `{seconds, entry}`; null while there are not two looks. */
  recent(entry, seconds) {
    const last = this.looks.at(-1);
    const first = this.looks.find((look) => look.time >= last.time - seconds - 0.5);
    if (!first || first === last) return null;
    return { seconds: last.time - first.time, entry: between(first, last, keyOf(entry)) };
  }

  /** Requests a second of an entry between each two looks: `{times, values}`. */
  rates(entry) {
    return this.series(entry, (found, seconds) => total(found) / seconds);
  }

  /** Quantiles of the time to answer, over the `seconds` before each look. */
  quantiles(entry, q, seconds = 20) {
    const key = keyOf(entry);
    const values = this.looks.slice(1).map((look, at) => {
      const first = this.looks.find((other) => other.time >= look.time - seconds - 0.5);
      return first === look ? null : quantile(entry.bounds, between(first, look, key)?.total ?? [], q);
    });
    return { times: this.looks.slice(1).map((look) => look.time), values };
  }

  series(entry, figure) {
    const key = keyOf(entry);
    const times = this.looks.slice(1).map((look) => look.time);
    const values = this.looks.slice(1).map((look, at) => {
      const found = between(this.looks[at], look, key);
      return found ? figure(found, look.time - this.looks[at].time) : null;
    });
    return { times, values };
  }
}

/** All requests of an entry, and those that were refused. */
export const total = (entry) => sum(Object.values(entry.outcomes));
export const refused = (entry) =>
  sum(
    Object.entries(entry.outcomes)
      .filter(([code]) => REFUSED(code))
      .map(([, n]) => n),
  );

/** Entries added up; those of other bounds are left out of the histograms, which they would falsify. */
export function summed(entries) {
  const [first] = entries;
  if (!first) return null;
  const alike = entries.filter((entry) => String(entry.bounds) === String(first.bounds));
  const added = (name) => first[name].map((_, at) => sum(alike.map((entry) => entry[name][at] ?? 0)));
  const outcomes = {};
  for (const entry of entries) {
    for (const [code, n] of Object.entries(entry.outcomes)) outcomes[code] = (outcomes[code] ?? 0) + n;
  }
  return { bounds: first.bounds, outcomes, total: added("total"), compute: added("compute"), queue: added("queue") };
}

/** A quantile from counts by bucket, straight within a bucket as Prometheus has it; Infinity beyond the last bound. */
export function quantile(bounds, counts, q) {
  const n = sum(counts);
  if (!n) return null;
  let left = q * n;
  for (let at = 0; at < bounds.length; at += 1) {
    if (left <= counts[at] && counts[at]) {
      const low = at ? bounds[at - 1] : 0;
      return low + (bounds[at] - low) * (left / counts[at]);
    }
    left -= counts[at];
  }
  return Infinity;
}

function between(first, last, key) {
  const [before, after] = [first.entries.get(key), last.entries.get(key)];
  if (!after) return null;
  if (!before || total(after) < total(before)) return after; // it is new, or counting began anew
  return {
    ...after,
    outcomes: less(after.outcomes, before.outcomes),
    routes: less(after.routes, before.routes),
    rows: after.rows - before.rows,
    ...Object.fromEntries(
      ["total", "compute", "queue"].map((name) => [
        name,
        after[name].map((n, at) => Math.max(0, n - (before[name][at] ?? 0))),
      ]),
    ),
  };
}

function less(after, before) {
  return Object.fromEntries(
    Object.entries(after ?? {}).map(([name, n]) => [name, Math.max(0, n - (before?.[name] ?? 0))]),
  );
}

function sum(numbers) {
  return numbers.reduce((so, n) => so + n, 0);
}
