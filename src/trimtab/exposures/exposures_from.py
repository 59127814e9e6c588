"""`exposures_from`: a table of exposures from columns of the candidates, memberships, and the holdings of funds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trimtab.bucket_path import UNKNOWN, bucket_name
from trimtab.candidates.arrow_values import numbers_of, text_of
from trimtab.candidates.equality import compared_by_value
from trimtab.candidates.exposures import WHOLE
from trimtab.candidates.user_table import columns_of, near_name, table_in
from trimtab.errors import Fault, InputError
from trimtab.text import percent

# Columns of candidates that classify an asset, if no others are named.
USUAL_SCHEMES = ("country", "region", "currency", "issuer", "sector", "industry")
_Parts = dict[str, float]  # bucket -> fraction
_Classified = dict[str, dict[str, _Parts]]  # asset -> scheme -> parts


@compared_by_value
@dataclass(frozen=True, eq=False)
class ExposureTable:
    """A table of exposures, one dict a row, as `rebalance(..., exposures=...)` takes it; and notes on the parts it leaves open."""

    table: list[dict[str, Any]]
    notes: tuple[str, ...] = field(default=())


def exposures_from(
    candidates: Any = None,
    *,
    columns: Sequence[str] | None = None,
    memberships: Mapping[str, Any] | None = None,
    funds: Any = None,
) -> ExposureTable:
    """A table of exposures from the data at hand; later sources replace earlier ones for the same asset and scheme.

    Parameters
    ----------
    candidates
        A table with the column `asset` and a column for each scheme, such as `country` or `currency`.
    columns
        The schemes to read from it; the usual ones that it has where None.
    memberships
        For each scheme a table with `asset`, `bucket` and perhaps `fraction`: an index of members, a list of regions.
    funds
        The holdings of funds: a table with `fund`, `holding` and `fraction`. A fund has the exposures of its holdings, and
        so do funds of funds. Whatever its holdings lack to 1 lies in `Unknown`, and a note says so.

    Raises
    ------
    InputError
        A column that is missing, an asset twice in the candidates, a fraction outside (0, 1], a fund that holds itself.

    Examples
    --------
    >>> made = exposures_from(
    ...     [{"asset": "AAPL", "country": "US"}, {"asset": "SAP", "country": "Germany"}],
    ...     funds=[
    ...         {"fund": "WORLD", "holding": "AAPL", "fraction": 0.6},
    ...         {"fund": "WORLD", "holding": "SAP", "fraction": 0.3},
    ...     ],
    ... )
    >>> [(row["asset"], row["bucket"], row["fraction"]) for row in made.table]
    [('AAPL', 'US', 1.0), ('SAP', 'Germany', 1.0), ('WORLD', 'Germany', 0.3), ('WORLD', 'US', 0.6)]
    >>> made.notes
    ('WORLD: 10.00% of its country is Unknown',)
    """
    classified: _Classified = {}
    if candidates is not None:
        _add_columns(classified, table_in(candidates), columns)
    for scheme, table in (memberships or {}).items():
        _add_members(classified, scheme, table_in(table))
    notes = () if funds is None else tuple(_add_funds(classified, table_in(funds)))
    rows = [
        {"asset": asset, "scheme": scheme, "bucket": bucket, "fraction": fraction}
        for asset in sorted(classified)
        for scheme, parts in sorted(classified[asset].items())
        for bucket, fraction in sorted(parts.items())
    ]
    return ExposureTable(rows, notes)


def _column(columns: Mapping[str, Any], name: str, source: str, count: int) -> list[Any]:
    """A column of names that must be there."""
    if name not in columns:
        near = near_name(name, list(columns))
        advice = (
            f"is {near!r} meant? Rename it"
            if near
            else f"add it; the table has {', '.join(map(repr, columns)) or 'none'}"
        )
        raise InputError([Fault("the column is missing", advice, column=name)], source)
    return text_of(columns[name], name, count).values()


def _add_columns(classified: _Classified, candidates: Any, schemes: Sequence[str] | None) -> None:
    source = "the candidates"
    columns, count = columns_of(candidates, ("asset", *USUAL_SCHEMES))
    assets = _column(columns, "asset", source, count)
    chosen = [name for name in USUAL_SCHEMES if name in columns] if schemes is None else list(schemes)
    if not chosen:
        advice = f"name the columns to read (columns=); usual ones are {', '.join(USUAL_SCHEMES)}"
        raise InputError([Fault("there is no column of a scheme", advice)], source)
    for scheme in chosen:
        for row, (asset, bucket) in enumerate(zip(assets, _column(columns, scheme, source, count), strict=True)):
            parts = {bucket_name(bucket): 1.0}
            before = classified.setdefault(asset, {}).setdefault(scheme, parts)
            if before != parts:
                problem = f"{asset!r} has two buckets, {next(iter(before))!r} and {bucket_name(bucket)!r}"
                raise InputError([Fault(problem, "give one", column=scheme, row=row + 1, value=bucket)], source)


def _fractions(columns: Mapping[str, Any], source: str, count: int) -> list[float]:
    fractions = numbers_of(columns.get("fraction"), "fraction", count, 1.0).tolist()
    for row, fraction in enumerate(fractions):
        if not 0 < fraction <= 1:
            advice = "give a fraction above 0 and at most 1 (0.05, not 5), or drop the row"
            value = None if math.isnan(fraction) else fraction
            raise InputError([Fault("is not a fraction", advice, column="fraction", row=row + 1, value=value)], source)
    return list(fractions)


def _add_members(classified: _Classified, scheme: str, table: Any) -> None:
    source = f"the members of {scheme}"
    columns, count = columns_of(table, ("asset", "bucket", "fraction"))
    assets, buckets = (_column(columns, name, source, count) for name in ("asset", "bucket"))
    members: dict[str, _Parts] = {}
    for asset, bucket, fraction in zip(assets, buckets, _fractions(columns, source, count), strict=True):
        parts = members.setdefault(asset, {})
        parts[bucket_name(bucket)] = parts.get(bucket_name(bucket), 0.0) + fraction
    for asset, parts in members.items():
        classified.setdefault(asset, {})[scheme] = parts


def _add_funds(classified: _Classified, table: Any) -> Iterable[str]:
    """Give each fund the exposures of its holdings; yields what its table lacks."""
    source = "the holdings of funds"
    columns, count = columns_of(table, ("fund", "holding", "fraction"))
    names, held = (_column(columns, name, source, count) for name in ("fund", "holding"))
    holdings: dict[str, list[tuple[str, float]]] = {}
    for fund, holding, fraction in zip(names, held, _fractions(columns, source, count), strict=True):
        holdings.setdefault(fund, []).append((holding, fraction))
    for fund, parts in holdings.items():
        total = math.fsum(fraction for _, fraction in parts)
        if total > 1 + WHOLE:
            advice = "give fractions of the fund (0.05, not 5); of a geared fund give what is invested"
            problem = f"the holdings of {fund!r} add up to {total:.6g}, above 1"
            raise InputError([Fault(problem, advice, column="fraction")], source)
    schemes = sorted({scheme for parts in classified.values() for scheme in parts})
    done: set[str] = set()
    for fund in holdings:
        _look_through(classified, holdings, fund, schemes, done, (fund,))
    for fund in holdings:
        for scheme in schemes:
            known = math.fsum(fraction for bucket, fraction in classified[fund][scheme].items() if bucket != UNKNOWN)
            if 1 - known > WHOLE:
                yield f"{fund}: {percent(1 - known)} of its {scheme} is {UNKNOWN}"


def _look_through(
    classified: _Classified,
    holdings: Mapping[str, list[tuple[str, float]]],
    fund: str,
    schemes: Sequence[str],
    done: set[str],
    path: tuple[str, ...],
) -> None:
    """Replace the exposures of a fund by those of its holdings, funds among them first."""
    if fund in done:
        return
    sums: dict[str, _Parts] = {scheme: {} for scheme in schemes}
    for holding, share in sorted(holdings[fund]):
        if holding in path:
            problem = f"{holding!r} holds itself, by way of {' > '.join(path)}"
            raise InputError(
                [Fault(problem, "drop the row that closes the circle", column="holding")], "the holdings of funds"
            )
        if holding in holdings:
            _look_through(classified, holdings, holding, schemes, done, (*path, holding))
        for scheme in schemes:
            for bucket, fraction in sorted(classified.get(holding, {}).get(scheme, {}).items()):
                sums[scheme][bucket] = sums[scheme].get(bucket, 0.0) + share * fraction
    classified[fund] = sums
    done.add(fund)
