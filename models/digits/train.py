"""Which digit is this? `python models/digits/train.py --version 1 --output DIR`

A small neural network on the 8x8 images that come with scikit-learn.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from sklearn.neural_network import MLPClassifier

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from gateway.manifest import Column, Manifest
from models import recipe
from models.graph import Graph

SEED = 8
HELD_OUT = 0.25
INK = 16.0
"""The darkest pixel."""

NETWORK: dict[str, Any] = {"hidden_layer_sizes": (32,), "alpha": 0.01, "max_iter": 400, "learning_rate_init": 0.005}
INPUTS = (
    Column(name="image", datatype="FP32", shape=(-1, 64), unit="0 to 16", description="8 rows of 8 pixels, 0 is white"),
)
OUTPUTS = (
    Column(name="probabilities", datatype="FP32", shape=(-1, 10), description="of each digit; they sum to 1"),
    Column(name="digit", datatype="INT64", shape=(-1,), description="the most probable one"),
)


def train(version: int) -> recipe.Trained:
    """Trains the version, measures it on images that it has not seen, and profiles them all."""
    images, digits = load_digits(return_X_y=True)
    rows = {"image": images.astype(np.float32)}
    unseen = recipe.held_out(len(digits), HELD_OUT, SEED)
    model = _model(rows["image"][~unseen], digits[~unseen])
    answers = recipe.predict(model, rows)
    manifest = Manifest(
        name="digits",
        version=version,
        task="multiclass",
        description="Which digit is this 8x8 image?",
        inputs=INPUTS,
        outputs=OUTPUTS,
        score="probabilities",
        prediction="digit",
        classes=tuple(range(10)),
        max_batch_size=256,
        lineage=recipe.lineage(
            Path(__file__),
            "sklearn.datasets.load_digits",
            hashlib.sha256(rows["image"].tobytes() + digits.astype(np.int64).tobytes()).hexdigest(),
            seed=SEED,
            rows=int((~unseen).sum()),
            parameters={**NETWORK, "hidden_layer_sizes": 32},
            metrics=_metrics(answers["probabilities"][unseen], digits[unseen]),
        ),
        owner="driftgate examples",
        licence="CC-BY-4.0",
    )
    reference = recipe.reference(manifest, rows, answers, digits, unseen)
    return recipe.Trained(manifest, model, reference, _requests(rows, unseen), _card(manifest, answers, digits, unseen))


def _model(images: NDArray[Any], digits: NDArray[Any]) -> bytes:
    network = MLPClassifier(**NETWORK, random_state=SEED).fit(images.astype(np.float64) / INK, digits)
    graph = Graph(INPUTS)
    layer = graph.add("Div", ["image", graph.constant(np.array(INK, np.float32))])
    for place, (weights, bias) in enumerate(zip(network.coefs_, network.intercepts_, strict=True)):
        layer = graph.add("Relu", [layer]) if place else layer
        constants = [graph.constant(array.astype(np.float32)) for array in (weights, bias)]
        layer = graph.add("Gemm", [layer, *constants])
    graph.add("Softmax", [layer], "probabilities", axis=1)
    graph.add("ArgMax", ["probabilities"], "digit", axis=1, keepdims=0)
    return graph.model("digits", OUTPUTS)


def _metrics(probabilities: NDArray[Any], digits: NDArray[Any]) -> dict[str, float]:
    exact = probabilities.astype(np.float64)
    exact /= exact.sum(1, keepdims=True)
    measured = {
        "accuracy": accuracy_score(digits, exact.argmax(1)),
        "auc": roc_auc_score(digits, exact, multi_class="ovr"),
        "log_loss": log_loss(digits, exact),
    }
    return {name: round(float(value), 4) for name, value in measured.items()}


def _requests(rows: recipe.Rows, unseen: NDArray[np.bool_]) -> tuple[recipe.Rows, ...]:
    """One image, two, eight, and a blank sheet."""
    places = np.flatnonzero(unseen)
    blank = {"image": np.zeros((1, 64), np.float32)}
    return (*(recipe.take(rows, which) for which in (places[:1], places[5:7], places[-8:])), blank)


def _card(manifest: Manifest, answers: dict[str, NDArray[Any]], digits: NDArray[Any], unseen: NDArray[np.bool_]) -> str:
    assert manifest.lineage
    m = manifest.lineage.metrics
    right = answers["digit"][unseen] == digits[unseen]
    shares = {digit: right[digits[unseen] == digit].mean() for digit in range(10)}
    worst = min(shares, key=lambda digit: shares[digit])
    return f"""# digits/{manifest.version}

A network of one hidden layer (32 units) that reads a hand-written digit from 8x8 pixels.

## Intended use
An example for images and many classes: blur, shift or invert the images, and watch the projection of the pixels move
before a label is seen. Not for reading anybody's handwriting.

## Data
1,797 images from the test part of the UCI set "Optical Recognition of Handwritten Digits", as scikit-learn ships them.
Fitted on {manifest.lineage.rows:,}; {int(unseen.sum()):,}, chosen at random, were held out.

## Metrics
On the held-out images: accuracy {m["accuracy"]:.3f}, one-versus-rest AUC {m["auc"]:.4f}, log loss {m["log_loss"]:.3f}.
The digit that it reads worst is {worst}: {shares[worst]:.3f} of them right.

## Limits
The images are centred, of one size, and clean. The split is by image, not by writer, so a new hand will be read less well.
A blank sheet gets a digit like any other: there is no class for "none".

## Fairness
Thirteen people wrote these images, and nothing is known of them; how well it reads the hands of others was not measured.

## Licence
Data: CC BY 4.0 (Alpaydin and Kaynak 1998, https://doi.org/10.24432/C50P49). Model: the same.
"""


if __name__ == "__main__":
    recipe.main(train, (1,))
