"""card.html in a real browser, opened from a file: nothing is asked of a network, it fits a phone, its charts and
tables work by hand and by keyboard, axe-core finds no fault in it, and without its script it still tells everything."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from many_sources import many
from tamis.cards.data_card import render
from tamis.cards.rewrite import read_ledger
from tamis.corpus.manifest import read_manifest

pytestmark = pytest.mark.service

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
COMMITTED = Path(__file__).parents[2] / "data_cards"
ROWS = "t => [...t.tBodies[0].rows].map(row => [...row.cells].map(cell => cell.textContent).join('\\t'))"
"""The rows of a table as it shows them."""
PHONE, DESK = {"width": 360, "height": 740}, {"width": 1280, "height": 900}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium here: apt install chromium")
    with sync_playwright() as playwright:
        # No sandbox: tests may run as root in a container.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def cards(release: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """card.html of the small release, of one of 200 sources in 30 languages, and of the recipes here."""
    manifest = read_manifest(release)
    folder = tmp_path_factory.mktemp("many")
    for path, content in render(many(manifest, 200, 30), read_ledger(manifest, release), release).items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(content)
    here = {name: COMMITTED / name / "card.html" for name in ("sample", "debian-docs")}
    return {"small": release / "card.html", "many": folder / "card.html", **here}


@pytest.fixture(params=["small", "many", "sample", "debian-docs"])
def card(request: pytest.FixtureRequest, cards: dict[str, Path]) -> Path:
    return cards[request.param]


class Opened:
    """A page, and what it said and asked for."""

    def __init__(self, browser: Browser, card: Path, **options: Any) -> None:
        self.context = browser.new_context(**{"viewport": DESK, **options})
        self.page: Page = self.context.new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(card.as_uri(), wait_until="load")


@pytest.fixture
def opened(browser: Browser) -> Iterator[Any]:
    contexts = []

    def open_(card: Path, **options: Any) -> Opened:
        found = Opened(browser, card, **options)
        contexts.append(found.context)
        return found

    yield open_
    for context in contexts:
        context.close()


def test_it_says_nothing_and_asks_for_nothing(opened: Any, card: Path) -> None:
    found = opened(card)
    found.page.mouse.wheel(0, 4000)
    assert found.said == []
    assert found.asked == [card.as_uri()]
    # What would be asked for is forbidden by the page itself.
    found.page.evaluate("() => { document.body.append(Object.assign(new Image(), {src: 'http://127.0.0.1:9/x.png'})) }")
    found.page.wait_for_timeout(50)
    assert any("Content Security Policy" in line for line in found.said)


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
@pytest.mark.parametrize("size", [PHONE, DESK, {"width": 820, "height": 1100}], ids=["phone", "desk", "tablet"])
def test_nothing_is_wider_than_the_screen(opened: Any, card: Path, size: Any, script: bool) -> None:
    page = opened(card, viewport=size, java_script_enabled=script).page
    # Of a page without scripts, Chromium still evaluates what a test asks.
    assert page.evaluate("document.documentElement.scrollWidth") == size["width"]
    # Wide tables scroll in their own boxes, and say so.
    if size is PHONE and script:
        wide = page.evaluate(
            "[...document.querySelectorAll('.scroll')].filter(b => b.scrollWidth > b.clientWidth + 1)"
            ".map(b => [b.tabIndex, b.nextElementSibling.className, b.nextElementSibling.hidden])"
        )
        assert wide and all(one == [0, "hint", False] for one in wide)


def test_charts_are_drawn_of_the_manifests_numbers(opened: Any, cards: dict[str, Path], release: Path) -> None:
    page = opened(cards["small"]).page
    manifest = read_manifest(release)
    for name in ("composition", "funnel"):
        box = page.locator(f"[data-chart={name}]").bounding_box()
        assert box["width"] > 300 and box["height"] > 100
        assert not page.locator(f"#figure-{name} .still").is_visible()
    assert page.locator(".bars .row").count() == len({row.language for row in manifest.composition if row.documents})
    assert page.locator(".flow .end").inner_text().startswith(f"{manifest.totals['documents']} released")
    widest = max(part["width"] for part in map(lambda one: one.bounding_box(), page.locator(".track span").all()))
    assert widest > 50
    # One source alone: its own rows and releases.
    page.get_by_label("Documents of").select_option("web-fr")
    left = min(row.documents_out for row in manifest.funnel if row.source == "web-fr")
    assert page.locator(".flow .end").inner_text().startswith(f"{left} released")
    assert page.locator(".flow").inner_text().startswith("45 rows read")


def test_a_chart_can_be_walked_and_switched(opened: Any, cards: dict[str, Path]) -> None:
    page = opened(cards["small"]).page
    page.locator(".track span").first.focus()
    first = page.locator("#tip").inner_text()
    assert "of the release" in first
    page.keyboard.press("ArrowDown")
    assert page.locator("#tip").inner_text() != first
    page.keyboard.press("Escape")
    assert not page.locator("#tip").is_visible()
    page.get_by_role("button", name="Documents", exact=True).click()
    assert page.locator(".track span").first.get_attribute("aria-label").count("documents") == 1
    page.get_by_role("button", name="Share", exact=True).click()
    widths = page.evaluate(
        "[...document.querySelectorAll('.track')].map(t => [t.clientWidth, t.lastElementChild.getBoundingClientRect()"
        ".right - t.getBoundingClientRect().left])"
    )
    assert all(abs(whole - end) < 1.5 for whole, end in widths)


def test_tables_sort_by_click_and_by_key(opened: Any, cards: dict[str, Path]) -> None:
    page = opened(cards["many"]).page
    table = page.get_by_role("table", name="Composition: By source")
    head = table.get_by_role("columnheader", name="Tokens")

    def column(place: int) -> list[str]:
        cells: list[str] = table.evaluate(
            "(t, at) => [...t.tBodies[0].rows].map(row => row.cells[at].textContent)", place
        )
        return cells

    at = [cell.strip("↕ ") for cell in table.locator("thead th").all_inner_texts()].index("Tokens")
    numbers = [int(cell.replace("\u202f", "")) for cell in column(at)]
    assert len(numbers) == 40
    head.get_by_role("button").click()
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert [int(cell.replace("\u202f", "")) for cell in column(at)] == sorted(numbers)
    head.get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "none"
    assert [int(cell.replace("\u202f", "")) for cell in column(at)] == numbers
    # A number with a unit is the number it means: by size, 12.3 k comes behind 1.2 M.
    crossed = page.get_by_role("table", name="Composition: By language and category")
    crossed.get_by_role("columnheader").nth(1).get_by_role("button").press("Enter")
    cells = crossed.evaluate("t => [...t.tBodies[0].rows].map(row => row.cells[1].textContent)")
    scales = {"k": 1e3, "M": 1e6, "B": 1e9}
    values = [float(a) * scales.get(b, 1) for a, _, b in (cell.partition("\u202f") for cell in cells if cell != "–")]
    assert len(values) > 3 and values == sorted(values, reverse=True)
    assert all(cell == "–" for cell in cells[len(values) :])


@pytest.mark.parametrize("name", ["sample", "debian-docs"])
def test_charts_of_the_recipes_here_are_seen(opened: Any, cards: dict[str, Path], name: str) -> None:
    page = opened(cards[name]).page
    charts = page.locator("[data-chart]").all()
    assert len(charts) >= 2
    for chart in charts:
        chart.scroll_into_view_if_needed()
        box = chart.bounding_box()
        assert box["width"] > 300 and box["height"] > 100
        # What is drawn has an area, and a colour that isn't the page's.
        drawn = chart.evaluate(
            "c => [...c.querySelectorAll('.track span, svg rect, svg path')].filter(m => { const b ="
            " m.getBoundingClientRect(), s = getComputedStyle(m); return b.width * b.height > 20 && s.opacity > 0.2"
            " && s.visibility === 'visible' && [s.backgroundColor, s.fill, s.stroke].some(one =>"
            " !/^none$|, 0\\)$/.test(one) && one !== getComputedStyle(document.documentElement).backgroundColor) })"
            ".length"
        )
        assert drawn >= 2
    for figure in page.locator("main figure svg:visible").all():
        box = figure.bounding_box()
        assert box["width"] > 100 and box["height"] > 20


@pytest.mark.parametrize("name", ["sample", "debian-docs"])
def test_every_table_of_the_recipes_here_sorts(opened: Any, cards: dict[str, Path], name: str) -> None:
    page = opened(cards[name]).page
    page.evaluate("document.querySelectorAll('main details').forEach(one => { one.open = true })")
    sorted_ = 0
    for table in page.locator("table.data").all():
        heads = table.locator("thead th[aria-sort]")
        before = table.evaluate(ROWS)
        for at in range(heads.count()):
            heads.nth(at).get_by_role("button").evaluate("button => button.click()")
            once = table.evaluate(ROWS)
            assert sorted(once) == sorted(before), "the same rows"
            assert heads.nth(at).get_attribute("aria-sort") in ("ascending", "descending")
            heads.nth(at).get_by_role("button").evaluate("button => button.click()")
            twice = table.evaluate(ROWS)
            column = [row.split("\t")[at] for row in once]
            # A range sorts by where it begins; what is none stays at the end.
            keys = {cell.partition(" to ")[0] for cell in column} - {"", "–"}
            if len(keys) == len(column):
                assert twice == once[::-1], "the other way round"
                sorted_ += 1
            heads.nth(at).get_by_role("button").evaluate("button => button.click()")
            assert table.evaluate(ROWS) == before
    assert sorted_ > 10


def test_long_tables_filter_and_unfold(opened: Any, cards: dict[str, Path]) -> None:
    page = opened(cards["many"]).page
    shown = "t => [...t.tBodies[0].rows].filter(row => row.offsetHeight).length"
    table = page.get_by_role("table", name="Composition: By source")
    assert table.evaluate(shown) == 15
    tools = table.locator("xpath=../preceding-sibling::*[1]")
    tools.get_by_role("searchbox").fill("-law")
    fit = table.evaluate(shown)
    assert 0 < fit < 40 and f"{fit} of 40" in tools.inner_text()
    tools.get_by_role("searchbox").fill("")
    table.locator("xpath=../following-sibling::button[1]").click()
    assert table.evaluate(shown) == 40


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("name", "size"),
    [("small", PHONE), ("small", DESK), ("sample", PHONE), ("sample", DESK), ("debian-docs", DESK)],
    ids=["small-phone", "small-desk", "sample-phone", "sample-desk", "debian-docs-desk"],
)
def test_axe_finds_no_fault(opened: Any, cards: dict[str, Path], name: str, scheme: str, size: Any) -> None:
    page = opened(cards[name], color_scheme=scheme, viewport=size, reduced_motion="reduce").page
    page.evaluate("document.querySelectorAll('main details').forEach(one => { one.open = true })")
    ground = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert (ground == "rgb(252, 251, 248)") is (scheme == "light")
    found = Axe().run(page, options={"runOnly": RULES})
    assert found.violations_count == 0, found.generate_report()
    # Contrast was judged, not passed over.
    judged = next(rule for rule in found.response["passes"] if rule["id"] == "color-contrast")
    assert len(judged["nodes"]) > 50


def test_the_theme_can_be_chosen_and_the_contents_follow(opened: Any, cards: dict[str, Path]) -> None:
    page = opened(cards["small"], color_scheme="light").page
    theme = page.locator("#theme")
    assert theme.inner_text() == "Theme: auto"
    theme.press("Enter")
    theme.press("Enter")
    assert theme.inner_text() == "Theme: dark"
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(20, 23, 27)"
    page.get_by_role("navigation").get_by_role("link", name="Rights").click()
    expect(page.locator("nav [aria-current]")).to_have_text("Rights")
    fresh = opened(cards["small"]).page
    fresh.keyboard.press("Tab")
    assert fresh.evaluate("document.activeElement.textContent") == "Skip to the card"


def test_without_its_script_it_tells_everything(opened: Any, cards: dict[str, Path]) -> None:
    found = opened(cards["small"], java_script_enabled=False)
    page = found.page
    for name in ("composition", "funnel", "sources"):
        box = page.locator(f"#figure-{name} svg").bounding_box()
        assert box["width"] > 300 and box["height"] > 80
    with_script = opened(cards["small"]).page
    tables = "[...document.querySelectorAll('main table')].map(t => t.textContent)"
    assert page.evaluate(tables) == with_script.evaluate(tables)
    assert page.get_by_role("navigation").get_by_role("link").count() > 10
    assert found.said == []


def test_paper_gets_every_row(opened: Any, cards: dict[str, Path]) -> None:
    page = opened(cards["many"]).page
    page.emulate_media(media="print")
    assert not page.get_by_role("navigation").is_visible()
    assert not page.locator("#theme").is_visible()
    shown = "[...document.querySelectorAll('table.data tbody tr')].filter(row => !row.closest('details'))"
    assert page.evaluate(f"{shown}.every(row => getComputedStyle(row).display === 'table-row')")
