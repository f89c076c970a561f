// The alarms that fire now.

import { h } from "../dom.js";
import { ago, count, interval, moment, plural } from "../format.js";
import { toModel } from "../route.js";
import { modelNames } from "../data/sources.js";
import { alarms, tabOf, watched } from "../data/windows.js";
import { notice, panel, sign } from "./panel.js";
import { matter } from "./sentence.js";

const SHOWN = { all: 12, one: 5 };

/** The panel of alarms, of one model or of all: the newest, and the others where they can be unfolded. */
export function alarmsPanel(state, model = null) {
  const found = alarms(state, model);
  const known = modelNames(state).filter((name) => model === null || name === model);
  const heard = known.filter((name) => watched(state, name) !== null);
  const most = model === null ? SHOWN.all : SHOWN.one;
  const aside = found.length
    ? sign("bad", `${count(found.length)} firing`)
    : heard.length
      ? sign("good", "none")
      : sign("none", "not known yet");
  const list = (some, key) =>
    h(
      "ul",
      { class: "alarms", key },
      some.map((alarm) => entry(state, alarm, model === null)),
    );
  return panel(
    "alarms",
    "Alarms firing now",
    { aside, wide: true },
    unheard(state, known),
    found.length
      ? [
          list(found.slice(0, most), "first"),
          found.length > most &&
            h(
              "details",
              { key: "more" },
              h("summary", {}, plural(found.length - most, "older alarm")),
              list(found.slice(most), "others"),
            ),
        ]
      : h("p", { class: "quiet", key: "quiet" }, quiet(state, known, heard)),
  );
}

function entry(state, alarm, withModel) {
  const { version, role, monitor, subject, statistic, since, n } = alarm;
  const to = toModel(alarm.model, tabOf(monitor), { version, role: role === "primary" ? null : role, subject });
  const where = `${withModel ? `${alarm.model} ` : ""}version ${version}${role === "primary" ? "" : `, ${role}`}`;
  return h(
    "li",
    { key: [alarm.model, version, role, monitor, subject, statistic].join("\u0000") },
    h("span", { class: "flag", "aria-hidden": "true" }, "▲"),
    h("a", { href: to }, h("b", {}, where), h("span", {}, matter(alarm))),
    h(
      "small",
      {},
      `since ${moment(since, state.now)}, ${ago(since, state.now)}; ${alarm.interval ? `interval ${interval(alarm.interval)}, ` : ""}${count(n)} rows`,
    ),
  );
}

function quiet(state, known, heard) {
  if (!heard.length) return "The monitors have not been heard yet.";
  const unwatched = heard.filter((name) => !watched(state, name).length);
  const all =
    heard.length < known.length
      ? `Nothing fires in ${heard.length} of ${known.length} models; the others are being asked.`
      : "No alarm fires.";
  if (!unwatched.length) return all;
  return `${all} Not watched so far: ${unwatched.join(", ")} (no answers yet, or no reference profile).`;
}

/** Models whose monitors cannot be asked just now: what is shown of them is old, or missing. */
function unheard(state, known) {
  if (state.connection.down) return null;
  const failing = known.filter((name) => state.resources.get(`monitors/${name}`)?.problem);
  if (!failing.length) return null;
  const { message } = state.resources.get(`monitors/${failing[0]}`).problem;
  return notice(
    "unheard",
    "warn",
    `Alarms of ${failing.join(", ")} are as they were last heard, if they were: ${message}.`,
  );
}
