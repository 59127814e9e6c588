"""The palette: one for page and report; text that can be read; buckets side by side that differ, also for colour-blind eyes."""

from __future__ import annotations

import itertools
import re
from importlib import resources

import numpy as np
import pytest

from trimtab import rebalance
from trimtab.report.charts import treemap_chart
from trimtab.report.shapes import COLOURS
from trimtab.web.rendering import static_file

PAGE = static_file("style.css").decode()
REPORT = (resources.files("trimtab.report") / "templates" / "style.css").read_text(encoding="utf-8")
# Machado, Oliveira, Fernandes (2009), full severity, on linear RGB.
EYES = {
    "usual": np.eye(3),
    "protanopia": np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]),
    "deuteranopia": np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]]),
    "tritanopia": np.array([[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]]),
}  # fmt: skip
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175], [0.0193339, 0.119192, 0.9503041]]
)
WHITE = TO_XYZ @ np.ones(3)


def tokens(sheet: str, *, dark: bool) -> dict[str, str]:
    """The colours of a sheet by name, in one scheme."""
    light_part, _, dark_part = sheet.partition("prefers-color-scheme: dark")
    known = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", light_part.partition(".sheet")[0]))
    return {**known, **dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", dark_part.partition("}")[0]))} if dark else known


def linear(colour: str) -> np.ndarray:
    values = np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def contrast(first: str, second: str) -> float:
    """The contrast of WCAG."""
    light, dark = sorted((float(TO_XYZ[1] @ linear(each)) for each in (first, second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def lab(colour: str, eye: str) -> np.ndarray:
    xyz = TO_XYZ @ np.clip(EYES[eye] @ linear(colour), 0, 1) / WHITE
    root = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2])])


def nearest(colours: list[str], eye: str, *, neighbours: bool) -> float:
    """The smallest difference (CIE 1976) of two colours, of all or of those side by side."""
    pairs = itertools.pairwise(colours) if neighbours else itertools.combinations(colours, 2)
    return min(float(np.linalg.norm(lab(first, eye) - lab(second, eye))) for first, second in pairs)


@pytest.mark.parametrize("dark", [False, True])
def test_page_and_report_have_one_palette(dark: bool) -> None:
    page, report = tokens(PAGE, dark=dark), tokens(REPORT, dark=dark)
    shared = {name for name in page if name in report and name != "cash"}
    assert {f"c{place}" for place in range(COLOURS)} <= shared
    assert {name: page[name] for name in shared} == {name: report[name] for name in shared}


@pytest.mark.parametrize("dark", [False, True])
def test_text_and_marks_can_be_seen(dark: bool) -> None:
    colours = tokens(PAGE, dark=dark)
    for ground in ("paper", "wash", "accent-wash"):
        for text in ("ink", "dim", "accent"):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    for state in ("good", "warn", "bad"):
        assert contrast(colours[state], colours[f"{state}-wash"]) >= 4.5, state
    for mark in ("edge", "ghost", "cash", *(f"c{place}" for place in range(COLOURS))):
        assert contrast(colours[mark], colours["paper"]) >= 3.0, mark


@pytest.mark.parametrize("dark", [False, True])
def test_text_on_tiles_can_be_read(dark: bool) -> None:
    """On the tile of cash it has the ink of the page, which is dark on a light page and light on a dark one."""
    colours = tokens(REPORT, dark=dark)
    assert contrast(colours["ink"], colours["cash"]) >= 4.5
    with_light_text = set(re.findall(r"text\.t(\d+)", REPORT))
    for place in range(COLOURS):
        text = colours["on-dark" if str(place) in with_light_text else "on-light"]
        assert contrast(text, colours[f"c{place}"]) >= 4.5, place
    shapes = treemap_chart(rebalance([{"asset": "A", "score": 0.9}]).facts()).shapes
    assert [shape.css for shape in shapes if shape.text in ("cash", "80.00%")] == ["strong", "small"]


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("dark", [False, True])
def test_buckets_side_by_side_differ(dark: bool, eye: str) -> None:
    """A difference of 10 is plain to see; names and patterns carry the meaning in any case."""
    colours = [tokens(PAGE, dark=dark)[f"c{place}"] for place in range(COLOURS)]
    assert nearest(colours, eye, neighbours=True) >= 10


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("dark", [False, True])
def test_states_differ_from_each_other_and_bars_from_their_ground(dark: bool, eye: str) -> None:
    """A state has an icon and a word, too; a bar before and one after lie side by side."""
    colours = tokens(PAGE, dark=dark)
    states = [colours[state] for state in ("good", "bad")]
    assert nearest(states, eye, neighbours=False) >= 10
    for bar in ("ghost", *(f"c{place}" for place in range(COLOURS))):
        assert nearest([colours[bar], colours["paper"]], eye, neighbours=False) >= 25, bar
    assert min(nearest([colours["ghost"], colours[f"c{place}"]], eye, neighbours=True) for place in range(COLOURS)) >= 5
