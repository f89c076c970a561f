// Model cards: what each version is for, what it promised, and where it came from.

import { h } from "../dom.js";
import { number } from "../format.js";
import { valueOf, versions } from "../data/sources.js";
import { markdown } from "./markdown.js";
import { choice, notice, panel, trouble } from "./panel.js";

const DEEP = 4;
const LEFT_OUT = new Set(["inputs", "outputs", "name", "version", "description"]);
const MANY = 40;

/** The view. */
export function card(state, model, { choose }) {
  const all = versions(state, model);
  const named = Number(state.route.wanted.get("version"));
  const version = all.includes(named) ? named : all.at(-1);
  if (version === undefined)
    return panel("card", "Card", { wide: true }, h("p", { class: "quiet" }, `No version of ${model} is known.`));
  const key = `card/${model}/${version}`;
  const found = valueOf(state, key);
  const options = all.map((one) => ({ value: String(one), name: `version ${one}` }));
  const aside =
    all.length > 1 ? choice("of", options, String(version), (one) => choose({ version: one })) : `version ${version}`;
  return [
    panel("card", "Card", { aside }, trouble(state, key, "model cards"), found && written(model, version, found)),
    panel("manifest", "Manifest", {}, found?.manifest ? manifest(found.manifest) : h("p", { class: "quiet" }, "–")),
  ];
}

function written(model, version, { card: text }) {
  if (!text)
    return notice(
      "card",
      "plain",
      `${model} version ${version} has no card. Write what it is for, and what not, into `,
      h("code", {}, `models/${model}/${version}/card.md`),
      ".",
    );
  return h("div", { class: "prose", key: `v${version}` }, markdown(text));
}

function manifest(held) {
  return [
    held.description && h("p", { key: "about" }, held.description),
    facts(Object.fromEntries(Object.entries(held).filter(([name]) => !LEFT_OUT.has(name))), 0),
    ...["inputs", "outputs"].map((name) => tensors(name, held[name])),
  ];
}

function facts(held, depth) {
  const entries = Object.entries(held).filter(
    ([, value]) => value !== null && value !== undefined && String(value) !== "",
  );
  return h(
    "dl",
    { class: "facts" },
    entries
      .slice(0, MANY)
      .map(([name, value]) =>
        h("div", {}, h("dt", {}, name.replaceAll("_", " ")), h("dd", {}, fact(value, depth + 1))),
      ),
  );
}

function fact(value, depth) {
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : number(value);
  if (Array.isArray(value))
    return value
      .slice(0, MANY)
      .map((each) => (each !== null && typeof each === "object" ? JSON.stringify(each) : String(each)))
      .join(", ");
  if (value !== null && typeof value === "object") return depth < DEEP ? facts(value, depth) : JSON.stringify(value);
  return String(value);
}

function tensors(name, held) {
  if (!Array.isArray(held) || !held.length) return null;
  return h(
    "div",
    { key: name },
    h("h3", {}, name),
    h(
      "dl",
      { class: "facts" },
      held
        .slice(0, MANY)
        .map((tensor) =>
          h(
            "div",
            {},
            h("dt", {}, tensor.name),
            h(
              "dd",
              {},
              [
                tensor.datatype,
                tensor.unit,
                tensor.description,
                tensor.categories && `${tensor.categories.length} categories`,
              ]
                .filter(Boolean)
                .join(", "),
            ),
          ),
        ),
    ),
  );
}
