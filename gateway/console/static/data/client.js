// How the page asks the gateway, and what can come of it. Addresses are relative, so that a prefix in front makes no difference.

const PATIENCE_MS = 10_000;

/** Why there is no answer. kind: unreachable, unavailable (503), absent (404), refused (any other). */
export class Problem extends Error {
  constructor(kind, message) {
    super(message);
    this.kind = kind;
  }
}

/** The JSON at a path. Throws Problem. */
export async function ask(path) {
  return answered(await sent(path, {}));
}

/** Gives a command to a rollout; the answer is where it is then. Throws Problem. */
export async function command(model, verb, who, why) {
  const headers = { "content-type": "application/json" };
  const name = who.replace(/[^\x20-\x7e]/g, "").trim(); // what a header can carry
  if (name) headers["x-driftgate-user"] = name;
  const path = `gateway/models/${encodeURIComponent(model)}/rollout/${verb}`;
  return answered(await sent(path, { method: "POST", headers, body: JSON.stringify({ why }) }));
}

async function sent(path, options) {
  try {
    return await fetch(path, { ...options, cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch (problem) {
    const slow = problem.name === "TimeoutError";
    throw new Problem("unreachable", slow ? `no answer within ${PATIENCE_MS / 1000} s` : "no connection");
  }
}

async function answered(response) {
  let body;
  try {
    body = await response.json();
  } catch {
    throw new Problem(kindOf(response.status || 500), `what answers (${response.status}) is no gateway`);
  }
  if (response.ok) return body;
  throw new Problem(
    kindOf(response.status),
    typeof body?.error === "string" ? body.error : `status ${response.status}`,
  );
}

function kindOf(status) {
  if (status === 503) return "unavailable";
  return status === 404 ? "absent" : "refused";
}
