"""A page in headless Chromium: its log, its requests, and the findings of axe-core; for tests."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from html import escape
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
_LEAST_WINDOW = 500
SCHEMES = {"dark": "0", "light": "1"}
_AXE = """
<script>{axe}</script>
<script>
axe.run(document, {{resultTypes: ["violations"]}}).then(found => {{
  const told = document.createElement("pre");
  told.id = "axe-found";
  const shown = found.violations.map(
    one => [one.id, one.impact, one.nodes.map(node => node.target.join(" ") + ": " + node.failureSummary)]);
  const beyond = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (beyond > 0) shown.push(["page-too-wide", "serious", [beyond + " px to the right of the screen"]]);
  told.textContent = JSON.stringify(shown);
  top.document.body.append(told);
}});
</script>
"""


def run(page: str, folder: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    """Chromium with a page; skips where there is none."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not here (Debian: apt-get install chromium)")
    folder.mkdir(exist_ok=True)
    file = folder / "page.html"
    file.write_text(page, encoding="utf-8")
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={folder / 'profile'}", *flags, file.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)


def logged(page: str, folder: Path) -> list[str]:
    """What the page writes to the console."""
    result = run(page, folder, "--enable-logging=stderr", "--dump-dom").stderr
    return [line for line in result.splitlines() if "CONSOLE" in line]


def foreign_hosts(page: str, folder: Path) -> set[str]:
    """The hosts that a page contacts: each time it is shown. The browser contacts some of its own, now and then."""
    folder.mkdir(exist_ok=True)
    foreign = _hosts(page, folder / "page") - _hosts(EMPTY, folder / "empty")
    for attempt in range(3):
        if foreign:
            foreign &= _hosts(page, folder / f"page-{attempt}") - _hosts(EMPTY, folder / f"empty-{attempt}")
    return foreign


def _hosts(page: str, folder: Path) -> set[str]:
    """Every host contacted while a page is shown."""
    log = folder / "net.json"
    run(page, folder, f"--log-net-log={log}", "--host-resolver-rules=MAP * ~NOTFOUND", "--dump-dom")
    text = log.read_text(encoding="utf-8", errors="replace")
    return set(re.findall(r'"(?:https?|wss?)://([^/"]+)', text))


def faults(page: str, folder: Path, width: int, scheme: str) -> list[tuple[str, str, list[str]]]:
    """What axe-core finds: rule, impact, places. The script is put into a copy without the page's own ban of scripts."""
    axe = Path(os.environ.get("TRIMTAB_AXE", "axe.min.js"))
    if not axe.is_file():
        pytest.skip("axe-core is not here (npm install axe-core; TRIMTAB_AXE=node_modules/axe-core/axe.min.js)")
    allowed = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    probed = allowed.replace("</body>", _AXE.format(axe=axe.read_text(encoding="utf-8")) + "</body>")
    if width < _LEAST_WINDOW:  # a window is no narrower, but a frame in it is
        frame = (
            f'<iframe title="page" style="width:{width}px;height:900px;border:0" srcdoc="{escape(probed)}"></iframe>'
        )
        probed = f"<!doctype html><html lang='en'><head><title>x</title></head><body>{frame}</body></html>"
    flags = (
        f"--window-size={max(width, _LEAST_WINDOW)},1000",
        f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}",
    )
    shown = run(probed, folder, *flags, "--virtual-time-budget=20000", "--dump-dom").stdout
    match = re.search(r'<pre id="axe-found">(.*?)</pre>', shown, re.DOTALL)
    assert match, "axe-core did not finish"
    text = match[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    told: list[Any] = json.loads(text)
    return [(rule, impact, places) for rule, impact, places in told]


EMPTY = "<!doctype html><html lang='en'><head><title>x</title></head><body></body></html>"
