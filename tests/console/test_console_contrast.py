"""The colours of the style sheet, by the arithmetic of WCAG 2.2: text 4.5, graphics and borders of controls 3."""

from __future__ import annotations

import re

import pytest

from gateway.console.routes import pages

SHEET = pages()["console.css"].body.decode()
COLOURS = {
    name: pair
    for name, *pair in re.findall(r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);", SHEET)
}  # fmt: skip
TEXTS = ("ink", "muted", "accent", "good", "warn", "bad")
GROUNDS = ("ground", "panel", "raised")
GRAPHICS = ("edge", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "now", "then")
PAIRS = [
    *((text, ground, 4.5) for text in TEXTS for ground in GROUNDS),
    *(
        (text, ground, 4.5)
        for text in ("ink", "muted", "accent")
        for ground in ("bad-ground", "warn-ground", "good-ground")
    ),
    ("on-accent", "accent", 4.5),
    *((graphic, "panel", 3.0) for graphic in GRAPHICS),
]


def luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb`, in [0, 1]."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """From 1 to 21.

    >>> round(contrast("#ffffff", "#000000"), 1)
    21.0
    """
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("colour", "ground", "least"), PAIRS)
def test_colours_stand_out(colour: str, ground: str, least: float, theme: int) -> None:
    """Each colour has the contrast with what it stands on that WCAG AA asks for."""
    assert contrast(COLOURS[colour][theme], COLOURS[ground][theme]) >= least


def test_every_colour_is_a_variable() -> None:
    """Outside the list at the top there are no colours, so that both themes have them all."""
    rest = SHEET[SHEET.index("}") :]
    assert re.findall(r"#[0-9a-f]{3,8}\b(?!\s*\{)", rest) == []
    assert {*TEXTS, *GROUNDS, *GRAPHICS} <= set(COLOURS)
