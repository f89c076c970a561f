"""How many bicycles will be rented in this hour? `python models/bikeshare/train.py --version 1 --output DIR`

Gradient boosting on January to April 2011; the rest of the year is there to be replayed, and drifts.
"""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from gateway.manifest import Column, Manifest
from models import recipe
from models.graph import Graph

DATA = Path(__file__).with_name("bikeshare.parquet")
SEED = 2011
HELD_OUT = 0.2
UNTIL = "2011-05-01"
WEATHER = ("clear", "cloudy/misty", "light rain/snow", "heavy rain/snow")
"""From good to bad: the trees see the place in this order."""

NUMBERS = ("hour", "weekday", "holiday", "working_day", "temperature", "humidity", "wind_speed")
BOOSTING: dict[str, Any] = {"max_iter": 150, "learning_rate": 0.06, "max_leaf_nodes": 15, "min_samples_leaf": 15}
INPUTS = (
    Column(name="hour", datatype="INT64", shape=(-1, 1), unit="h", description="local time"),
    Column(name="weekday", datatype="INT64", shape=(-1, 1), description="0 is Monday", categories=tuple(range(7))),
    Column(name="holiday", datatype="BOOL", shape=(-1, 1), categories=(False, True)),
    Column(name="working_day", datatype="BOOL", shape=(-1, 1), categories=(False, True)),
    Column(name="weather", datatype="BYTES", shape=(-1, 1), categories=WEATHER),
    Column(name="temperature", datatype="FP32", shape=(-1, 1), unit="°C"),
    Column(name="humidity", datatype="FP32", shape=(-1, 1), unit="%", description="relative"),
    Column(name="wind_speed", datatype="FP32", shape=(-1, 1), description="0 to 67; the source gives no unit"),
)
OUTPUTS = (Column(name="rentals", datatype="FP32", shape=(-1, 1), description="in this hour, never below 0"),)


def train(version: int) -> recipe.Trained:
    """Trains the version, measures it on hours that it has not seen, and profiles its months."""
    table = pq.read_table(DATA)
    end = datetime.fromisoformat(UNTIL)
    early, later = table.filter(pc.field("time") < end), table.filter(pc.field("time") >= end)
    rows, labels = recipe.typed(early, INPUTS), early["label"].to_numpy().astype(np.float64)
    unseen = recipe.held_out(len(labels), HELD_OUT, SEED)
    model = _model(recipe.take(rows, ~unseen), labels[~unseen])
    answers = recipe.predict(model, rows)
    later_answers = recipe.predict(model, recipe.typed(later, INPUTS))
    metrics = {
        **_metrics(answers["rentals"][unseen, 0], labels[unseen]),
        **{f"later_{k}": v for k, v in _metrics(later_answers["rentals"][:, 0], later["label"].to_numpy()).items()},
    }
    manifest = Manifest(
        name="bikeshare",
        version=version,
        task="regression",
        description="How many bicycles will be rented in this hour?",
        inputs=INPUTS,
        outputs=OUTPUTS,
        score="rentals",
        max_batch_size=256,
        lineage=recipe.lineage(
            Path(__file__),
            "bikeshare/bikeshare.parquet, from ISLP 0.4.0 on PyPI",
            recipe.file_sha256(DATA),
            seed=SEED,
            rows=int((~unseen).sum()),
            period=("2011-01-01", UNTIL),
            parameters=BOOSTING,
            metrics=metrics,
        ),
        owner="driftgate examples",
        licence="CC-BY-4.0",
    )
    reference = recipe.reference(manifest, rows, answers, labels, unseen, recipe.times(early))
    return recipe.Trained(manifest, model, reference, _requests(rows, unseen), _card(manifest, int(unseen.sum())))


def _model(rows: recipe.Rows, labels: NDArray[Any]) -> bytes:
    order = {name: float(place) for place, name in enumerate(WEATHER)}
    weather = [order[name] for name in rows["weather"][:, 0]]
    matrix = np.column_stack([weather, *(rows[name][:, 0] for name in NUMBERS)]).astype(np.float32)
    booster = HistGradientBoostingRegressor(**BOOSTING, early_stopping=False, random_state=SEED).fit(matrix, labels)
    graph = Graph(INPUTS)
    # Weather of an unknown kind is a missing number, for which each tree has a way.
    encoded = graph.lookup("weather", order, float("nan"))
    graph.add("Relu", [graph.trees(graph.matrix([encoded, *NUMBERS]), booster)], "rentals")
    return graph.model("bikeshare", OUTPUTS)


def _metrics(predicted: NDArray[Any], labels: NDArray[Any]) -> dict[str, float]:
    measured = {
        "mae": mean_absolute_error(labels, predicted),
        "rmse": root_mean_squared_error(labels, predicted),
        "r2": r2_score(labels, predicted),
        "mean": labels.mean(),
    }
    return {name: round(float(value), 4) for name, value in measured.items()}


def _requests(rows: recipe.Rows, unseen: NDArray[np.bool_]) -> tuple[recipe.Rows, ...]:
    """One hour, three, a batch of twelve, and one without a thermometer."""
    places = np.flatnonzero(unseen)
    blank = recipe.take(rows, places[50:51]) | {"temperature": np.array([[np.nan]], np.float32)}
    return (*(recipe.take(rows, which) for which in (places[:1], places[20:23], places[-12:])), blank)


def _card(manifest: Manifest, unseen: int) -> str:
    assert manifest.lineage
    m = manifest.lineage.metrics
    return f"""# bikeshare/{manifest.version}

Gradient boosting (150 trees) that predicts how many bicycles are rented in an hour, from the clock and the weather.

## Intended use
An example for regression under drift: replay May to December and watch temperature, residuals and error move together.
Not for running a bicycle fleet.

## Data
Capital Bikeshare, Washington D.C., 2011, by the hour; source and changes are in NOTICE.md beside the recipe. Fitted on
{manifest.lineage.rows:,} hours of January to April; {unseen:,} more of the same months, chosen at random, were held out.

## Metrics
| | held out, January to April | May to December |
|---|---|---|
| mean absolute error | {m["mae"]:.1f} | {m["later_mae"]:.1f} |
| root mean squared error | {m["rmse"]:.1f} | {m["later_rmse"]:.1f} |
| R² | {m["r2"]:.3f} | {m["later_r2"]:.3f} |
| mean rentals | {m["mean"]:.1f} | {m["later_mean"]:.1f} |

## Limits
Trees do not extrapolate: beyond the warmest April day it answers as for that day. The service itself grew during the year, which
no input tells. Unknown weather and missing numbers are answered, along branches that were fitted without such rows.

## Fairness
No people in the data; where stations stand, and who can reach them, is outside what it knows.

## Licence
Data: CC BY 4.0 (Fanaee-T 2013). Model: the same.
"""


if __name__ == "__main__":
    recipe.main(train, (1,))
