"""wrk as the engine of a closed loop, where it is installed: a second opinion on our own engine."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from loadtests.errors import LoadError
from loadtests.plan import Plan
from loadtests.result import Latency, Result

# Request i of `wires` goes out as it is; a closed loop has no use for wrk's own formatting.
SCRIPT = """
local wires = {}
for i = 1, COUNT do
  local file = io.open(FOLDER .. "/" .. i, "rb")
  wires[i] = file:read("*a")
  file:close()
end
local turn = 0
function request()
  turn = turn % COUNT + 1
  return wires[turn]
end
function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\\n{"requests": %d, "us": %d, "bytes": %d, "p50": %f, "p90": %f, "p99": %f, "p999": %f, "max": %f, ',
    summary.requests, summary.duration, summary.bytes, latency:percentile(50), latency:percentile(90),
    latency:percentile(99), latency:percentile(99.9), latency.max))
  io.write(string.format(
    '"status": %d, "connect": %d, "read": %d, "write": %d, "timeout": %d}\\n',
    errors.status, errors.connect, errors.read, errors.write, errors.timeout))
end
"""


def installed() -> bool:
    """Whether wrk can be found."""
    return shutil.which("wrk") is not None


def measure(plan: Plan) -> Result:
    """Runs a closed plan under wrk; its warm-up is a run of its own. Raises LoadError.

    wrk does not say which statuses it saw: all that are not 2xx or 3xx are counted as 0. It cannot tell how many rows
    the answers had, so all requests of the plan must have the same number.
    """
    if plan.rate is not None:
        raise LoadError("wrk runs closed loops only; leave out `rate`, or use the python engine")
    if len(set(plan.rows)) > 1:
        raise LoadError("wrk cannot count the rows of mixed requests; use the python engine")
    with tempfile.TemporaryDirectory(prefix="loadtests-wrk-") as folder:
        script = _script(Path(folder), plan.wires)
        if plan.warm_up_s:
            _run(plan, plan.warm_up_s, script)
        return _result(_run(plan, plan.duration_s, script), plan.rows[0])


def _script(folder: Path, wires: Sequence[bytes]) -> Path:
    for at, wire in enumerate(wires, start=1):
        (folder / str(at)).write_bytes(wire)
    path = folder / "requests.lua"
    path.write_text(f"local COUNT, FOLDER = {len(wires)}, {json.dumps(str(folder))}\n{SCRIPT}", encoding="utf-8")
    return path


def _run(plan: Plan, seconds: float, script: Path) -> dict[str, Any]:
    whole = max(1, round(seconds))  # wrk takes whole seconds only
    command = ["wrk", "-t1", f"-c{plan.connections}", f"-d{whole}s", "-s", str(script), plan.target.url]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=whole + 30, check=False)
    except FileNotFoundError:
        raise LoadError("wrk is not installed") from None
    except subprocess.TimeoutExpired:
        raise LoadError(f"wrk did not end within {whole + 30} s") from None
    last = done.stdout.strip().rsplit("\n", 1)[-1]
    if done.returncode or not last.startswith("{"):
        raise LoadError(f"wrk failed: {(done.stderr or done.stdout).strip()[:500]}")
    found: dict[str, Any] = json.loads(last)
    return found


def _result(found: dict[str, Any], rows: int) -> Result:
    answered, seconds = found["requests"] - found["status"], found["us"] / 1e6
    errors = {what: found[what] for what in ("connect", "read", "write", "timeout") if found[what]}
    return Result(
        answered=answered,
        rows=answered * rows,
        seconds=seconds,
        throughput=answered / seconds,
        rows_per_s=answered * rows / seconds,
        latency=Latency(**{name: found[name] / 1e3 for name in ("p50", "p90", "p99", "p999", "max")}),
        statuses={200: answered} | ({0: found["status"]} if found["status"] else {}),
        errors=errors,
        unanswered=0,
        bytes_received=found["bytes"],
        lag_p99_ms=0.0,
        client_cpu=0.0,
        engine="wrk",
    )
