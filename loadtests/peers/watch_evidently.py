"""Evidently's drift report of one window. Run by `python -m loadtests monitors --peers`: `watch_evidently.py ROWS.npz`."""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version

import numpy as np
import pandas as pd
from evidently import DataDefinition, Dataset, Report  # type: ignore[import-not-found]  # lives in an environment of its own
from evidently.presets import DataDriftPreset  # type: ignore[import-not-found]


def frames(path: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The reference and the window."""
    with np.load(path) as file:
        tables = [
            pd.DataFrame({name.removeprefix(prefix): file[name] for name in file.files if name.startswith(prefix)})
            for prefix in ("before.", "now.")
        ]
    return tables[0], tables[1]


def main() -> None:
    """Prints the best of three runs, in seconds; reading the reference is not counted, since it is done once."""
    before, now = frames(sys.argv[1])
    definition = DataDefinition(
        numerical_columns=[name for name in before if name.startswith("x")],
        categorical_columns=[name for name in before if name.startswith("c")],
    )
    reference = Dataset.from_pandas(before, data_definition=definition)
    times = []
    for _ in range(3):
        current = Dataset.from_pandas(now, data_definition=definition)
        start = time.process_time()
        Report([DataDriftPreset()]).run(current, reference).dict()
        times.append(time.process_time() - start)
    print(json.dumps({"seconds": min(times), "version": version("evidently")}))


main()
