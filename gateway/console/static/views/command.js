// What a person may do with a rollout: the words of it, the question before it, and what came of it.

import { h } from "../dom.js";
import { command } from "../data/client.js";

const ENDED = ["succeeded", "rolled_back", "aborted", "superseded"];
const WHO = "driftgate-who";
const LONGEST_WHY = 500;

/** By verb: its name, its class, and what it will do. */
export const ORDERS = {
  approve: {
    name: "Approve",
    kind: "good",
    does: ({ model, candidate }) =>
      `Version ${candidate}, which has passed all gates on all steps, gets all traffic of ${model}.`,
  },
  resume: {
    name: "Resume",
    kind: "",
    does: ({ model, steps, step }) =>
      `The rollout of ${model} goes on at ${steps[step]} %; that step begins again. After a failed gate, evidence begins anew.`,
  },
  pause: {
    name: "Pause",
    kind: "",
    does: ({ model, percent }) =>
      `The rollout of ${model} stays at ${percent} %. Its gates are not looked at until it is resumed: a candidate that turns bad is not rolled back.`,
  },
  promote: {
    name: "Promote",
    kind: "warn",
    does: ({ model, candidate }) =>
      `Version ${candidate} gets all traffic of ${model} at once, whatever its gates say.`,
  },
  abort: {
    name: "Abort",
    kind: "bad",
    does: ({ model, stable }) =>
      `Version ${stable} gets all traffic of ${model} back at once, and the rollout is over.`,
  },
};

/** The verbs that make sense where a rollout is. */
export function possible({ phase }) {
  if (ENDED.includes(phase)) return [];
  if (phase === "paused") return ["resume", "promote", "abort"];
  return [...(phase === "waiting_approval" ? ["approve"] : []), "pause", "promote", "abort"];
}

/** The question, as a dialog; nothing while none is asked. done: called with what was decided: null, or `{who, why}`. */
export function question(asked, done) {
  if (!asked) return null;
  const { one, verb } = asked;
  const order = ORDERS[verb];
  const submit = (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    const who = String(form.get("who")).trim();
    remember(who);
    done({ who, why: String(form.get("why")).trim() });
  };
  return h(
    "dialog",
    {
      key: "dialog",
      class: "question",
      "aria-labelledby": "asked",
      on: { cancel: () => done(null), click: (event) => event.target.nodeName === "DIALOG" && done(null) },
    },
    h(
      "form",
      { method: "dialog", on: { submit } },
      h("h2", { id: "asked" }, `${order.name} ${one.model}?`),
      h("p", {}, order.does(one)),
      h(
        "label",
        {},
        h("span", {}, "Your name, for the history"),
        h("input", { name: "who", maxlength: 64, autocomplete: "name", key: "who" }),
      ),
      h(
        "label",
        {},
        h("span", {}, "Why, for the history"),
        h("input", { name: "why", maxlength: LONGEST_WHY, key: "why", autocomplete: "off" }),
      ),
      h(
        "div",
        { class: "buttons" },
        h("button", { type: "submit", class: order.kind || "main" }, order.name),
        h("button", { type: "button", on: { click: () => done(null) } }, "Cancel"),
      ),
    ),
  );
}

/** Gives the command; what came of it, in words: `{kind, text}`. */
export async function carriedOut({ one, verb }, { who, why }) {
  const { name } = ORDERS[verb];
  try {
    const { state } = await command(one.model, verb, who || "console", why);
    return { kind: "good", text: `${name}: done. The rollout of ${one.model} is ${state}.` };
  } catch (problem) {
    const unsure =
      problem.kind === "unreachable" ? " Whether the gateway heard it is not known; doing it again does no harm." : "";
    return { kind: "bad", text: `${name}: not done. ${problem.message}.${unsure}` };
  }
}

/** The name that was given last time. */
export function remembered() {
  try {
    return localStorage.getItem(WHO) ?? "";
  } catch {
    return "";
  }
}

function remember(who) {
  try {
    localStorage.setItem(WHO, who);
  } catch {
    // it is asked again next time
  }
}
