"""No float in money: the orders, their files, the gates and the order checker count in whole numbers and exact decimals.

A float may hold a fraction (a weight, a rate, a limit). Each function that has one is listed with its reason; whatever else makes
or divides into a float fails here.
"""

from __future__ import annotations

import ast
import dataclasses
import typing
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

import trimtab
from trimtab.certificate import order_checker
from trimtab.order_files.file_order import FileOrder, Quote
from trimtab.orders import gates, order

ROOT = Path(trimtab.__file__).parent
FILES = sorted(
    [
        *(ROOT / "orders").glob("*.py"),
        *(ROOT / "order_files").glob("*.py"),
        ROOT / "certificate" / "order_checker.py",
        ROOT / "certificate" / "order_exposures.py",
        ROOT / "files" / "cells.py",
        ROOT / "decimals.py",
    ]
)
WEIGHT = "a weight or a score, as the pass has it"
LIMIT = "a limit or a rate, which the settings hold as a fraction"
DECIMALS = "both are exact decimals"
TEXT = "a fraction, on its way into a sentence"
ALLOWED = {
    ("certificate/order_checker.py", "<module>"): "a share of the aim",
    ("certificate/order_checker.py", "TradedAsset"): WEIGHT,
    ("certificate/order_checker.py", "__init__"): LIMIT,
    ("certificate/order_checker.py", "_above_limits"): LIMIT,
    ("certificate/order_checker.py", "_above_turnover"): LIMIT,
    ("certificate/order_checker.py", "_parts"): "a fraction becomes a whole number of parts",
    ("certificate/order_checker.py", "_portion"): "takes a fraction, and multiplies whole numbers",
    ("certificate/order_exposures.py", "<module>"): "a fraction of the table, which becomes an exact one",
    ("certificate/order_exposures.py", "MaximumExposure"): LIMIT,
    ("certificate/order_exposures.py", "maximum_exposures"): LIMIT,
    ("decimals.py", "decimal_of"): "the shortest decimal of a float that a user gave",
    ("order_files/broker_orders.py", "_limit_price"): DECIMALS,
    ("orders/block_holdings.py", "_is_nan"): "asks whether a number is missing",
    ("orders/block_records.py", "account_records"): LIMIT,
    ("orders/checked_orders.py", "_are_within"): LIMIT,
    ("orders/checked_orders.py", "_made_plan"): WEIGHT,
    ("orders/checked_orders.py", "_proven"): LIMIT,
    ("orders/decide_orders.py", "_as_seen"): WEIGHT,
    ("orders/decide_orders.py", "_own_limits"): LIMIT,
    ("orders/decide_orders.py", "_read"): "money becomes a weight for the pass, and never money again",
    ("orders/decide_orders.py", "_rows"): WEIGHT,
    ("orders/decide_orders.py", "of"): LIMIT,
    ("orders/doors.py", "_unspent"): LIMIT,
    ("orders/exact_columns.py", "_plain"): "a column of nothing",
    ("orders/exact_columns.py", "units_of"): "the shortest decimal of a float that a user gave",
    ("orders/many.py", "order_rules"): "a column of nothing",
    ("orders/order_tables.py", "_phases"): LIMIT,
    ("orders/doors.py", "_with_weights"): "money becomes a weight for the pass, and never money again",
    ("orders/gate_sentences.py", "_percent"): TEXT,
    ("orders/gates.py", "_exact"): "the shortest decimal of a limit",
    ("orders/gates.py", "_price_move"): DECIMALS,
    ("orders/gates.py", "_size_gates"): DECIMALS,
    ("orders/gates.py", "counted_gates"): DECIMALS,
    ("orders/identity.py", "_digest_of_limits"): LIMIT,
    ("orders/identity.py", "identity_rows"): WEIGHT,
    ("orders/identity.py", "_one_spelling"): WEIGHT,
    ("orders/identity.py", "_float_text"): "the shortest decimal of a weight or a limit",
    ("orders/identity.py", "_plain"): "asks whether a value is a float",
    ("orders/neighbours.py", "_drift"): LIMIT,
    ("orders/neighbours.py", "_exposed_loads"): "a fraction of the table, which becomes a whole number of parts",
    ("orders/neighbours.py", "_full"): TEXT,
    ("orders/neighbours.py", "_full_exposures"): LIMIT,
    ("orders/neighbours.py", "_full_nodes"): LIMIT,
    ("orders/neighbours.py", "_obstacles"): LIMIT,
    ("orders/neighbours.py", "goal"): WEIGHT,
    ("orders/neighbours.py", "invested"): LIMIT,
    ("orders/neighbours.py", "missed_minima"): LIMIT,
    ("orders/neighbours.py", "over_cap"): LIMIT,
    ("orders/neighbours.py", "short_of_cash"): LIMIT,
    ("orders/order_changes.py", "_tries"): LIMIT,
    ("orders/order_explanation.py", "explain_order"): DECIMALS,
    ("orders/plan.py", "traded_facts"): TEXT,
    ("orders/plan_check.py", "made_plan"): WEIGHT,
    ("orders/plan_facts.py", "_flows"): "the height of a band",
    ("orders/plan_facts.py", "_share"): TEXT,
    ("orders/sentences.py", "OrderFacts"): WEIGHT,
    ("orders/sentences.py", "_below_min_trade"): TEXT,
    ("orders/sentences.py", "_fee_too_high"): TEXT,
    ("orders/sentences.py", "_max_turnover"): TEXT,
    ("orders/sentences.py", "facts_of"): WEIGHT,
    ("orders/stage.py", "_limits_of_pass"): LIMIT,
}
NAMES = frozenset({"float", "Float", "Floats", "fsum"})
ATTRIBUTES = frozenset({"float16", "float32", "float64", "fsum", "inf", "nan", "sqrt", "mean"})


def uses(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Where a module makes, names or divides into a float: the innermost function or class, and the line."""

    def walk(node: ast.AST, place: str) -> Iterator[tuple[str, int]]:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            place = node.name
        is_float = (
            (isinstance(node, ast.Constant) and isinstance(node.value, float | complex))
            or (isinstance(node, ast.Name) and node.id in NAMES)
            or (isinstance(node, ast.Attribute) and node.attr in ATTRIBUTES)
            or (isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div))
        )
        if is_float:
            yield place, node.lineno  # type: ignore[attr-defined]
        for child in ast.iter_child_nodes(node):
            yield from walk(child, place)

    yield from walk(tree, "<module>")


def test_money_is_never_a_float() -> None:
    by_name = {
        (str(file.relative_to(ROOT)), place): line
        for file in FILES
        for place, line in uses(ast.parse(file.read_text(encoding="utf-8")))
    }
    assert {where: line for where, line in by_name.items() if where not in ALLOWED} == {}
    assert set(ALLOWED) - set(by_name) == set()  # a reason that nothing needs any more


@pytest.mark.parametrize(
    "line", ["a = 1.5", "a = float(b)", "a = b / c", "a /= b", "a = np.float64(b)", "a: float = b", "a = math.fsum(b)"]
)
def test_the_test_sees_a_float(line: str) -> None:
    assert list(uses(ast.parse(f"def f():\n    {line}"))) == [("f", 2)]


@pytest.mark.parametrize("kind", [order.Order, order.LotSold, FileOrder, Quote, gates.Gate, gates.PriceHistory])
def test_no_field_of_an_order_or_a_gate_is_a_float(kind: type) -> None:
    hints = typing.get_type_hints(kind, {**vars(order), **vars(gates), **vars(order_checker)})
    kinds = {part for hint in hints.values() for part in (hint, *typing.get_args(hint))}
    assert float not in kinds
    assert Decimal in kinds
    assert dataclasses.is_dataclass(kind)
