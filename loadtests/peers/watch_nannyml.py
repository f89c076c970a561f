"""NannyML's univariate drift of one window. Run by `python -m loadtests monitors --peers`: `watch_nannyml.py ROWS.npz`."""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version

import nannyml  # type: ignore[import-not-found]  # lives in an environment of its own
import numpy as np
import pandas as pd


def frames(path: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The reference and the window."""
    with np.load(path) as file:
        tables = [
            pd.DataFrame({name.removeprefix(prefix): file[name] for name in file.files if name.startswith(prefix)})
            for prefix in ("before.", "now.")
        ]
    return tables[0], tables[1]


def main() -> None:
    """Prints the best of three runs, in seconds; fitting the reference is not counted, since it is done once."""
    before, now = frames(sys.argv[1])
    names = list(before)
    categories = [name for name in names if name.startswith("c")]
    calculator = nannyml.UnivariateDriftCalculator(
        column_names=names,
        treat_as_categorical=categories,
        continuous_methods=["jensen_shannon", "kolmogorov_smirnov", "wasserstein", "hellinger"],
        categorical_methods=["jensen_shannon", "chi2", "l_infinity"],
        chunk_size=len(now),
    )
    calculator.fit(before)
    times = []
    for _ in range(3):
        start = time.process_time()
        calculator.calculate(now)
        times.append(time.process_time() - start)
    print(json.dumps({"seconds": min(times), "version": version("nannyml")}))


main()
