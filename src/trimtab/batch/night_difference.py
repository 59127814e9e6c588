"""Two published batches compared account by account, out of core, by DuckDB: what changed, and whether by new inputs, other
limits or other rules.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from trimtab.batch.published_account import input_files
from trimtab.batch.published_folder import manifest_of
from trimtab.blocks.arrow_columns import COLUMNS, LIMITS_ID
from trimtab.errors import Fault, InputError, OutputError, SetupError
from trimtab.text import json_digest
from trimtab.tolerances import WEIGHT_TOLERANCE

_MEMORY = "1GB"
_VALUES = tuple(name for name in COLUMNS if name not in ("account", LIMITS_ID))


@dataclass(frozen=True)
class Night:
    """A published batch: its parts, and its input where that was found."""

    folder: Path
    manifest: Mapping[str, Any]
    inputs: tuple[Path, ...] | None

    @classmethod
    def read(cls, folder: Path, known: Sequence[str] = ()) -> Night:
        """The batch in a folder; `known` are places where its input may be.

        Raises
        ------
        InputError
            The folder holds no published batch.
        """
        manifest = manifest_of(folder)
        try:
            inputs = tuple(input_files(folder, manifest["input"], known))
        except InputError:
            inputs = None
        return cls(folder, manifest, inputs)

    @property
    def parts(self) -> list[str]:
        """The paths of its parts."""
        return [str(self.folder / part["file"]) for part in self.manifest["parts"]]

    def shared(self, name: str) -> Any:
        """A part of the job that concerns all accounts."""
        if name == "input":
            return [file["sha256"] for file in self.manifest["input"]]
        return self.manifest.get(name)


@dataclass(frozen=True)
class NightDifference:
    """How many accounts there are and changed, which causes concern all, and the changed ones, largest first."""

    accounts: int
    changed: int
    notes: tuple[str, ...]
    table: pa.Table  # account, change, assets, reasons, causes, only_in


def night_difference(before: Night, after: Night, *, count: int | None, threads: int = 2) -> NightDifference:
    """The changes from one batch to another, for the `count` accounts that changed most.

    `change` is the larger of what the targets gained and lost in weight; `causes` are `inputs`, `limits` and `rules`,
    those that differ for the account.

    Raises
    ------
    SetupError
        DuckDB is not installed.
    InputError, OutputError
        A part cannot be read; there is no room for temporary files.
    """
    notes = _notes(before, after)
    with _database(threads) as database:
        _prepare(database, before, after)
        counts = database.execute("SELECT count(*), count(*) FILTER (is_changed) FROM changes").fetchall()
        limit = "" if count is None else f" LIMIT {int(count)}"
        query = (
            "SELECT account, change, assets, reasons, causes, only_in FROM changes WHERE is_changed "
            f"ORDER BY change DESC, reasons DESC, account{limit}"
        )
        table = database.sql(query).to_arrow_table()
    return NightDifference(int(counts[0][0]), int(counts[0][1]), notes, table)


def _notes(before: Night, after: Night) -> tuple[str, ...]:
    notes = []
    if before.shared("rules") != after.shared("rules"):
        notes.append("the rules differ, which may change any account")
    if before.shared("assets") != after.shared("assets"):
        notes.append("the shared assets differ, which may change any account")
    if before.shared("exposures") != after.shared("exposures"):
        notes.append("the exposures differ, which may change any account")
    if before.inputs is None or after.inputs is None:
        where = ", ".join(str(night.folder) for night in (before, after) if night.inputs is None)
        notes.append(f"the input of {where} was not found: whether an account's own rows changed is unknown")
    return tuple(notes)


@contextmanager
def _database(threads: int) -> Iterator[Any]:
    """A database in memory that spills to temporary files."""
    try:
        import duckdb  # noqa: PLC0415 - an optional extra
    except ImportError:
        raise SetupError("comparing batches needs DuckDB", "install it with: pip install 'trimtab[batch]'") from None
    with tempfile.TemporaryDirectory(prefix="trimtab-") as spilled:
        settings: dict[str, Any] = {"memory_limit": _MEMORY, "threads": threads, "temp_directory": spilled}
        with duckdb.connect(config=settings) as database:
            try:
                yield database
            except duckdb.OutOfMemoryException as error:
                fault = Fault(f"there is no room ({str(error).splitlines()[0]})", "make room for temporary files")
                raise OutputError([fault], tempfile.gettempdir()) from None
            except duckdb.Error as error:
                fault = Fault(f"cannot be compared ({str(error).splitlines()[0]})", "run `trimtab batch verify`")
                raise InputError([fault]) from None


def _prepare(database: Any, before: Night, after: Night) -> None:
    """The table `changes`: a row for each account of either batch."""
    for name, night in (("before", before), ("after", after)):
        _register_night(database, name, night)
    everywhere = [name for name in ("rules", "assets", "exposures") if before.shared(name) != after.shared(name)]
    is_known = before.shared("input") != after.shared("input") and None not in (before.inputs, after.inputs)
    own_rows = "one.rows IS DISTINCT FROM two.rows" if is_known else "false"
    causes = {
        "inputs": "true" if {"assets", "exposures"} & {*everywhere} else own_rows,
        "limits": "coalesce(one.limits, '') IS DISTINCT FROM coalesce(two.limits, '')",
        "rules": "true" if "rules" in everywhere else "false",
    }
    listed = ", ".join(f"CASE WHEN {condition} THEN '{name}' END" for name, condition in causes.items())
    database.execute(f"""
        CREATE TABLE changes AS
        WITH moved AS (
            SELECT account, after_target - before_target AS moved, reason_before IS DISTINCT FROM reason_after AS other,
                   in_before, in_after
            FROM (
                SELECT coalesce(a.account, b.account) AS account,
                       coalesce(nullif(a.target, 'nan'::DOUBLE), 0) AS before_target,
                       coalesce(nullif(b.target, 'nan'::DOUBLE), 0) AS after_target,
                       a.reason AS reason_before, b.reason AS reason_after,
                       a.account IS NOT NULL AS in_before, b.account IS NOT NULL AS in_after
                FROM before_targets a FULL JOIN after_targets b ON a.account = b.account AND a.asset = b.asset
            )
        ), sums AS (
            SELECT account, greatest(sum(greatest(moved, 0)), sum(greatest(-moved, 0))) AS change,
                   count(*) FILTER (abs(moved) > {WEIGHT_TOLERANCE}) AS assets, count(*) FILTER (other) AS reasons,
                   bool_or(in_before) AS in_before, bool_or(in_after) AS in_after
            FROM moved GROUP BY account
        )
        SELECT sums.account, change, assets, reasons,
               CASE WHEN in_before AND in_after THEN concat_ws(', ', {listed}) ELSE '' END AS causes,
               CASE WHEN NOT in_after THEN 'before' WHEN NOT in_before THEN 'after' ELSE '' END AS only_in,
               change > {WEIGHT_TOLERANCE} OR assets > 0 OR reasons > 0 AS is_changed
        FROM sums LEFT JOIN before_accounts one USING (account) LEFT JOIN after_accounts two USING (account)
    """)


def _register_night(database: Any, name: str, night: Night) -> None:
    """The views of a batch: its targets, and for each account the hash of its rows and of its limits."""
    parts = _listed(night.parts)
    database.execute(
        f"CREATE VIEW {name}_targets AS SELECT account::VARCHAR AS account, asset::VARCHAR AS asset, "
        f"target_weight AS target, reason::VARCHAR AS reason FROM read_parquet({parts})"
    )
    hashes = {limits_id: json_digest(values) for limits_id, values in night.manifest["limits"].items()}
    limits = pa.table({"limits_id": list(hashes), "limits": list(hashes.values())})
    database.register(f"{name}_limits", limits)
    if night.inputs is None:
        only = repr(next(iter(hashes.values())) if len(hashes) == 1 else "")
        database.execute(
            f"CREATE VIEW {name}_accounts AS SELECT DISTINCT account, 0::HUGEINT AS rows, {only} AS limits "
            f"FROM {name}_targets"
        )
        return
    columns = set(pq.read_schema(night.inputs[0]).names)
    values = ", ".join(f'"{column}"' if column in columns else "NULL" for column in _VALUES)
    limits_id = f"coalesce(any_value(\"{LIMITS_ID}\"), '')" if LIMITS_ID in columns and len(hashes) > 1 else "''"
    database.execute(
        f"CREATE VIEW {name}_accounts AS SELECT account, rows, limits FROM ("
        f"SELECT account::VARCHAR AS account, sum(hash({values})::HUGEINT) AS rows, {limits_id} AS limits_id "
        f"FROM read_parquet({_listed(map(str, night.inputs))}) GROUP BY ALL) LEFT JOIN {name}_limits USING (limits_id)"
    )


def _listed(paths: Any) -> str:
    """Paths as a list of SQL."""
    return "[" + ", ".join("'" + path.replace("'", "''") + "'" for path in paths) + "]"
