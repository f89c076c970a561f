"""docs/metrics.md."""

from __future__ import annotations

from pathlib import Path

from gateway.exposition import expose
from gateway.metrics import ALL, Distribution, Sample
from gateway.metrics_page import exposed, page
from gateway.observer.histogram import BUCKETS

PAGE = Path(__file__).parent.parent.parent / "docs" / "metrics.md"


def test_the_page_is_what_the_catalogue_says() -> None:
    """To mend it: `python -m gateway.metrics_page > docs/metrics.md`."""
    assert PAGE.read_text() == page()


def test_series_have_the_names_that_a_scrape_has() -> None:
    """Of every metric, in the text that Prometheus reads."""
    empty = Distribution(BUCKETS, [0] * (len(BUCKETS) + 1), 0.0)
    samples = [Sample(each, ("x",) * len(each.labels), empty if each.kind == "histogram" else 1) for each in ALL]
    lines = expose(samples, "text/plain").body.decode().splitlines()
    found = {line.split("{")[0].split(" ")[0] for line in lines if not line.startswith("#")}
    assert found == {name for metric in ALL for name in exposed(metric)}
