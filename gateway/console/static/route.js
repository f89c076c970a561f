// Which view the address names: `#/model/flights/drift?version=1&subject=temperature`.

export const TABS = ["traffic", "drift", "performance", "fairness", "rollout", "card"];

/** `{view, model, tab, wanted}`; an address that names nothing is the overview. */
export function read(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  const wanted = new URLSearchParams(query);
  const [view, name, tab] = path.split("/");
  if (view === "model" && name) {
    return { view, model: decoded(name), tab: TABS.includes(tab) ? tab : TABS[0], wanted };
  }
  return { view: view === "rollouts" || view === "events" ? view : "overview", model: null, tab: null, wanted };
}

/** The address of a tab of a model. wanted: what to choose there; null values are left out. */
export function toModel(model, tab = TABS[0], wanted = {}) {
  const query = new URLSearchParams(
    Object.entries(wanted).filter(([, value]) => value !== null && value !== undefined),
  );
  return `#/model/${encodeURIComponent(model)}/${tab}${query.size ? `?${query}` : ""}`;
}

function decoded(name) {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
