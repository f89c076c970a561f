"""What scraping costs: the models are many, the table fits the page, and its numbers are those of the rounds."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.config import Limits, ModelConfig
from gateway.repository import scan
from gateway.version import prepare
from loadtests import scraping
from loadtests.__main__ import cli
from loadtests.fleet import FEATURES, MODELS, VERSIONS, feed, singles, write_fleet
from loadtests.machine import machine
from loadtests.report import WIDTH, console
from loadtests.result import percentiles
from loadtests.scraping import Report, Round


def test_the_fleet_is_fit_to_be_served(tmp_path: Path) -> None:
    """5 models of 3 versions with 30 features each, every one as the gateway wants it."""
    write_fleet(tmp_path)
    found = scan(tmp_path)
    assert {model: tuple(versions) for model, versions in found.items()} == dict.fromkeys(MODELS, VERSIONS)
    version = prepare(found[MODELS[0]][1], ModelConfig(), Limits())
    assert len(version.manifest.inputs) == len(FEATURES) == 30


def test_every_version_gets_as_many_rows() -> None:
    """By its own path; single rows go to one model, by its routing."""
    rows: dict[str, int] = {}
    for request in feed(1000):
        rows[request.path] = rows.get(request.path, 0) + request.rows
    paths = [f"/v2/models/{model}/versions/{version}/infer" for model in MODELS for version in VERSIONS]
    assert rows == dict.fromkeys(paths, 1024)
    assert {(request.path, request.rows) for request in singles(5)} == {(f"/v2/models/{MODELS[0]}/infer", 1)}


def report(*losses: float) -> Report:
    """With numbers as wide as they get."""
    latency = percentiles([0.012, 0.034])
    return Report(
        machine=machine(),
        series=12_345,
        size=1_234_567,
        idle=latency,
        busy=latency,
        answering_ms=12.34,
        observing_ms=123.45,
        rounds=tuple(Round(alone=12_345.6, scraped=12_345.6 * (1 - loss)) for loss in losses),
        load_after=12.3,
    )


def test_the_loss_is_the_median_of_the_rounds() -> None:
    """A round that something else has spoilt says little."""
    assert report(0.01, 0.5, 0.012).loss == pytest.approx(0.012)
    assert report(-0.02).loss == pytest.approx(-0.02)


def test_the_table_fits_the_page() -> None:
    """No line is longer than 100 columns, nothing is cut off, and JSON holds the same."""
    made = report(0.01, -0.02, 0.012)
    screen = console()
    with screen.capture() as capture:
        screen.print(scraping.table(made))
    text = capture.get()
    assert max(map(len, text.splitlines())) <= WIDTH
    assert "…" not in text
    for word in (
        "5 models × 3 versions × 30 features",
        "1,234,567",
        "-1.0%",
        "+2.0%",
        "1.0%",
        "< 2%",
        "≤ 50",
        "12.3, 123.5",
    ):
        assert word in text
    assert Report.model_validate_json(made.model_dump_json()) == made


@pytest.mark.slow
def test_a_gateway_is_scraped(tmp_path: Path) -> None:
    """The whole of it, small: all 15 versions are in the scrape, and both times and rates were measured."""
    path = tmp_path / "found.json"
    arguments = ["scraping", "--rounds", "1", "--seconds", "2", "--scrapes", "2", "--json", str(path)]
    done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    found = Report.model_validate_json(path.read_text())
    assert found.series > len(MODELS) * len(VERSIONS) * len(FEATURES) * 5
    assert found.idle.p50 > 0
    assert found.answering_ms < 1000
    assert found.rounds[0].alone > 0
