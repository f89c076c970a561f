"""The page is whole, safe, and needs nothing else."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.report.content import Report
from gateway.report.page import page

VOID = {"meta", "br", "link", "img", "hr", "input"}
HOSTILE = "</title></style><script>alert(1)</script><img src=x onerror=alert(2)>\"'&{{ 7 * 7 }}"
NAMES = (
    *(
        "model",
        "description",
        "owner",
        "driftgate",
        "summary",
        "code",
        "who",
        "what",
        "before",
        "after",
        "why",
        "silent",
    ),
    *("name", "label", "subject", "attribute", "group", "highest", "lowest", "left_out", "role", "kind"),
)
"""Fields that hold what others wrote, or might one day."""


class Reader(HTMLParser):
    """What a page holds. Fails at a tag that is closed by another one, or not at all."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def poisoned(value: Any, name: str = "") -> Any:
    """The same report with hostile text wherever people or clients could have put some."""
    if isinstance(value, dict):
        return {key: poisoned(held, key) for key, held in value.items()}
    if isinstance(value, list):
        return [poisoned(held, name) for held in value]
    return HOSTILE if isinstance(value, str) and name in NAMES else value


def test_every_tag_is_closed_and_nothing_is_loaded(report: Report) -> None:
    """One file: no script, no picture, no address."""
    found = Reader(page(report))
    assert not {"script", "img", "iframe", "object", "link", "base", "form"} & set(found.tags)
    assert not [name for name, _ in found.attributes if name in ("src", "href", "action") or name.startswith("on")]
    assert "url(" not in page(report)
    assert "@import" not in page(report)


def test_hostile_names_are_text(report: Report) -> None:
    """Of models, features, groups, categories, people, errors: escaped wherever they stand, once."""
    plain = poisoned(msgspec.to_builtins(report))
    # Metrics and statistics are ours; with their names gone, sections would be left out.
    found = Reader(page(msgspec.convert(plain, Report)))
    assert not {"script", "img"} & set(found.tags)
    assert HOSTILE in "".join(found.words)
    assert "49" not in "".join(found.words).split()
    assert not [name for name, _ in found.attributes if name.startswith("on")]


@pytest.mark.parametrize(
    "words",
    [
        "What came in",
        "What drifted",
        "Now, and in the training data",
        "How it performed",
        "Calibration",
        "For which groups",
        "Quality of the data",
        "What was rolled out",
        "accuracy is worse by 0.051",
        "Labels are known of",
    ],
)
def test_it_has_what_a_reader_looks_for(report: Report, words: str) -> None:
    """Sections, and what they are about."""
    assert words in "".join(Reader(page(report)).words)


def test_every_chart_has_a_name(report: Report) -> None:
    """For those who cannot see it; what only decorates is hidden from them."""
    found = Reader(page(report))
    named = [value for name, value in found.attributes if name == "aria-label"]
    hidden = [value for name, value in found.attributes if name == "aria-hidden"]
    assert len(named) + len(hidden) == found.tags.count("svg") + 1  # the summary is a named section
    assert all(named)


@pytest.mark.parametrize("emptied", ["watched", "refusals", "served", "events"])
def test_what_is_empty_leaves_a_sentence(report: Report, emptied: str) -> None:
    """And a page that is whole."""

    def without(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: [] if key == emptied else without(held) for key, held in value.items()}
        return [without(held) for held in value] if isinstance(value, list) else value

    text = "".join(Reader(page(msgspec.convert(without(msgspec.to_builtins(report)), Report))).words)
    said = {
        "refusals": "No request was refused.",
        "served": "No request was answered in this period.",
        "events": "No rollout began, moved or ended.",
    }
    assert said.get(emptied, "How to read this") in text


def test_small_groups_are_called_insufficient(report: Report) -> None:
    """Their figures are not shown."""
    plain = msgspec.to_builtins(report)
    for group in plain["watched"][0]["groups"]:
        group["figure"] = {"value": None, "interval": None, "n": 7, "enough": False}
    text = "".join(Reader(page(msgspec.convert(plain, Report))).words)
    assert "insufficient data" in text
    assert "7 rows" in text


def test_the_same_report_is_read_from_its_json(report: Report, tmp_path: Path) -> None:
    """So that a page can be drawn again from what `--json` printed."""
    path = tmp_path / "report.json"
    path.write_bytes(msgspec.json.encode(report))
    assert page(msgspec.json.decode(path.read_bytes(), type=Report)) == page(report)
