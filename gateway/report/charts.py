"""Charts as inline SVG: pure functions of numbers. Colours are classes of the page's style; every text is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from markupsafe import Markup

from gateway.report.axis import ticks, times, written
from gateway.report.content import Bin, Calibration, Figure
from gateway.report.numerals import decimal, share

Numbers = Sequence[float | None]
Ticks = Sequence[tuple[int, str]]

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 720.0, 52.0, 10.0, 8.0, 22.0
_SERIES = 6
"""Colours that the style knows; a seventh series has the first one's."""


class Series(NamedTuple):
    """Values by stretch under a name. place: of its colour."""

    name: str
    values: Numbers
    place: int


class Curve(NamedTuple):
    """Figures by stretch under a name. dashed: what is estimated, not known."""

    name: str
    figures: Sequence[Figure | None]
    place: int
    dashed: bool = False


class _Frame:
    """Where numbers lie in a chart. count: stretches; low, high: of the ordinate."""

    def __init__(self, count: int, marks: Sequence[float], height: float) -> None:
        self.count, self.marks, self.height = max(1, count), marks, height
        self.low, self.high = marks[0], marks[-1]
        self.step = (WIDTH - LEFT - RIGHT) / self.count

    def x(self, place: float) -> float:
        return LEFT + (place + 0.5) * self.step

    def y(self, value: float) -> float:
        inside = self.height - TOP - BOTTOM
        return TOP + inside * (1 - (min(max(value, self.low), self.high) - self.low) / (self.high - self.low))

    def axes(self, below: Ticks) -> list[Markup]:
        drawn = []
        for mark in self.marks:
            y = self.y(mark)
            drawn.append(_line("grid", LEFT, y, WIDTH - RIGHT, y))
            drawn.append(_text("tick end", LEFT - 6, y + 4, written(mark)))
        for place, words in below:
            anchor = "tick" if place < self.count - 3 or not place else "tick end"
            drawn.append(
                _text(anchor, self.x(place - 0.5) if anchor == "tick" else self.x(place + 0.5), self.height - 5, words)
            )
        return drawn


def bars(title: str, series: Sequence[Series], stretches: Sequence[str], width: float, height: float = 170.0) -> Markup:
    """Bars by stretch, those of one stretch upon each other."""
    sums = [sum(each.values[place] or 0.0 for each in series) for place in range(len(stretches))]
    below = times(stretches, width)
    frame = _Frame(len(stretches), ticks(0.0, max(sums, default=0.0) or 1.0), height)
    drawn = frame.axes(below)
    for place, start in enumerate(stretches):
        foot = 0.0
        for each in series:
            value = each.values[place] or 0.0
            if not value:
                continue
            top, bottom = frame.y(foot + value), frame.y(foot)
            told = f"{start[:19].replace('T', ' ')}: {each.name} {value:,.0f}"
            size = (frame.x(place) - frame.step * 0.42, top, frame.step * 0.84, max(0.5, bottom - top))
            drawn.append(_rect(f"fill{each.place % _SERIES}", *size, told))
            foot += value
    return _svg(title, height, drawn)


def lines(title: str, curves: Sequence[Curve], stretches: Sequence[str], width: float, height: float = 190.0) -> Markup:
    """Figures by stretch as lines with their intervals as bands; where one is not known, the line is broken."""
    values = [value for curve in curves for figure in curve.figures if figure for value in _reach(figure)]
    below = times(stretches, width)
    frame = _Frame(len(stretches), ticks(min(values, default=0.0), max(values, default=1.0)), height)
    drawn = frame.axes(below)
    for curve in curves:
        for run in _runs(curve.figures):
            drawn += _band(frame, curve, run)
    for curve in curves:
        kind = f"line{curve.place % _SERIES}" + (" dashed" if curve.dashed else "")
        for run in _runs(curve.figures):
            points = [(frame.x(place), frame.y(figure.value or 0.0)) for place, figure in run]
            drawn.append(_path(f"line {kind}", points))
            drawn += [
                _dot(
                    f"fill{curve.place % _SERIES}",
                    x,
                    y,
                    f"{stretches[place][:19].replace('T', ' ')}: {curve.name} {decimal(figure.value)}",
                )
                for (x, y), (place, figure) in zip(points, run, strict=True)
            ]
    return _svg(title, height, drawn)


def histogram(title: str, bins: Sequence[Bin], height: float = 96.0, width: float = 300.0) -> Markup:
    """Shares now as bars, and those of the training data as the outline above them."""
    most = max((max(each.reference, each.now) for each in bins), default=0.0) or 1.0
    step, floor = width / max(1, len(bins)), height - 4
    drawn = []
    outline = []
    for place, each in enumerate(bins):
        x, top = place * step, floor * (1 - each.now / most) + 2
        told = f"{each.label}: {share(each.reference)} in training, {share(each.now)} now"
        drawn.append(_rect("now", x + step * 0.12, top, step * 0.76, floor + 2 - top, told))
        level = floor * (1 - each.reference / most) + 2
        outline += [(x, level), (x + step, level)]
    drawn.append(_line("base", 0, floor + 2, width, floor + 2))
    if outline:
        drawn.append(_path("reference", outline))
    return _svg(title, height, drawn, width)


class Row(NamedTuple):
    """One feature by stretch. levels: a place among HEAT, or None; told: what a cell says of itself."""

    name: str
    levels: Sequence[int | None]
    told: Sequence[str]


HEAT = ("as in the training data", "apart, no farther than the training data by itself", "farther than that", "alarm")
"""What the four steps of a heat map mean, from the lightest to the darkest."""


def heat(title: str, rows: Sequence[Row], stretches: Sequence[str], width: float) -> Markup:
    """How far features (rows) departed by stretch, in four steps."""
    left, cell = 150.0, 17.0
    height = cell * len(rows) + BOTTOM
    step = (WIDTH - left - RIGHT) / max(1, len(stretches))
    drawn = []
    for row, (name, levels, told) in enumerate(rows):
        drawn.append(_text("tick end", left - 6, row * cell + 12, name if len(name) <= 22 else f"{name[:21]}…"))
        for place, (level, words) in enumerate(zip(levels, told, strict=True)):
            kind = "none" if level is None else f"heat{level}"
            drawn.append(_rect(kind, left + place * step + 0.3, row * cell + 0.5, step - 0.6, cell - 1, words))
    for place, words in times(stretches, width):
        near_end = place >= len(stretches) - 3 and place
        x = left + (place + 1) * step if near_end else left + place * step
        drawn.append(_text("tick end" if near_end else "tick", x, height - 5, words))
    return _svg(title, height, drawn)


def reliability(title: str, rows: Sequence[Calibration], size: float = 260.0) -> Markup:
    """How often answers came true against how likely they were called; on the diagonal the two agree."""

    def place(x: float, y: float) -> tuple[float, float]:
        return 34 + x * (size - 44), 8 + (1 - y) * (size - 34)

    drawn: list[Markup] = []
    for mark in (0.0, 0.25, 0.5, 0.75, 1.0):
        (x, floor), (left, y) = place(mark, 0.0), place(0.0, mark)
        drawn += [_line("grid", left, y, place(1.0, 0.0)[0], y), _line("grid", x, floor, x, place(0.0, 1.0)[1])]
        drawn += [_text("tick end", left - 4, y + 4, written(mark)), _text("tick middle", x, size - 6, written(mark))]
    drawn.append(_path("reference", [place(0, 0), place(1, 1)]))
    known = [each for each in rows if each.observed is not None]
    for each in known:
        low, high = each.interval or (None, None)
        if low is not None and high is not None:
            drawn.append(_line("whisker", *place(each.predicted, low), *place(each.predicted, high)))
    drawn.append(_path("line line0", [place(each.predicted, each.observed or 0.0) for each in known]))
    for each in known:
        told = f"called {share(each.predicted)}, came true {share(each.observed)} of {each.rows:,} rows"
        drawn.append(_dot("fill0", *place(each.predicted, each.observed or 0.0), told))
    return _svg(title, size, drawn, size)


def _reach(figure: Figure) -> Iterable[float]:
    low, high = figure.interval or (None, None)
    return (value for value in (figure.value, low, high) if value is not None)


def _runs(figures: Sequence[Figure | None]) -> list[list[tuple[int, Figure]]]:
    """Stretches in a row that have a value."""
    runs: list[list[tuple[int, Figure]]] = [[]]
    for place, figure in enumerate(figures):
        if figure is not None and figure.value is not None:
            runs[-1].append((place, figure))
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _band(frame: _Frame, curve: Curve, run: Sequence[tuple[int, Figure]]) -> list[Markup]:
    edges = [
        (frame.x(place), frame.y(figure.interval[0]), frame.y(figure.interval[1]))
        for place, figure in run
        if figure.interval and figure.interval[0] is not None and figure.interval[1] is not None
    ]
    if not edges:
        return []
    if len(edges) == 1:
        ((x, low, high),) = edges
        return [_line("whisker", x, low, x, high)]
    around = [(x, high) for x, _, high in edges] + [(x, low) for x, low, _ in reversed(edges)]
    return [_path(f"band{curve.place % _SERIES}", around, closed=True)]


def _svg(title: str, height: float, drawn: Iterable[Markup], width: float = WIDTH) -> Markup:
    return Markup('<svg viewBox="0 0 {:g} {:g}" role="img" aria-label="{}">{}</svg>').format(
        width, height, title, Markup("").join(drawn)
    )


def _line(kind: str, x: float, y: float, to_x: float, to_y: float) -> Markup:
    return Markup('<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"></line>').format(
        kind, x, y, to_x, to_y
    )


def _rect(kind: str, x: float, y: float, width: float, height: float, told: str) -> Markup:
    return Markup(
        '<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"><title>{}</title></rect>'
    ).format(kind, x, y, max(0.0, width), max(0.0, height), told)


def _dot(kind: str, x: float, y: float, told: str) -> Markup:
    return Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="2.5"><title>{}</title></circle>').format(
        kind, x, y, told
    )


def _text(kind: str, x: float, y: float, words: str) -> Markup:
    return Markup('<text class="{}" x="{:.1f}" y="{:.1f}">{}</text>').format(kind, x, y, words)


def _path(kind: str, points: Sequence[tuple[float, float]], closed: bool = False) -> Markup:
    way = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return Markup('<path class="{}" d="{}"></path>').format(kind, f"M{way}{'Z' if closed else ''}")
