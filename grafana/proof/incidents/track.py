"""Series as text that promtool makes blocks of: OpenMetrics, one line for each sample, with its time."""

from __future__ import annotations

import itertools
import math
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from grafana.proof.errors import ProofError
from grafana.proof.incidents.course import Counted, Course, Line
from grafana.proof.prometheus import executable


class Track(NamedTuple):
    """One series. family: its name without suffix. times: s since 1970, rising. values: as many; NaN where it is absent."""

    family: str
    kind: str
    suffix: str
    labels: Mapping[str, str]
    times: Course
    values: Course


def tracks(one: Line, target: Mapping[str, str], times: Course) -> Iterator[Track]:
    """A line as scraped from a target: one track, or one for each bucket."""
    labels = {**dict(zip(one.metric.labels, one.labels, strict=True)), **target}
    kind, name = one.metric.kind, one.metric.name
    if not isinstance(one.values, Counted):
        yield Track(name, kind, "_total" if kind == "counter" else "", labels, times, one.values)
        return
    for bound, counts in zip((*one.values.bounds, "+Inf"), one.values.buckets, strict=True):
        yield Track(name, kind, "_bucket", {**labels, "le": str(bound)}, times, counts)
    yield Track(name, kind, "_count", labels, times, one.values.buckets[-1])
    yield Track(name, kind, "_sum", labels, times, one.values.sums)


def write_blocks(folder: Path, found: Iterable[Track]) -> None:
    """Blocks in `folder`, the data folder of a Prometheus that is not running. Raises ProofError if promtool refuses.

    promtool reads the text once for every two hours that it spans: what is long and what is much, write apart.
    """
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "series.om"
    with source.open("w", encoding="utf-8") as file:
        file.writelines(_text(found))
    command = [executable("promtool"), "tsdb", "create-blocks-from", "openmetrics", str(source), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    source.unlink()
    if done.returncode:
        raise ProofError(f"promtool made no blocks: {done.stderr[-2000:]}")


def _text(found: Iterable[Track]) -> Iterator[str]:
    ordered = sorted(found, key=lambda track: track.family)
    for (family, kind), group in itertools.groupby(ordered, key=lambda track: (track.family, track.kind)):
        yield f"# TYPE {family} {kind}\n"
        for track in group:
            labels = ",".join(f'{name}="{_escaped(value)}"' for name, value in track.labels.items())
            pairs = zip(track.values.tolist(), track.times.tolist(), strict=True)
            name = f"{family}{track.suffix}{{{labels}}}"
            yield "".join(f"{name} {value:.9g} {time:.3f}\n" for value, time in pairs if not math.isnan(value))
    yield "# EOF\n"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
