"""What a scrape reads, made where it costs nobody anything: most samples are the same as a second ago."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

from gateway.exposition import Exposition, expose
from gateway.metrics import Metric, Sample

FRESH_S = 1.5
"""A text is given out for so long: a little longer than it takes until the next one is made beforehand."""

WANTED_S = 60.0
"""It is made beforehand as long as somebody has asked for it in this time."""

_EOF = b"# EOF\n"


class _Format:
    """One of the two formats: the samples and the text of each metric, and the whole of it as it was made last."""

    def __init__(self, accept: str) -> None:
        self._accept = accept
        self._parts: dict[Metric, tuple[list[Sample], bytes]] = {}
        self.whole = expose([], accept)
        self.made = self.asked = float("-inf")

    def make(self, samples: Iterable[Sample], now: float) -> None:
        """Formats the metrics that have changed: 10 µs a sample, where it takes 0.5 to see that one has not."""
        grouped: dict[Metric, list[Sample]] = {}
        for sample in samples:
            grouped.setdefault(sample.metric, []).append(sample)
        before, self._parts = self._parts, {}
        for metric, found in sorted(grouped.items()):
            held = before.get(metric)
            text = held[1] if held is not None and held[0] == found else self._text(found)
            self._parts[metric] = found, text
        end = _EOF if self.whole.body.endswith(_EOF) else b""
        body = b"".join([*(text for _, text in self._parts.values()), end])
        self.whole, self.made = Exposition(self.whole.content_type, body), now

    def _text(self, samples: list[Sample]) -> bytes:
        return expose(samples, self._accept).body.removesuffix(_EOF)


class Texts:
    """Both formats. samples: gives all samples of this moment; it may be called by any thread."""

    def __init__(self, samples: Callable[[], Iterable[Sample]], clock: Callable[[], float] = time.monotonic) -> None:
        self._samples = samples
        self._clock = clock
        self._turn = threading.Lock()
        self._formats = {accept: _Format(accept) for accept in ("text/plain", "application/openmetrics-text")}

    def text(self, accept: str) -> Exposition:
        """In the format that the header Accept asks for, at most FRESH_S old."""
        openmetrics = "application/openmetrics-text" in accept
        wanted = self._formats["application/openmetrics-text" if openmetrics else "text/plain"]
        now = wanted.asked = self._clock()
        with self._turn:
            if now - wanted.made >= FRESH_S:
                wanted.make(self._samples(), now)
            return wanted.whole

    def prepare(self) -> None:
        """Makes what will be asked for soon, so that whoever asks need not wait for it."""
        now = self._clock()
        for each in self._formats.values():
            if now - each.asked < WANTED_S:
                with self._turn:
                    each.make(self._samples(), now)
