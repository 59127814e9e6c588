"""The command line, called in the process of the test."""

from __future__ import annotations

import csv
import functools
import io

import typer.main
import typer.testing
from typer.testing import CliRunner, Result

from trimtab.cli import app as cli

# Typer builds every command anew at each call, which took most of the time of these tests.
typer.testing._get_command = functools.cache(typer.main.get_command)  # type: ignore[attr-defined]

CANDIDATES = """\
asset,bucket,score,current_weight
AAA,Tech,0.90,0.30
BBB,Tech,0.80,0.10
CCC,Tech,0.75,0
DDD,Energy,0.70,0.20
EEE,Energy,0.30,0.10
FFF,Health,0.66,0
"""
ENVIRONMENT = {"COLUMNS": "100", "NO_COLOR": None, "FORCE_COLOR": None, "TRIMTAB_DEBUG": None}


def run(*args: object, stdin: bytes | None = None, **env: str) -> Result:
    words = [str(arg) for arg in args]
    return CliRunner().invoke(cli.app, words, input=stdin, env={**ENVIRONMENT, **env}, prog_name="trimtab")


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))
