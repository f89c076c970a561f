"""Scorecards: a logistic regression whose every category carries points of its own, and whose numbers are weighed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from models.graph import ML, Graph

Rows = Mapping[str, NDArray[Any]]


class Scorecard:
    """Log-odds = intercept + the points of each category + weight x standardised number.

    A category that was never seen gets no points; a missing number is taken to be the mean.
    """

    def __init__(self, rows: Rows, labels: NDArray[Any], categories: Sequence[str], numbers: Sequence[str]) -> None:
        self.categories, self.numbers = tuple(categories), tuple(numbers)
        onehot = OneHotEncoder(handle_unknown="ignore", sparse_output=False, dtype=np.float32)
        columns = np.column_stack([rows[name][:, 0] for name in categories])
        table = np.column_stack([rows[name][:, 0].astype(np.float64) for name in numbers])
        scaler = StandardScaler().fit(table)
        self.means, self.scales = scaler.mean_, scaler.scale_
        scaled = scaler.transform(np.where(np.isnan(table), scaler.mean_, table))
        logistic = LogisticRegression(C=1.0, max_iter=1000, tol=1e-8)
        logistic.fit(np.hstack([onehot.fit_transform(columns), scaled]), labels)
        weights = logistic.coef_[0]
        self.intercept = float(logistic.intercept_[0])
        self.points: dict[str, dict[Any, float]] = {}
        start = 0
        for name, values in zip(categories, onehot.categories_, strict=True):
            own = weights[start : start + len(values)]
            self.points[name] = dict(zip(values.tolist(), own.tolist(), strict=True))
            start += len(values)
        self.weights = weights[start:]

    def logits(self, graph: Graph) -> str:
        """Adds the scorecard to `graph`; gives the log-odds, FP32 [n, 1]."""
        numbers = graph.matrix(self.numbers)
        means = [float(mean) for mean in self.means]
        filled = graph.add("Imputer", [numbers], domain=ML, imputed_value_floats=means, replaced_value_float=np.nan)
        scales = [float(1 / scale) for scale in self.scales]
        standard = graph.add("Scaler", [filled], domain=ML, offset=means, scale=scales)
        weights = graph.constant(self.weights.astype(np.float32)[:, None])
        start = graph.constant(np.array([self.intercept], np.float32))
        parts = [graph.lookup(name, self.points[name], 0.0) for name in self.categories]
        return graph.add("Sum", [graph.add("Gemm", [standard, weights, start]), *parts])
