"""Names that want to be markup: whatever a stranger may choose is shown as text."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.console import answers
from tests.console.answers import hash_of
from tests.console.chromium import opened
from tests.console.standin import Standin

TABS = ("traffic", "drift", "performance", "fairness", "rollout", "card")
MARKUP = "<img src=x onerror=globalThis.caught=1>"
NAMES = (
    MARKUP,
    "\"'><script>globalThis.caught=1</script>",
    "javascript:globalThis.caught=1",
    "a\u202eb%2f..",
    "x" * 300,
)
CARD = """# Card <script>globalThis.caught=1</script>

<iframe src="javascript:globalThis.caught=1"></iframe> <b onmouseover=globalThis.caught=1>bold?</b>

[run](javascript:globalThis.caught=1) [data](data:text/html,<script>globalThis.caught=1</script>)
[JAVA](JaVaScRiPt:globalThis.caught=1)
[good](https://example.org/x) ![pixel](https://example.org/p.png) <https://example.org>

| <svg onload=globalThis.caught=1> | b |
|---|---|
| `<i>` | **<u>** |

```
<style>body{display:none}</style>
```
"""


def unharmed(page: Page, complaints: list[str]) -> None:
    """No code of a stranger's ran, no element of his is on the page, and nothing was fetched from elsewhere."""
    assert page.evaluate("globalThis.caught") is None
    assert page.locator("#main").locator("script, iframe, img, style, object, embed, b[onmouseover]").count() == 0
    assert complaints == []


@pytest.mark.parametrize("name", NAMES, ids=["markup", "quotes", "scheme", "turned", "long"])
def test_names_are_text(browser: Browser, name: str) -> None:
    """Of models, features, groups, people: shown as they are, on every view."""
    known = answers.gateway(name, name, f"{name.replace('=', ' ')}=EWR{name}", name)
    with Standin(known).running() as standin, opened(browser, standin.url) as (page, complaints):
        page.on(
            "request", lambda request: complaints.append(request.url) if str(standin.port) not in request.url else None
        )
        expect(page.locator("#main .alarms")).to_contain_text(name[:12])
        unharmed(page, complaints)
        for tab in TABS:
            page.goto(standin.url + hash_of(name, tab))
            expect(page.locator("#main h1")).to_have_text(name)
            expect(page.locator("#main .panel").nth(1)).to_be_visible()
            unharmed(page, complaints)
            width, room = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
            assert width <= room
        page.goto(f"{standin.url}#/events")
        expect(page.locator("#main .events")).to_contain_text(name[:12])
        unharmed(page, complaints)


def test_a_card_is_never_markup(browser: Browser, standin: Standin) -> None:
    """HTML in Markdown is shown as it was written; links lead to the web only, and pictures are not fetched."""
    standin.answers["/gateway/models/flights/card"]["card"] = CARD
    with opened(browser, standin.url + hash_of("flights", "card")) as (page, complaints):
        prose = page.locator(".prose")
        expect(prose).to_contain_text("<iframe src=")
        expect(prose).to_contain_text("<svg onload=globalThis.caught=1>")
        expect(prose.locator("pre")).to_have_text("<style>body{display:none}</style>")
        links = prose.get_by_role("link").evaluate_all(
            "(all) => all.map((each) => [each.textContent, each.href, each.rel])"
        )
        assert links == [["good", "https://example.org/x", "noopener noreferrer nofollow"]]
        unharmed(page, complaints)


@pytest.mark.parametrize(
    "code",
    [
        "document.body.innerHTML = '<b>x</b>'",
        "document.createElement('script').src = 'x.js'",
        "setTimeout('globalThis.caught = 1')",
        "new DOMParser().parseFromString('<b>x</b>', 'text/html')",
    ],
)
def test_the_page_could_not_run_text_if_it_wanted_to(browser: Browser, standin: Standin, code: str) -> None:
    """The policy that is sent has the browser refuse to make markup or code of a text."""
    with opened(browser, standin.url) as (page, _):
        expect(page.locator(".alarms")).to_be_visible()
        tried = f"() => {{ try {{ {code}; return null; }} catch (problem) {{ return problem.name; }} }}"
        assert page.evaluate(tried) == "TypeError"
