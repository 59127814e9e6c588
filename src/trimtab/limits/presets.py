"""The limits that ship as examples."""

from __future__ import annotations

from importlib import resources

from trimtab.errors import LimitsError, nearest


def preset_names() -> list[str]:
    """The names of the presets, sorted."""
    folder = resources.files("trimtab.limits") / "presets"
    return sorted(file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml"))


def preset_text(name: str) -> str:
    """The TOML text of a preset."""
    if name not in preset_names():
        raise LimitsError([f"unknown preset {name!r}: {nearest(name, preset_names())}"])
    return (resources.files("trimtab.limits") / "presets" / f"{name}.toml").read_text(encoding="utf-8")
