// What was measured, in words.

import { NONE, number, percent, plural } from "../format.js";

const NAMES = {
  psi: "PSI",
  js: "JS distance",
  ks: "KS",
  hellinger: "Hellinger",
  wasserstein: "Wasserstein",
  chi2: "χ²",
  linf: "L∞",
  roc_auc: "ROC AUC",
  f1: "F1",
  ece: "calibration error (ECE)",
  mae: "MAE",
  rmse: "RMSE",
  mape: "MAPE",
  r2: "R²",
  brier: "Brier score",
  tpr: "true positive rate",
  fpr: "false positive rate",
  low_tail: "rows below the usual",
  high_tail: "rows above the usual",
  out_of_range: "values out of range",
  unseen: "unseen categories",
  missing: "missing values",
  nonfinite: "values that are no numbers",
  beyond_99: "rows stranger than 99 % of the training data",
  "beyond_99.9": "rows stranger than 99.9 % of the training data",
};
const LIKELY = 0.05;
const SHARES = new Set([
  "missing",
  "nonfinite",
  "out_of_range",
  "unseen",
  "constant",
  "duplicate",
  "refused",
  "low_tail",
  "high_tail",
  "beyond_99",
  "beyond_99.9",
  "selection_rate",
  "tpr",
  "fpr",
  "precision",
  "recall",
  "accuracy",
  "coverage",
]);

/** A statistic or metric as people call it. */
export const named = (name) => NAMES[name] ?? String(name).replaceAll("_", " ");

/** The value of a statistic: shares as percent, all else as a number. */
export function valued(statistic, value) {
  return SHARES.has(statistic) ? percent(value) : number(value);
}

/** Of a firing or pending measurement: what is the matter; and if it was not in the last window, that too. */
export function matter(measured) {
  const over = measured.p !== null && measured.p > LIKELY;
  return `${departure(measured)}${over ? " — no longer in the last window; it is over after a few without" : ""}`;
}

function departure({ monitor, subject, statistic, value, detail }) {
  const said = `${named(statistic)} ${valued(statistic, value)}`;
  if (monitor === "drift" || monitor === "prediction_drift" || monitor === "label_drift")
    return `${what(monitor, subject)}: ${said}${moved(detail)}`;
  if (monitor === "multivariate_drift") return `Features no longer go together as in training: ${said}`;
  if (monitor === "quality") return `${subject}: ${said}${unseen(detail)}`;
  if (monitor === "outlier")
    return `${percent(value)} of rows are ${stranger(statistic)}, ${percent(detail?.expected)} in training`;
  if (monitor === "fairness") return `${subject}: ${said}${between(detail)}`;
  if (monitor === "performance") return `${named(subject)} is ${valued(subject, value)}${was(subject, detail)}`;
  if (monitor === "estimate") return `${named(subject)}: estimate and labels are ${number(value)} apart`;
  return `${subject}: ${said}`;
}

/** Which bin moved most: ` — “5” went from 10.8 % to 62.8 % of rows`. */
export function moved(detail) {
  if (!detail || detail.moved === undefined || detail.was === undefined) return "";
  return ` — “${detail.moved}” went from ${percent(detail.was)} to ${percent(detail.now)} of rows`;
}

/** How much traffic a model needs before the monitors say something. */
export const windowRule =
  "A window closes after 1,000 answers, and not sooner than after a minute, unless the configuration (monitor: rows, every) says otherwise.";

function what(monitor, subject) {
  return (
    { prediction_drift: `Answers drifted (${subject})`, label_drift: "Labels drifted" }[monitor] ?? `${subject} drifted`
  );
}

function unseen(detail) {
  const names = Object.keys(detail?.values ?? {});
  if (!names.length) return "";
  const more = names.length > 5 ? ` and ${plural(names.length - 5, "other")}` : "";
  return `: ${names.slice(0, 5).join(", ")}${more}`;
}

function stranger(statistic) {
  return named(statistic).replace("rows ", "");
}

function between(detail) {
  return detail?.highest === undefined ? "" : ` between ${detail.highest} (highest) and ${detail.lowest} (lowest)`;
}

function was(subject, detail) {
  const before = valued(subject, detail?.reference);
  return before === NONE ? "" : `, ${before} in training`;
}
