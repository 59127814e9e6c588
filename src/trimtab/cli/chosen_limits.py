"""The limits that the options of a command name."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from trimtab.cli.options import LimitOptions
from trimtab.errors import Fault, InputError, LimitsError
from trimtab.limits.old_names import with_current_names
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.limits.regimes import laid_over

_BARE_WORD = re.compile(r"[A-Za-z][\w-]*", re.ASCII).fullmatch


@dataclass(frozen=True)
class ChosenLimits:
    """Limits, where they came from, and whether any were chosen at all."""

    limits: RebalancingLimits
    source: str | None
    files: tuple[Path, ...] = ()
    is_chosen: bool = True

    @contextmanager
    def named_in_errors(self) -> Iterator[None]:
        """Errors about the limits name the file that they came from."""
        try:
            yield
        except LimitsError as error:
            raise LimitsError(error.faults, error.source or self.source) from None


def read_limits(options: LimitOptions) -> ChosenLimits:
    """The limits of a file, of a preset or the defaults, with single fields changed.

    Raises
    ------
    typer.BadParameter
        Both a file and a preset, or a setting that is not `field=value`.
    InputError
        No such file.
    LimitsError
        Limits that are unknown or contradict each other.
    """
    file, preset = options.limits, options.preset
    if file is not None and preset is not None:
        raise typer.BadParameter("give either --limits or --preset, not both; --set changes single fields of either")
    changes: dict[str, Any] = {}
    for text in options.settings or ():
        changes = laid_over(changes, with_current_names(_setting(text)))
    if file is not None and not file.exists():
        advice = "check the path, or make one with `trimtab limits show > limits.toml`"
        raise InputError([Fault("there is no such file", advice)], str(file))
    if file is not None:
        chosen = ChosenLimits(RebalancingLimits.from_toml(file), str(file), (file,))
    elif preset is not None:
        chosen = ChosenLimits(RebalancingLimits.preset(preset), f"preset {preset!r}")
    else:
        chosen = ChosenLimits(RebalancingLimits(), None, is_chosen=False)
    if not changes:
        return chosen
    source = f"{chosen.source} with --set" if chosen.source else "--set"
    limits = RebalancingLimits.from_dict(laid_over(chosen.limits.to_dict(), changes), source)
    return ChosenLimits(limits, source, chosen.files, chosen.is_chosen)


def _setting(text: str) -> dict[str, Any]:
    """`field=value` as TOML; a bare word counts as text, so that no quotes are needed inside a shell."""
    name, sign, value = text.partition("=")
    is_word = _BARE_WORD(value.strip()) and value.strip() not in ("true", "false", "inf", "nan")
    try:
        setting = tomllib.loads(f'{name} = "{value.strip()}"' if is_word else text)
    except tomllib.TOMLDecodeError:
        setting = {}
    if not (sign and setting) or "\n" in text:
        advice = "write field=value, such as max_total_positions=8 or 'buckets.\"Equity/Tech\".max_positions=2'"
        raise typer.BadParameter(f"--set {text!r} is not a setting: {advice}")
    return setting
