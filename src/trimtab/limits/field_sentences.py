"""The sentence of a field, with its value in words."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from trimtab.text import counted


class _Value:
    """A value in a sentence: `{:%}` as percent, `{:g}` as a number, `{:money}` as an amount, `{:position}` as a count."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __format__(self, form: str) -> str:
        if form == "%":
            return percent_text(self.value)
        if form == "money":
            return f"{self.value:,f}"
        return f"{self.value:g}" if form == "g" else counted(self.value, form)


def percent_text(weight: float) -> str:
    """A fraction as percent, with as many digits as it has.

    >>> percent_text(0.0025)
    '0.25%'
    """
    return f"{round(100 * weight, 10):.12g}%"


def own_sentence(owner: Any, known: dataclasses.Field[Any]) -> list[str]:
    """The sentence of a field; none where it has no value, or one that needs no words."""
    value, sentence = getattr(owner, known.name), known.metadata["sentence"]
    if isinstance(sentence, Mapping):
        return [sentence[value]] if sentence[value] else []
    return [] if value is None else [sentence.format(_Value(value))]
