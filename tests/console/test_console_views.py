"""Every view, in every size and colour: it is drawn, complains of nothing, and can be read."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.console.answers import hash_of
from tests.console.chromium import DESK, PHONE, opened
from tests.console.standin import Standin

TABS = ("traffic", "drift", "performance", "fairness", "rollout", "card")
VIEWS = {
    "overview": ("#/", "Alarms firing now"),
    "rollouts": ("#/rollouts", "version 2 against 1"),
    "events": ("#/events", "all 3 gates pass"),
    "traffic": (hash_of("flights", "traffic"), "Versions side by side"),
    "drift": (hash_of("flights", "drift"), "Share of rows in each bin of temperature"),
    "performance": (hash_of("flights", "performance"), "Realised and estimated"),
    "fairness": (hash_of("flights", "fairness"), "demographic parity difference"),
    "rollout": (hash_of("flights", "rollout"), "latency_p99 ratio 1.5"),
    "card": (hash_of("flights", "card"), "A scorecard."),
}

UNNAMED = """() => [...document.querySelectorAll('a, button, select, input, [role=img], [role=region], table')].filter((each) => {
  if (each.tagName === 'TABLE') return !each.querySelector('th');
  const label = each.getAttribute('aria-label') || each.labels?.[0]?.textContent || each.textContent;
  return !label.trim();
}).map((each) => each.outerHTML.slice(0, 120))"""
"""What has no name for who cannot see it."""

DOUBLED = """() => {
  const ids = [...document.querySelectorAll('[id]')].map((each) => each.id);
  return ids.filter((id, at) => ids.indexOf(id) !== at);
}"""

DIM = """() => {
  const channel = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const ground = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = parts(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode.parentElement;
    if (!walk.currentNode.nodeValue.trim() || !node.checkVisibility() || node.closest('.unseen, .skip, :disabled, svg')) continue;
    const [a, b] = [light(parts(getComputedStyle(node).color)), light(ground(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) found.push(`${ratio.toFixed(2)} ${node.outerHTML.slice(0, 100)}`);
  }
  return found;
}"""
"""Text whose colour is too near to what it stands on, as it was really drawn."""


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_every_view_can_be_read(browser: Browser, standin: Standin, size: dict[str, int], theme: str) -> None:
    """Nothing is wider than the page, no text is too dim, every control has a name, and the browser complains of nothing."""
    with opened(browser, standin.url, viewport=size, color_scheme=theme) as (page, complaints):
        for address, shown in VIEWS.values():
            page.goto(standin.url + address)
            expect(page.locator("#main").get_by_text(shown).first).to_be_visible()
            fits(page)
            assert page.evaluate(DIM) == []
            assert page.evaluate(UNNAMED) == []
            assert page.evaluate(DOUBLED) == []
        assert complaints == []


def fits(page: Page) -> None:
    """Nothing sticks out of the page sideways; wide tables scroll by themselves."""
    width, room = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    wide = page.evaluate(
        "(room) => [...document.querySelectorAll('#main *')].filter((each) => each.getBoundingClientRect().right > room + 1"
        " && !each.closest('.scroll, .canvas, pre')).map((each) => each.outerHTML.slice(0, 90)).slice(0, 3)",
        room,
    )
    assert width <= room, wide


def test_verdicts_and_values_of_gates_fit_on_a_phone(browser: Browser, standin: Standin) -> None:
    """Without a scroll, in the middle of a rollout; the rest of the table follows by one."""
    with opened(browser, standin.url + VIEWS["rollout"][0], viewport=PHONE) as (page, _):
        row = page.locator(".gates tr", has_text="inconclusive")
        region = page.locator(".gates .scroll").bounding_box()
        value = row.locator("td").nth(1).bounding_box()
        assert region
        assert value
        assert value["x"] + value["width"] <= region["x"] + region["width"]


def test_figures_follow_the_traffic(browser: Browser, standin: Standin) -> None:
    """What is counted at the gateway is drawn on the page, without a reload, and as a table too."""
    with opened(browser, standin.url) as (page, complaints):
        expect(page.locator(".strip")).to_contain_text("/s")
        page.locator("figure.chart summary").first.click()
        rows = page.locator("figure.chart table tbody tr")
        before = rows.count()
        expect(rows).not_to_have_count(before)
        expect(page.locator("canvas")).to_have_count(1)
        assert page.locator("figure.chart details").first.evaluate("(each) => each.open")
        assert complaints == []


def test_the_theme_can_be_chosen_and_is_remembered(browser: Browser, standin: Standin) -> None:
    """The switch goes from the system's choice to light, dark, and back; a reload keeps it."""
    with opened(browser, standin.url, color_scheme="light") as (page, _):
        ground = "getComputedStyle(document.body).backgroundColor"
        light = page.evaluate(ground)
        switch = page.get_by_role("button", name="Colours")
        switch.click()
        assert page.evaluate(ground) == light
        switch.click()
        dark = page.evaluate(ground)
        assert dark != light
        page.reload()
        assert page.evaluate(ground) == dark
        expect(switch).to_contain_text("dark")


def test_what_only_training_explains_is_not_called_ok(browser: Browser, standin: Standin) -> None:
    """Beyond the mark, or past its limit, without an alarm: the state says why."""
    with opened(browser, standin.url) as (page, _):
        page.goto(standin.url + VIEWS["drift"][0])
        rows = page.locator(".ranking li")
        expect(rows.filter(has_text="season")).to_contain_text("as in training")
        expect(rows.filter(has_text="hour")).to_contain_text("ok")
        page.goto(standin.url + VIEWS["fairness"][0])
        expect(page.locator("tr", has_text="equalised odds difference")).to_contain_text("as in training")


def test_alarms_lead_to_what_they_are_about(browser: Browser, standin: Standin) -> None:
    """An alarm on the overview is a way to the feature that it names."""
    with opened(browser, standin.url) as (page, _):
        page.get_by_role("link", name="temperature drifted").click()
        expect(page.locator(".ranking li.here")).to_contain_text("temperature")
        assert "version=1" in page.url
