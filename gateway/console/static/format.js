// Numbers, spans and moments as people read them. Nothing measured is a dash, never a zero.

export const NONE = "–";

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

/** Three significant digits: `0.0123`, `12.3`, `1,230`. */
export function number(value) {
  if (!isNumber(value)) return NONE;
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString("en-US").replace("-", "−");
  if (size < 1e-4) return value.toExponential(1).replaceAll("-", "−");
  return value
    .toPrecision(3)
    .replace(/(\.\d*?)0+$/, "$1")
    .replace(/\.$/, "")
    .replace("-", "−");
}

/** A whole number: `1,234`. */
export function count(value) {
  return isNumber(value) ? Math.round(value).toLocaleString("en-US") : NONE;
}

/** A share in percent: `12.3 %`, `< 0.1 %`. */
export function percent(value) {
  if (!isNumber(value)) return NONE;
  const hundred = value * 100;
  if (hundred > 0 && hundred < 0.1) return "< 0.1 %";
  return `${Number(hundred.toFixed(hundred < 10 || (hundred > 99 && hundred < 99.95) ? 1 : 0))} %`.replace("-", "−");
}

/** A duration: `0.42 ms`, `12 ms`, `1.3 s`, `2 min 05 s`, `3 h 04 min`, `2 d 3 h`. */
export function span(seconds) {
  if (!isNumber(seconds)) return NONE;
  if (seconds < 0.9995) return `${Number((seconds * 1000).toPrecision(seconds < 0.1 ? 2 : 3))} ms`;
  if (seconds < 10) return `${Number(seconds.toPrecision(2))} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  const [days, hours, minutes] = [
    Math.floor(whole / 86400),
    Math.floor(whole / 3600) % 24,
    Math.floor(whole / 60) % 60,
  ];
  if (days) return `${days} d ${hours} h`;
  const pad = (part) => String(part).padStart(2, "0");
  return hours ? `${hours} h ${pad(minutes)} min` : `${minutes} min ${pad(whole % 60)} s`;
}

/** How long ago something was, both in seconds since the epoch: `just now`, `12 s ago`. */
export function ago(then, now) {
  const since = now - then;
  return since < 1.5 ? "just now" : `${span(Math.round(since))} ago`;
}

/** A moment of today as a time, any other with its day. seconds since the epoch. */
export function moment(seconds, now = Date.now() / 1000) {
  const date = new Date(seconds * 1000);
  const time = date.toLocaleTimeString("en-GB");
  if (date.toDateString() === new Date(now * 1000).toDateString()) return time;
  return `${date.toLocaleDateString("en-GB", { day: "numeric", month: "short" })} ${time}`;
}

/** `0.71 to 0.76`; an end that is open is null. */
export function interval(ends, shown = number) {
  if (!ends) return NONE;
  const [low, high] = ends;
  return `${low === null ? "−∞" : shown(low)} to ${high === null ? "∞" : shown(high)}`;
}

/** `rolled_back` as `rolled back`. */
export const words = (name) => String(name).replaceAll("_", " ");

/** `1 alarm`, `3 alarms`. */
export const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;
