"""A user's file of aliases, on top of those that ship."""

from __future__ import annotations

from pathlib import Path

from trimtab.errors import Fault, InputError, LimitsError, nearest
from trimtab.files.table_files import StrPath, read_table
from trimtab.limits.toml_file import toml_text, toml_values
from trimtab.symbols.aliases import Aliases, shipped_aliases


def read_aliases(path: StrPath | None) -> Aliases:
    """The aliases that ship, and those of a file: TOML (`"BRK.B" = ["Berkshire B"]`), or a table with asset and alias.

    Raises
    ------
    InputError
        A file that cannot be read, an alias of two assets, an identifier with a wrong check digit.
    """
    shipped = shipped_aliases()
    if path is None:
        return shipped
    if Path(path).suffix.casefold() == ".toml":
        try:
            return shipped.extended(toml_values(toml_text(Path(path)), str(path)), str(path))
        except LimitsError as error:
            advice = 'write one line per asset: "BRK.B" = ["Berkshire B"]'
            raise InputError([Fault(error.faults[0], advice)], str(path)) from None
    table = read_table(path)
    missing = [name for name in ("asset", "alias") if name not in table.column_names]
    if missing:
        faults = [Fault("the column is missing", nearest(name, table.column_names), column=name) for name in missing]
        raise InputError(faults, str(path))
    spellings: dict[str, list[object]] = {}
    for asset, alias in zip(table["asset"].to_pylist(), table["alias"].to_pylist(), strict=True):
        spellings.setdefault(asset, []).append(alias)
    return shipped.extended(spellings, str(path))
