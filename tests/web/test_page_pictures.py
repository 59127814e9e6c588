"""The script that puts every screen beside its mock-up makes its pictures."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "make_page_pictures.py"


@pytest.mark.thorough  # a browser starts
def test_every_screen_has_a_picture_beside_its_mockup(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image", reason="Pillow is not here (pip install pillow)")
    script = runpy.run_path(str(SCRIPT))
    mockups, out = tmp_path / "mockups", tmp_path / "out"
    mockups.mkdir()
    image.new("RGB", (100, 50), "#ff0000").save(mockups / "4-plan-390-light.png")
    script["pictures"](mockups, out, (390,), ("light",))
    assert sorted(path.name for path in out.iterdir()) == [
        f"{name}-390-light.png" for name in sorted(script["SCREENS"])
    ]
    with image.open(out / "4-plan-390-light.png") as both:
        assert both.width == 100 + 24 + 390 and both.getpixel((50, 25)) == (255, 0, 0)
