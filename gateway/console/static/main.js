// Ties it together: the address names a view, the feed keeps its data fresh, and every change is drawn once.

import { Feed } from "./data/feed.js";
import { modelNames, sources, valueOf } from "./data/sources.js";
import { TrafficLog } from "./data/traffic.js";
import { h, patch } from "./dom.js";
import { News } from "./news.js";
import { read, toModel } from "./route.js";
import { card } from "./views/card.js";
import { carriedOut, question, remembered } from "./views/command.js";
import { drift } from "./views/drift.js";
import { events } from "./views/events.js";
import { fairness } from "./views/fairness.js";
import { footer, header, modelHead } from "./views/frame.js";
import { overview } from "./views/overview.js";
import { notice, trouble } from "./views/panel.js";
import { performance } from "./views/performance.js";
import { rollout, rollouts } from "./views/rollout.js";
import { traffic } from "./views/traffic.js";

const TURN_MS = 500;
const OF_MODEL = { traffic, drift, performance, fairness, rollout, card };
const OF_ALL = { overview, rollouts, events };

const state = {
  now: Date.now() / 1000,
  route: read(location.hash),
  connection: { down: false, since: null, tries: 0, next: 0, problem: null },
  resources: new Map(), // by key: value, at (s), problem, asked (s)
  traffic: new TrafficLog(),
  said: new Map(), // by model: what the last command came to
  asked: null, // the command that waits for a yes
  busy: false,
};
const news = new News(document.getElementById("said"));
const feed = new Feed(state, sources, (key, value) => {
  if (key === "traffic" && value) state.traffic.add(value);
  news.hear(state);
  soon();
});
const actions = {
  retry: () => feed.hurry(),
  choose: (wanted) => {
    const { model, tab, wanted: before } = state.route;
    location.hash = toModel(model, tab, { ...Object.fromEntries(before), ...wanted });
  },
  ask: (one, verb) => {
    state.asked = { one, verb };
    draw();
    const dialog = document.querySelector("dialog");
    dialog.querySelector("[name=who]").value = remembered();
    dialog.showModal();
    dialog.querySelector(remembered() ? "[name=why]" : "[name=who]").focus();
  },
};

let drawing = false;

function soon() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    draw();
  });
}

function draw() {
  state.now = Date.now() / 1000;
  const active = document.activeElement;
  patch(document.getElementById("top"), header(state, actions));
  patch(
    document.getElementById("main"),
    h("div", { class: "view", key: `${state.route.view} ${state.route.model} ${state.route.tab}` }, content()),
  );
  patch(document.getElementById("foot"), footer(state));
  patch(document.getElementById("desk"), question(state.asked, decided));
  document.body.dataset.stale = String(state.connection.down);
  if (active !== document.activeElement && active?.isConnected) active.focus({ preventScroll: true });
}

function content() {
  const { view, model, tab } = state.route;
  if (view !== "model") return OF_ALL[view](state, actions);
  const models = modelNames(state);
  const known = models.includes(model);
  if (!known && !valueOf(state, "status")) return [modelHead(state, model, models), trouble(state, "status", "models")];
  if (!known)
    return notice(
      "unknown",
      "plain",
      `No model is called ${model} here. The gateway serves ${models.join(", ") || "none"}. `,
      h("a", { href: "#/" }, "Overview"),
    );
  return [modelHead(state, model, models), OF_MODEL[tab](state, model, actions)];
}

async function decided(answer) {
  const { asked } = state;
  const opener =
    asked &&
    [...document.querySelectorAll(".buttons button")].find((each) =>
      each.textContent.toLowerCase().startsWith(asked.verb),
    );
  document.querySelector("dialog")?.close();
  state.asked = null;
  draw();
  (opener?.isConnected ? opener : document.getElementById("main")).focus({ preventScroll: true });
  if (!asked || !answer) return;
  state.busy = true;
  const said = await carriedOut(asked, answer);
  state.busy = false;
  state.said.set(asked.one.model, said);
  news.say(said.text);
  feed.hurry();
  draw();
}

function turn() {
  if (document.hidden) return;
  feed.turn(Date.now() / 1000);
  soon();
}

addEventListener("hashchange", () => {
  const before = state.route;
  state.route = read(location.hash);
  state.said.clear();
  document.title = `${state.route.model ? `${state.route.model} · ${state.route.tab}` : state.route.view} – driftgate console`;
  draw();
  feed.turn(Date.now() / 1000);
  if (before.view === state.route.view && before.model === state.route.model && before.tab === state.route.tab) return;
  scrollTo(0, 0);
  document.getElementById("main").focus({ preventScroll: true });
});
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address is the view's
  document.getElementById("main").focus();
});
document.addEventListener("theme", soon);
document.addEventListener("visibilitychange", turn);
setInterval(turn, TURN_MS);
turn();
