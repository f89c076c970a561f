// What each view needs from the gateway, and how often.

const enc = encodeURIComponent;
const MONITORS_S = 5;

/** The sources of the view in sight. Monitors of models out of sight come more slowly, the more there are. */
export function sources(state) {
  const { route } = state;
  const found = [
    { key: "status", path: "gateway/status", every: 2 },
    { key: "traffic", path: "gateway/traffic", every: 2 },
    { key: "rollouts", path: "gateway/rollouts", every: 2 },
    { key: "history", path: "gateway/history?limit=200", every: 5 },
  ];
  const models = modelNames(state);
  const slowly = Math.max(10, 2 * models.length);
  for (const model of models) found.push(monitors(model, model === route.model ? MONITORS_S : slowly));
  if (route.view !== "model" || !models.includes(route.model)) return found;
  if (route.tab === "drift" || route.tab === "performance") {
    found.push({
      key: `distributions/${route.model}`,
      path: `gateway/models/${enc(route.model)}/distributions`,
      every: 10,
    });
  }
  if (route.tab === "performance") {
    found.push({
      key: `past/${route.model}`,
      path: `gateway/models/${enc(route.model)}/monitors?history=40`,
      every: 60,
    });
  }
  if (route.tab === "card") found.push(...versions(state, route.model).map((version) => card(route.model, version)));
  return found;
}

/** The names of all models, in the gateway's order. */
export function modelNames(state) {
  return [...new Set((valueOf(state, "status")?.models ?? []).map((row) => row.model))];
}

/** The versions of a model that the gateway knows of. */
export function versions(state, model) {
  return (valueOf(state, "status")?.models ?? []).filter((row) => row.model === model).map((row) => row.version);
}

/** What was last heard of a source, or null. */
export function valueOf(state, key) {
  return state.resources.get(key)?.value ?? null;
}

function monitors(model, every) {
  return { key: `monitors/${model}`, path: `gateway/models/${enc(model)}/monitors`, every };
}

function card(model, version) {
  return { key: `card/${model}/${version}`, path: `gateway/models/${enc(model)}/card?version=${version}`, every: 300 };
}
