"""Bucket paths and the tree that limits stand on."""

from __future__ import annotations

import math
from typing import Any

import pytest

from trimtab.candidates.bucket_tree import BucketTree, grow
from trimtab.errors import LimitsError
from trimtab.kernel.records import NO_NODE, ROOT
from trimtab.limits.rebalancing_limits import RebalancingLimits


def limits(**values: Any) -> RebalancingLimits:
    return RebalancingLimits(enable_bucket_diversification=True, **values)


def where(tree: BucketTree, bucket: str) -> str:
    """The path of the node that a bucket's assets hang at."""
    return tree.paths[tree.leaf_of[bucket]]


def above(tree: BucketTree, bucket: str) -> list[str]:
    """The paths from a bucket's node up, without the root."""
    node, paths = tree.leaf_of[bucket], []
    while node != ROOT:
        paths.append(tree.paths[node])
        node = int(tree.nodes[node]["parent"])
    return paths


def represented(tree: BucketTree) -> list[str]:
    return [tree.paths[node] for node in tree.level_nodes]


NAMES = ["Equity/Tech/Semis", "Equity/Tech", "Equity", "Bond/Gov", "Unknown", "Unknown/Foo", "Gold"]


def test_off_there_is_only_the_root() -> None:
    tree = grow(NAMES, RebalancingLimits(max_positions_per_bucket=1, known_buckets=("Cash",)))
    assert tree.paths == ("",)
    assert tree.leaf_of == dict.fromkeys(NAMES, ROOT)
    assert tree.level_nodes == ()
    assert tree.node_limit(ROOT) == (None, None, None)


@pytest.mark.parametrize(
    ("level", "bucket", "chain"),
    [
        (1, "Equity/Tech/Semis", ["Equity/Tech/Semis", "Equity/Tech", "Equity"]),
        (1, "Equity/Tech", ["Equity/Tech", "Equity"]),
        (1, "Equity", ["Equity"]),
        (1, "Unknown", ["Unknown"]),
        (1, "Unknown/Foo", ["Unknown/Foo", "Unknown"]),
        (2, "Equity/Tech/Semis", ["Equity/Tech/Semis", "Equity/Tech"]),
        (2, "Equity/Tech", ["Equity/Tech"]),
        (2, "Equity", ["Unknown"]),  # shorter than the level
        (2, "Gold", ["Unknown"]),
        (2, "Unknown/Foo", ["Unknown/Foo", "Unknown"]),
        (3, "Equity/Tech/Semis", ["Equity/Tech/Semis"]),
        (3, "Equity/Tech", ["Unknown"]),
        (4, "Equity/Tech/Semis", ["Unknown"]),
        (9, "Unknown/Foo", ["Unknown/Foo", "Unknown"]),
    ],
)
def test_chain(level: int, bucket: str, chain: list[str]) -> None:
    assert above(grow(NAMES, limits(bucket_level=level)), bucket) == chain


@pytest.mark.parametrize(
    ("level", "expected"),
    [(1, ["Bond", "Equity", "Gold"]), (2, ["Bond/Gov", "Equity/Tech"]), (3, ["Equity/Tech/Semis"]), (4, [])],
)
def test_what_can_be_represented(level: int, expected: list[str]) -> None:
    tree = grow(NAMES, limits(bucket_level=level))
    assert represented(tree) == expected
    for name in NAMES:
        node = tree.leaf_of[name]
        top = above(tree, name)[-1]
        bucket = int(tree.nodes[node]["represents"])
        assert (tree.paths[bucket] if bucket != NO_NODE else None) == (top if top != "Unknown" else None)


def test_the_tree_does_not_depend_on_order_or_repetition() -> None:
    first, other = grow(NAMES, limits()), grow([*reversed(NAMES), "Gold", "Gold"], limits())
    assert first.paths == other.paths
    assert first.leaf_of == other.leaf_of
    assert first.nodes.tobytes() == other.nodes.tobytes()


def test_preorder() -> None:
    """A subtree is a range; a name that sorts between a parent and its child does not cut it."""
    tree = grow(["A", "A/B", "A.C", "A/B/C", "A-D"], limits())
    assert tree.paths[0] == ""
    nodes = tree.nodes
    for node in range(1, len(tree.paths)):
        parent = int(nodes[node]["parent"])
        assert parent < node < nodes[node]["stop"] <= nodes[parent]["stop"]
    assert above(tree, "A/B/C") == ["A/B/C", "A/B", "A"]
    assert set(represented(tree)) == {"A", "A-D", "A.C"}
    assert nodes[tree.leaf_of["A"]]["stop"] == tree.leaf_of["A"] + 3


def test_bottom_up_is_deepest_first_then_by_path() -> None:
    tree = grow(["A/Z", "B/C/D", "A", "C"], limits())
    assert [tree.paths[node] for node in tree.nodes["bottom_up"]] == ["B/C/D", "A/Z", "B/C", "A", "B", "C", ""]


def test_flat_names() -> None:
    names = ["Equity/Tech", "Equity/Tech/", "A//B", "/"]
    tree = grow(names, limits(bucket_separator=""))
    assert represented(tree) == sorted(names)
    assert all(above(tree, name) == [name] for name in names)


def test_another_separator() -> None:
    tree = grow(["Equity > Tech", "Equity/Tech"], limits(bucket_separator=" > "))
    assert above(tree, "Equity > Tech") == ["Equity > Tech", "Equity"]
    assert above(tree, "Equity/Tech") == ["Equity/Tech"]


def test_no_candidates_at_all() -> None:
    assert grow([], limits()).paths == ("",)


# ---- limits at nodes


def limits_at(tree: BucketTree) -> dict[str, tuple[int | None, float | None, float | None]]:
    return {path: tree.node_limit(node) for node, path in enumerate(tree.paths)}


def test_general_limits_stand_at_the_level() -> None:
    index = limits_at(grow(NAMES, limits(bucket_level=2, max_positions_per_bucket=3, max_allocation_per_bucket=0.3)))
    general, none = (3, 0.3, None), (None, None, None)
    assert index == {
        "": none,
        "Bond/Gov": general,
        "Equity/Tech": general,
        "Equity/Tech/Semis": none,
        "Unknown": general,
        "Unknown/Foo": none,
    }


def test_given_fields_replace_the_general_ones() -> None:
    buckets = {
        "Equity": {"max_positions": 2},
        "Equity/Tech": {"max_allocation": 0.25, "min_allocation": 0.1},
        "Bond": {"min_allocation": 0.2},
        "Gold": {"max_positions": 0, "max_allocation": 0},
        "Unknown/Foo": {"max_positions": 1},
    }
    assert limits_at(grow(NAMES, limits(buckets=buckets))) == {
        "": (None, None, None),
        "Equity": (2, 0.4, None),
        "Equity/Tech": (None, 0.25, 0.1),
        "Equity/Tech/Semis": (None, None, None),
        "Bond": (4, 0.4, 0.2),
        "Bond/Gov": (None, None, None),
        "Gold": (0, 0.0, None),
        "Unknown": (4, 0.4, None),
        "Unknown/Foo": (1, None, None),
    }


@pytest.mark.parametrize(
    ("switch", "expected"),
    [
        ({}, (2, 0.3, 0.1)),
        ({"enforce_position_limits": False}, (None, 0.3, 0.1)),
        ({"enforce_allocation_limits": False}, (2, None, None)),
        ({"enforce_min_buckets": False}, (2, 0.3, 0.1)),
        ({"enforce_position_limits": False, "enforce_allocation_limits": False}, (None, None, None)),
    ],
)
def test_switches(switch: dict[str, bool], expected: tuple[Any, ...]) -> None:
    own = {"max_positions": 2, "max_allocation": 0.3, "min_allocation": 0.1}
    index = limits_at(grow(["Equity", "Bond"], limits(buckets={"Equity": own}, **switch)))
    assert index["Equity"] == expected
    general = (4, 0.4)
    assert index["Bond"] == (
        *(None if mine is None else highest for mine, highest in zip(expected, general, strict=False)),
        None,
    )


def test_unknown_that_is_held_has_no_limit_and_is_closed() -> None:
    for choice, at_unknown in (("limit", (4, 0.4, None)), ("hold", (None, None, None))):
        tree = grow(NAMES, limits(unknown_bucket=choice))
        assert tree.node_limit(tree.leaf_of["Unknown"]) == at_unknown
        assert tree.node_limit(tree.leaf_of["Gold"]) == (4, 0.4, None)
        closed = {tree.paths[node] for node in range(len(tree.paths)) if tree.nodes[node]["closed"]}
        assert closed == ({"Unknown", "Unknown/Foo"} if choice == "hold" else set())


def test_what_counts_as_unknown_is_closed_too() -> None:
    tree = grow(["Gold"], limits(unknown_bucket="hold", bucket_level=2))
    assert where(tree, "Gold") == "Unknown"
    assert tree.nodes[tree.leaf_of["Gold"]]["closed"]


def test_no_limit_is_not_a_large_number_in_words() -> None:
    tree = grow(["Equity"], limits())
    assert math.isinf(tree.nodes[ROOT]["max_allocation"])
    assert tree.node_limit(ROOT) == (None, None, None)


# ---- limits of buckets that are not there


@pytest.mark.parametrize(
    ("bucket", "near"),
    [
        ("Equity/Tec", "did you mean 'Equity/Tech'?"),
        ("equity", "did you mean 'Equity'?"),
        ("Bond/Goverment", "did you mean 'Bond/Gov'?"),
        ("Unknown/Fo", "did you mean 'Unknown/Foo'?"),
    ],
)
def test_unknown_node_names_the_nearest(bucket: str, near: str) -> None:
    with pytest.raises(LimitsError) as caught:
        grow(NAMES, limits(buckets={bucket: {"max_positions": 1}, "Equity/Tech": {"max_positions": 1}}))
    (fault,) = caught.value.faults
    assert fault.startswith(f"buckets[{bucket!r}]: no candidate is in this bucket: {near} ")
    assert "known_buckets" in fault


def test_unknown_nodes_are_reported_together() -> None:
    with pytest.raises(LimitsError) as caught:
        grow(["Equity"], limits(buckets={"Equty": {}, "xyz": {}}))
    assert len(caught.value.faults) == 2
    assert "known: 'Equity', 'Unknown'" in caught.value.faults[1]


@pytest.mark.parametrize("known", ["Bond", "Bond/Gov", "Bond/Gov/Long"])
def test_known_buckets_exist(known: str) -> None:
    tree = grow(["Equity"], limits(buckets={"Bond": {"min_allocation": 0.1}}, known_buckets=[known]))
    assert tree.node_limit(tree.paths.index("Bond")) == (4, 0.4, 0.1)
    assert represented(tree) == ["Bond", "Equity"]
    assert known in tree.paths


def test_a_node_between_exists_by_its_children() -> None:
    tree = grow(["Equity/Tech/Semis"], limits(buckets={"Equity/Tech": {"max_positions": 1}}))
    assert tree.node_limit(tree.paths.index("Equity/Tech")) == (1, None, None)


def test_limits_for_unknown_need_no_candidate() -> None:
    """Any bucket may turn out to be Unknown, so that limit is never a typo."""
    assert grow(["Equity"], limits(buckets={"Unknown": {"max_positions": 1}})).paths == ("", "Equity")


def test_a_bucket_that_the_level_makes_unknown_is_not_there() -> None:
    with pytest.raises(LimitsError, match="'Equity/Bond'"):
        grow(["Equity"], limits(bucket_level=2, buckets={"Equity/Bond": {"max_positions": 1}}))
