"""A report looks right in a real browser: light, dark, on a phone and on paper, without a script or the network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.app import report
from engine.messages import language
from tests.browser import Browser, browser
from tests.engine.report import making

LONG = " " + "Donaudampfschifffahrtsgesellschaft" * 30 + " مرحبا بالعالم " + making.EVIL
# For each text on the page the contrast between it and what lies behind it, as WCAG 2 computes it.
CONTRAST = """
(() => {
  const parse = text => {
    const numbers = (text.match(/[-\\d.e]+/g) || []).map(Number);
    const scale = text.startsWith('color(') ? 255 : 1;
    return [...numbers.slice(0, 3).map(each => each * scale), numbers.length > 3 ? numbers[3] : 1];
  };
  const over = (top, below) => [0, 1, 2].map(at => top[at] * top[3] + below[at] * (1 - top[3])).concat(1);
  const behind = element => {
    if (!element) return [255, 255, 255, 1];
    const own = parse(getComputedStyle(element).backgroundColor);
    return own[3] >= 1 ? own : over(own, behind(element.parentElement));
  };
  const light = colour => colour.slice(0, 3).map(each => each / 255)
    .map(each => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4)
    .reduce((sum, each, at) => sum + each * [0.2126, 0.7152, 0.0722][at], 0);
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement, style = getComputedStyle(element);
    if (!walker.currentNode.textContent.trim() || element.closest('.skip, title, svg')) continue;
    const ground = behind(element), ink = over(parse(style.color), ground);
    const [low, high] = [light(ink), light(ground)].sort((a, b) => a - b);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < 4.5) found.push(element.tagName + '.' + element.className + ' ' + ratio.toFixed(2));
  }
  return [...new Set(found)];
})()
"""


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("browser")) as found:
        yield found


@pytest.fixture(scope="module", params=["en", "zh"])
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    language.use(request.param)
    try:
        return report.write(making.whole_run(tmp_path_factory.mktemp("runs")))
    finally:
        language.use("")


@pytest.mark.parametrize(("width", "dark"), [(1100, False), (1100, True), (390, False), (390, True)])
def test_it_fits_and_can_be_read(tab: Browser, whole: Path, width: int, dark: bool) -> None:
    tab.look(width, dark=dark)
    tab.open(whole)
    assert tab.complaints == []
    assert tab.requests == [whole.as_uri()]
    assert tab.value("document.documentElement.scrollWidth") == width
    assert tab.value(CONTRAST) == []
    page = tab.value("getComputedStyle(document.body).backgroundColor")
    assert (page == "rgb(15, 17, 21)") is dark


def test_on_paper_it_is_light_and_fits(tab: Browser, whole: Path) -> None:
    tab.look(794, dark=True, media="print")
    tab.open(whole)
    assert tab.value("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert tab.value("document.documentElement.scrollWidth") == 794
    assert tab.value(CONTRAST) == []
    assert tab.value("getComputedStyle(document.querySelector('nav')).display") == "none"
    assert tab.pdf().startswith(b"%PDF-")


@pytest.mark.parametrize("width", [320, 390, 1100])
def test_long_words_and_hostile_texts_break_nothing(tab: Browser, tmp_path: Path, width: int) -> None:
    path = report.write(making.whole_run(tmp_path, evil=LONG))
    tab.look(width)
    tab.open(path)
    assert tab.complaints == []
    assert tab.requests == [path.as_uri()]
    assert tab.value("document.documentElement.scrollWidth") == width
    assert tab.value("document.scripts.length + document.images.length") == 0


def test_every_curve_and_interval_has_a_size(tab: Browser, whole: Path) -> None:
    tab.look()
    tab.open(whole)
    sizes = tab.value("[...document.querySelectorAll('svg, .range')].map(e => e.getBoundingClientRect().width)")
    assert len(sizes) >= 6
    assert min(sizes) > 0
