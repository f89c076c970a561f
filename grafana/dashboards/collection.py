"""All dashboards, and the files that they become."""

from __future__ import annotations

import json
from pathlib import Path

from grafana.dashboards import drift, fairness, internals, model, overview, performance, rollout
from grafana.dashboards.board import Board
from grafana.dashboards.foundation import JSONEncoder

FOLDER = Path(__file__).parent.parent / "json"

BOARDS: tuple[Board, ...] = (
    overview.BOARD,
    model.BOARD,
    drift.BOARD,
    performance.BOARD,
    fairness.BOARD,
    rollout.BOARD,
    internals.BOARD,
)
"""In the order in which one looks at them."""


def texts() -> dict[str, str]:
    """The text of each file by its name."""
    return {f"{board.uid.removeprefix('driftgate-')}.json": text(board) for board in BOARDS}


def text(board: Board) -> str:
    """A dashboard as JSON."""
    return json.dumps(board.built(), cls=JSONEncoder, indent=2, ensure_ascii=False) + "\n"
