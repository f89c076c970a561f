"""How a value looks: its unit, its colours, and the words for what is no number."""

from __future__ import annotations

from typing import NamedTuple

from grafana.dashboards.foundation import dashboard, units

GOOD, WATCH, BAD, PLAIN, FAINT = "green", "orange", "red", "blue", "text"
"""Nothing to do; have a look; act; a measurement that is neither good nor bad; nothing there."""

Steps = tuple[tuple[float | None, str], ...]
"""From which value on a colour holds; the first has None and holds from below."""

Words = tuple[tuple[float, str, str], ...]
"""A value, the word that stands for it, and its colour."""


class Look(NamedTuple):
    """unit: Grafana's name of it. steps: thresholds. words: what single values are called. empty: what stands where there is no
    value, and why. least, most: ends of the scale. reach: how far an axis goes at least, so that a line at 0 has one that makes
    sense. decimals: left out, as many as the value needs.
    """

    unit: str = units.Short
    steps: Steps = ((None, PLAIN),)
    words: Words = ()
    empty: str = "No traffic"
    least: float | None = None
    most: float | None = None
    decimals: int | None = None
    reach: float | None = None

    @property
    def thresholds(self) -> dashboard.ThresholdsConfig:
        """The steps, as the panel keeps them."""
        steps = [dashboard.Threshold(value=value, color=colour) for value, colour in self.steps]
        return dashboard.ThresholdsConfig(mode=dashboard.ThresholdsMode.ABSOLUTE, steps=steps)

    @property
    def mappings(self) -> list[dashboard.ValueMapping]:
        """The words, and one for NaN, which nobody should see."""
        nan = dashboard.SpecialValueMap(
            dashboard.DashboardSpecialValueMapOptions(
                match=dashboard.SpecialValueMatch.NULL_AND_NAN,
                result=dashboard.ValueMappingResult(text=self.empty, color=FAINT, index=1),
            )
        )
        if not self.words:
            return [nan]
        results = {
            f"{value:g}": dashboard.ValueMappingResult(text=text, color=colour, index=place)
            for place, (value, text, colour) in enumerate(self.words)
        }
        return [dashboard.ValueMap(options=results), nan]


def above(watch: float, bad: float | None = None) -> Steps:
    """Good below `watch`, worth a look from there on, bad from `bad` on."""
    return ((None, GOOD), (watch, WATCH), *(((bad, BAD),) if bad is not None else ()))


def below(watch: float, bad: float) -> Steps:
    """Good from `watch` on, worth a look below, bad below `bad`."""
    return ((None, BAD), (bad, WATCH), (watch, GOOD))
