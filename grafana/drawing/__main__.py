"""`python -m grafana.drawing`: runs a gateway under replay beside a Prometheus, and draws every dashboard from it."""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from grafana.drawing.browser import chromium, draw
from grafana.drawing.digest import note
from grafana.drawing.page import build, install
from grafana.drawing.picture import small
from grafana.proof.answers import Answers
from grafana.proof.board import boards
from grafana.proof.emptiness import unexpected
from grafana.proof.errors import ProofError
from grafana.proof.incidents.blocks import LENGTH_S, STEP_S, write_incidents
from grafana.proof.live import STEADY, live
from grafana.proof.prometheus import prometheus
from grafana.proof.rules import hurried
from grafana.proof.scene import Scene, View, scene

_ROOT = Path(__file__).parent.parent.parent
_BOARDS, _RULES, _PICTURES = _ROOT / "grafana" / "json", _ROOT / "grafana" / "rules", _ROOT / "docs" / "images"
_PREFERRED = {"model": "flights", "feature": "temperature", "metric": "accuracy"}
_SCRAPE_S = 3.0


def main() -> int:
    """Draws the dashboards; 1 if one of them has an empty panel, or something to complain of."""
    words = argparse.ArgumentParser(prog="python -m grafana.drawing", description=__doc__)
    words.add_argument("names", nargs="*", help="dashboards, such as overview; left out, all")
    words.add_argument("--minutes", type=float, default=6.0, help="of replay before the pictures are taken")
    words.add_argument(
        "--incidents", action="store_true", help="draw the made-up six hours instead: nothing is replayed"
    )
    words.add_argument("--output", type=Path, default=_PICTURES, help="folder of the pictures")
    chosen = words.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="driftgate-drawing-") as folder:
            return _run(Path(folder), chosen)
    except ProofError as problem:
        print(problem, file=sys.stderr)
        return 1


def _run(folder: Path, chosen: argparse.Namespace) -> int:
    print("Installing and building the page …", flush=True)
    install()
    build(folder / "page")
    chosen.output.mkdir(parents=True, exist_ok=True)
    source = _incidents(folder) if chosen.incidents else _replayed(folder, chosen.minutes)
    complaints: list[str] = []
    with source as (answers, view), chromium() as browser:
        for name, dashboard in boards(_BOARDS).items():
            if chosen.names and name not in chosen.names:
                continue
            found = scene(name, dashboard, answers, view)
            picture = chosen.output / f"dashboard-{name}.png"
            draw(browser, folder / "page", found.drawing, picture)
            small(picture)
            note(chosen.output, name, dashboard)
            complaints += _empty(found)
            print(f"{picture} ({picture.stat().st_size // 1000} kB)", flush=True)
    for complaint in complaints:
        print(f"without a series: {complaint}", file=sys.stderr)
    return 1 if complaints else 0


@contextlib.contextmanager
def _replayed(folder: Path, minutes: float) -> Iterator[tuple[Answers, View]]:
    with contextlib.ExitStack() as stack:
        with live(folder / "gateway", STEADY) as gateway:
            rules = hurried(_RULES, folder / "rules", patient=True)
            server = prometheus(folder / "prometheus", rules, [gateway.target], _SCRAPE_S)
            answers, begin = stack.enter_context(server), time.time()
            print(f"Replaying for {minutes:g} minutes …", flush=True)
            time.sleep(minutes * 10)
            gateway.reload()
            time.sleep(minutes * 5)
            gateway.roll_out()
            time.sleep(minutes * 45)
            end = time.time()
        # The gateway is gone before the drawing begins: both would like the processor for themselves.
        yield answers, View(begin + 2 * _SCRAPE_S, end, _SCRAPE_S, _PREFERRED)


@contextlib.contextmanager
def _incidents(folder: Path) -> Iterator[tuple[Answers, View]]:
    now = time.time() // STEP_S * STEP_S - 7  # scrapes do not lie on the grid of steps
    write_incidents(folder / "prometheus", _RULES, now)
    with prometheus(folder / "prometheus") as answers:
        yield answers, View(now - LENGTH_S, now, STEP_S, _PREFERRED)


def _empty(found: Scene) -> list[str]:
    """The queries of panels none of whose queries gave anything; one of several may stay silent."""
    return [
        complaint
        for panel in found.drawing["panels"]
        if panel["targets"] and not any(target["result"] for target in panel["targets"])
        for complaint in unexpected(
            one for one in found.questions if one.where.startswith(f"{found.drawing['name']} · {panel['title']} · ")
        )
    ]


if __name__ == "__main__":
    sys.exit(main())
