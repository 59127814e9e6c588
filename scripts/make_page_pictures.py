"""Pictures of every screen of the page beside those of the mock-ups: at 390, 768 and 1280 px, light and dark.

    python scripts/make_page_pictures.py MOCKUPS OUT

MOCKUPS is the folder with the pictures `1-start-390-light.png`, ...; OUT receives one PNG for each screen, width and
scheme: the mock-up on the left (where it exists), the page on the right. Needs Chromium, Playwright and Pillow.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests")]
from page_browser import Visitor, chromium, served  # noqa: E402 - the folder of the tests is known only now

SCREENS = {
    "1-start": "/",
    "2-review": "/review",
    "3-limits": "/limits",
    "4-plan": "/plan?why=XOM",
    "5-export": "/export",
    "6-history": "/history",
    "7-empty": "/review",
    "7-error": "/nothing",
    "9-studies": "/studies",
}
WIDTHS = (390, 768, 1280)
SCHEMES = ("light", "dark")


def pictures(mockups: Path, out: Path, widths: Iterable[int] = WIDTHS, schemes: Iterable[str] = SCHEMES) -> None:
    """Make every picture of these widths and schemes."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as address, chromium() as browser:
        first = Visitor(browser, address)
        first.click("text=Try the sample")
        first.go("/export")
        first.click('button[aria-label="Write Order list, CSV"]')
        first.close()
        for width in widths:
            for scheme in schemes:
                visitor = Visitor(browser, address, width, scheme)
                for name, path in SCREENS.items():
                    if name == "2-review":
                        visitor.go("/")
                        visitor.click("text=Try the sample")
                    if name == "7-empty":
                        visitor.close()
                        visitor = Visitor(browser, address, width, scheme)
                    visitor.go(path)
                    visitor.page.wait_for_load_state("networkidle")
                    shot = out / f"{name}-{width}-{scheme}.png"
                    visitor.page.screenshot(path=str(shot), full_page=True)
                    beside(mockups / shot.name, shot)
                visitor.close()


def beside(mockup: Path, shot: Path) -> None:
    """The mock-up and the page in one picture, if there is a mock-up."""
    if not mockup.is_file():
        return
    with Image.open(mockup) as left, Image.open(shot) as right:
        both = Image.new("RGB", (left.width + right.width + 24, max(left.height, right.height)), "#888888")
        both.paste(left.convert("RGB"), (0, 0))
        both.paste(right.convert("RGB"), (left.width + 24, 0))
    both.save(shot, optimize=True)


if __name__ == "__main__":
    pictures(Path(sys.argv[1]), Path(sys.argv[2]))
