"""Files in: what is read, and what each bad file is told."""

from __future__ import annotations

import csv
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

from trimtab.candidates.read import read
from trimtab.errors import Fault, InputError
from trimtab.files.joined_files import Joined, join_tables
from trimtab.files.table_files import read_table
from trimtab.limits.rebalancing_limits import RebalancingLimits

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(content: str | bytes, name: str = "candidates.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return written


def refusal(path: Path | str) -> InputError:
    """The error of a file; every fault names the file as it was given."""
    with pytest.raises(InputError) as caught:
        read_table(path)
    assert {fault.source for fault in caught.value.faults} == {str(path)}
    return caught.value


def the_fault(path: Path | str) -> Fault:
    (fault,) = refusal(path).faults
    return fault


TABLE = pa.table({"asset": ["A", "B"], "score": [0.5, None], "current_weight": [0.1, 0.0]})


class TestGoodFiles:
    def test_csv_has_float_numbers_and_text_elsewhere(self, write: Write) -> None:
        path = write("account,asset,bucket,score,current_weight,note\n007,A,Equity/Tech, 0.5 ,1e-2,12\n7,B,,,0,\n")
        table = read_table(path)
        assert table.to_pydict() == {
            "account": ["007", "7"],
            "asset": ["A", "B"],
            "bucket": ["Equity/Tech", None],
            "score": [0.5, None],
            "current_weight": [0.01, 0.0],
            "note": ["12", None],
        }
        assert table.schema.field("score").type == pa.float64()
        assert table.schema.field("note").type == pa.string()

    @pytest.mark.parametrize("number", ["0.5", ".5", "+0.5", " 0.5", "0.5\t", "5e-1", "5.E-1", "\u00a00.5"])
    def test_numbers_as_they_are_written(self, write: Write, number: str) -> None:
        assert read_table(write(f"asset,score\nA,{number}\n"))["score"].to_pylist() == [0.5]

    @pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
    @pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
    def test_byte_order_mark_line_ends_and_empty_lines(self, write: Write, newline: str, mark: bytes) -> None:
        path = write(mark + newline.join(["asset,score", "Ä,0.5", "", "B,0.6", "", ""]).encode())
        assert read_table(path).to_pydict() == {"asset": ["Ä", "B"], "score": [0.5, 0.6]}

    def test_quoted_cells_hold_commas_quotes_and_lines(self, write: Write) -> None:
        path = write('asset,score\n"A, ""one""",0.5\n"B\nB",0.6\n')
        assert read_table(path)["asset"].to_pylist() == ['A, "one"', "B\nB"]

    @pytest.mark.parametrize("suffix", ["parquet", "pq", "PARQUET"])
    def test_parquet(self, tmp_path: Path, suffix: str) -> None:
        path = tmp_path / f"candidates.{suffix}"
        pyarrow.parquet.write_table(TABLE, path)
        assert read_table(path).equals(TABLE)

    def test_a_folder_named_like_a_partition_adds_no_column(self, tmp_path: Path) -> None:
        path = tmp_path / "year=2022" / "candidates.parquet"
        path.parent.mkdir()
        pyarrow.parquet.write_table(TABLE, path)
        assert read_table(path).column_names == TABLE.column_names

    @pytest.mark.parametrize("suffix", ["arrow", "feather", "ipc"])
    @pytest.mark.parametrize("kind", ["file", "stream", "feather"])
    def test_arrow(self, tmp_path: Path, suffix: str, kind: str) -> None:
        path = tmp_path / f"candidates.{suffix}"
        write_arrow(TABLE, path, kind)
        assert read_table(str(path)).equals(TABLE)

    def test_what_is_read_can_be_rebalanced(self, write: Write) -> None:
        table = read_table(write("account,asset,score,current_weight\n1,A,0.7,0.5\n1,B,,0.1\n"))
        candidates = read(table, RebalancingLimits(), many=False)
        assert not candidates.faults
        assert candidates.accounts == ["1"]


def write_arrow(table: pa.Table, path: Path, kind: str) -> None:
    if kind == "feather":
        pyarrow.feather.write_feather(table, str(path))
        return
    new = pa.ipc.new_file if kind == "file" else pa.ipc.new_stream
    with new(str(path), table.schema) as writer:
        writer.write_table(table)


class TestFilesThatCannotBeRead:
    def test_missing(self, tmp_path: Path) -> None:
        path = tmp_path / "none.csv"
        assert str(refusal(path)) == f"{path}: there is no such file: check the path"

    def test_missing_with_its_folder(self, tmp_path: Path) -> None:
        path = tmp_path / "none" / "none.csv"
        assert str(refusal(path)) == f"{path}: there is no such file: check the path"

    def test_folder(self, tmp_path: Path) -> None:
        path = tmp_path / "folder.csv"
        path.mkdir()
        assert the_fault(path).problem == "is a folder"

    def test_pipe(self, tmp_path: Path) -> None:
        path = tmp_path / "pipe.csv"
        os.mkfifo(path)
        assert the_fault(path).problem == "is a device or a pipe"

    def test_permission_denied(self, write: Write) -> None:
        path = write("asset,score\nA,0.5\n")
        path.chmod(0)
        is_root = os.geteuid() == 0
        if is_root:
            os.seteuid(65534)
        try:
            fault = the_fault(path)
        finally:
            if is_root:
                os.seteuid(0)
        assert "permission denied" in fault.problem

    @pytest.mark.parametrize("name", ["x" * 400 + ".csv", "nul\0.csv"])
    def test_impossible_names(self, name: str) -> None:
        assert "cannot be read" in the_fault(name).problem

    @pytest.mark.parametrize("name", ["candidates.xls", "candidates.tsv", "candidates.csv.gz", "candidates"])
    def test_unknown_suffix(self, write: Write, name: str) -> None:
        fault = the_fault(write("asset,score\nA,0.5\n", name))
        assert "suffix" in fault.problem
        assert ".csv" in fault.advice
        assert ".feather" in fault.advice

    @pytest.mark.parametrize(
        ("content", "name", "problem"),
        [
            (b"PAR1 and more", "x.csv", "is named like CSV but holds Parquet"),
            (b"ARROW1 and more", "x.csv", "is named like CSV but holds Arrow"),
            (b"ARROW1 and more", "x.parquet", "is named like Parquet but holds Arrow"),
            (b"PAR1 and more", "x.feather", "is named like Arrow but holds Parquet"),
            (b"asset,score\nA,0.5\n", "x.parquet", "is named like Parquet but does not begin like Parquet"),
            (b"asset,score\nA,0.5\n", "x.arrow", "is named like Arrow but does not begin like Arrow"),
            (b"PK\x03\x04 xl/workbook.xml", "x.csv", "is named like CSV but holds Excel"),
            (b"\x1f\x8b packed", "x.csv", "is named like CSV but holds gzip"),
            (b"FEA1 old", "x.feather", "is named like Arrow but holds Feather version 1"),
            ("asset,score".encode("utf-16"), "x.csv", "is named like CSV but holds UTF-16 text"),
        ],
    )
    def test_suffix_and_content_disagree(self, write: Write, content: bytes, name: str, problem: str) -> None:
        assert the_fault(write(content, name)).problem == problem

    def test_the_advice_names_the_right_suffix(self, write: Write) -> None:
        assert the_fault(write(b"PAR1 and more")).advice == "give it the suffix .parquet or .pq"

    @pytest.mark.parametrize("name", ["x.csv", "x.parquet", "x.arrow"])
    def test_empty(self, write: Write, name: str) -> None:
        assert the_fault(write(b"", name)).problem == "is empty"

    @pytest.mark.parametrize("content", [b"\n\n", b"\xef\xbb\xbf"])
    def test_csv_without_content(self, write: Write, content: bytes) -> None:
        assert the_fault(write(content)).problem == "is empty"

    def test_only_a_header(self, write: Write, tmp_path: Path) -> None:
        assert the_fault(write("asset,score\n")).problem == "has no rows"
        path = tmp_path / "x.parquet"
        pyarrow.parquet.write_table(TABLE.slice(0, 0), path)
        assert the_fault(path).problem == "has no rows"

    @pytest.mark.parametrize("kind", ["parquet", "arrow", "stream"])
    def test_damaged_files_are_refused_or_read_never_a_crash(self, tmp_path: Path, kind: str) -> None:
        path = tmp_path / ("x.parquet" if kind == "parquet" else "x.arrow")
        if kind == "parquet":
            pyarrow.parquet.write_table(TABLE, path)
        else:
            write_arrow(TABLE, path, "file" if kind == "arrow" else kind)
        whole = path.read_bytes()
        rng = random.Random(1)
        refused = 0
        for trial in range(300):
            index = rng.randrange(8, len(whole))
            damaged = whole[:index] if trial % 2 else whole[:index] + bytes([rng.randrange(256)]) + whole[index + 1 :]
            path.write_bytes(damaged)
            try:
                read_table(path)
            except InputError:
                refused += 1
        assert refused > 100

    def test_cut_off(self, tmp_path: Path) -> None:
        path = tmp_path / "x.parquet"
        pyarrow.parquet.write_table(TABLE, path)
        path.write_bytes(path.read_bytes()[:-20])
        fault = the_fault(path)
        assert fault.problem.startswith("is damaged or truncated (")
        assert fault.advice == "write the Parquet file again"


class TestBadText:
    def test_nul_byte(self, write: Write) -> None:
        fault = the_fault(write(b"asset,score\nA\0,0.5\n"))
        assert (fault.problem, fault.line) == ("is not a text file: a NUL byte at byte 13", 2)

    @pytest.mark.parametrize(("mark", "place"), [(b"", 13), (b"\xef\xbb\xbf", 16)])
    def test_other_encoding(self, write: Write, mark: bytes, place: int) -> None:
        fault = the_fault(write(mark + "asset,score\nAÄ,0.5\n".encode("latin-1")))
        assert fault.problem == f"is not a text file: a byte that is not UTF-8, b'\\xc4' at byte {place}"
        assert fault.line == 2

    @pytest.mark.parametrize(("separator", "name"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")])
    def test_other_separator(self, write: Write, separator: str, name: str) -> None:
        fault = the_fault(write(f"asset{separator}score\nA{separator}0,5\n"))
        assert fault.problem == f"is separated by {name}"
        assert "commas" in fault.advice

    def test_ragged_rows_are_all_named(self, write: Write) -> None:
        faults = refusal(write('asset,score\n"A\nA",0.5\nB\n\nC,0,5\nD,0.5\n')).faults
        assert [(fault.row, fault.line, fault.problem) for fault in faults] == [
            (2, 4, "the row has 1 cell and the header 2"),
            (3, 6, "the row has 3 cells and the header 2"),
        ]

    def test_quote_not_closed(self, write: Write) -> None:
        fault = the_fault(write('asset,score\nA,0.5\n"B,0.6\nC,0.7\n'))
        assert fault.problem.startswith("a quote is not closed, or closes too early")
        assert (fault.row, fault.line) == (2, 3)

    def test_quote_closed_too_early(self, write: Write) -> None:
        fault = the_fault(write('asset,score\n"B" b,0.6\n'))
        assert (fault.row, fault.line) == (1, 2)

    def test_quote_not_closed_in_the_header(self, write: Write) -> None:
        fault = the_fault(write('asset,"score\nA,0.5\n'))
        assert (fault.row, fault.line) == (None, 1)

    @pytest.mark.parametrize(
        ("header", "problem", "column"),
        [
            ("asset,score,", "column 3 has no name", None),
            (" ,score,x", "column 1 has no name", None),
            ("asset,score,asset", "appears twice in the header", "asset"),
        ],
    )
    def test_header(self, write: Write, header: str, problem: str, column: str | None) -> None:
        fault = the_fault(write(f"{header}\nA,0.5,1\n"))
        assert (fault.problem, fault.column, fault.line) == (problem, column, 1)

    def test_header_of_an_arrow_file(self, tmp_path: Path) -> None:
        path = tmp_path / "x.arrow"
        write_arrow(pa.table([["A"], [0.5], [0.6]], names=["asset", "score", "score"]), path, "file")
        assert the_fault(path).column == "score"

    @pytest.mark.parametrize("name", ["asset", "score"])
    def test_long_cell(self, write: Write, name: str) -> None:
        cells = {"asset": "A", "score": "0.5"} | {name: "1" * 10_001}
        fault = the_fault(write(f"asset,score\nX,1\n{cells['asset']},{cells['score']}\n"))
        assert (fault.row, fault.column) == (2, name)
        assert fault.problem == "the cell is longer than 10000 characters"

    def test_huge_cell_leaves_the_csv_module_as_it_was(self, write: Write) -> None:
        before = csv.field_size_limit()
        fault = the_fault(write("asset,score\nX,1\n" + "A" * 10_000_000 + ",1\n"))
        assert (fault.problem, fault.row, fault.line) == ("a cell is far too long", 2, 3)
        assert csv.field_size_limit() == before

    @pytest.mark.parametrize(
        ("cell", "problem"),
        [
            ("12,5 %", "has a comma"),
            ("%", "is not a number"),
            ("12%%", "is not a number"),
            ("%12", "is not a number"),
            ("0,5", "has a comma"),
            ("-,5", "has a comma"),
            ("0,125", "has a comma"),
            ("1,234", "may be thousands or a decimal comma"),
            ("#N/A", "is an error of the spreadsheet"),
            ("#DIV/0!", "is an error of the spreadsheet"),
            ("1,23,456", "is not a number"),
            ("1.234,5", "has thousands separators"),
            ("1 234", "has thousands separators"),
            ("1_000", "has thousands separators"),
            ("1'234.50", "has thousands separators"),
            ("nan", "is not a number"),
            ("N/A", "is not a number"),
            ("null", "is not a number"),
            ("inf", "is infinite"),
            ("-Infinity", "is infinite"),
            ("1e999", "is too large"),
            ("high", "is not a number"),
            ("0x1F", "is not a number"),
            ("٣", "is not a number"),
            ("1 2", "is not a number"),
            (".", "is not a number"),
        ],
    )
    def test_cell_that_is_no_number(self, write: Write, cell: str, problem: str) -> None:
        fault = the_fault(write(f'asset,score\nA,0.5\nB,"{cell}"\n'))
        assert (fault.problem, fault.column, fault.row, fault.line, fault.value) == (problem, "score", 2, 3, cell)

    @pytest.mark.parametrize(
        ("cell", "number"),
        [
            ("12%", 0.12),
            ("12.5 %", 0.125),
            ("100%", 1.0),
            ("0%", 0.0),
            ("7%", 0.07),
            ("0.1%", 0.001),
        ],
    )
    def test_a_percent_is_its_fraction(self, write: Write, cell: str, number: float) -> None:
        """The float next to the fraction as written, not one that a division is out by."""
        assert read_table(write(f"asset,score,note\nA,{cell},{cell}\n")).to_pylist() == [
            {"asset": "A", "score": number, "note": cell}
        ]

    @pytest.mark.parametrize(
        ("cell", "number"), [("1,234.5", 1234.5), ("1,234,567", 1234567.0), ("-1,234.50%", -12.345)]
    )
    def test_thousands_separators_that_mean_one_thing(self, write: Write, cell: str, number: float) -> None:
        assert read_table(write(f'asset,score\nA,"{cell}"\n'))["score"].to_pylist() == [number]

    def test_every_bad_cell_is_a_fault_in_the_order_of_the_rows(self, write: Write) -> None:
        path = write("asset,score,current_weight\nA,0.5,bad\nB,12 pct,0\nC,x,y\n")
        error = refusal(path)
        assert [(fault.row, fault.column) for fault in error.faults] == [
            (1, "current_weight"),
            (2, "score"),
            (3, "score"),
            (3, "current_weight"),
        ]
        assert str(error) == (
            f"{path}, row 1, line 2, column 'current_weight': is not a number (received 'bad'): "
            "write a number such as 0.25, or leave the cell empty (and 3 more of this kind or others)"
        )


SCORES = "asset,score,volatility\nB,0.7,0.2\nA,0.9,0.3\nN,0.8,\n"
HOLDINGS = "asset,current_weight,restriction\nX,0.2,no_sell\nA,0.3,\nY,0.1,\n"
BUCKETS = "asset,bucket\nA,Tech\nX,Bonds\nZ,Gold\nB,Tech\n"


@pytest.fixture
def files(write: Write) -> Callable[..., list[Path]]:
    def written(scores: str = SCORES, holdings: str = HOLDINGS, buckets: str = BUCKETS) -> list[Path]:
        return [write(scores, "scores.csv"), write(holdings, "holdings.csv"), write(buckets, "buckets.csv")]

    return written


def join_fault(paths: list[Path]) -> Fault:
    with pytest.raises(InputError) as caught:
        join_tables(*paths)
    return caught.value.faults[0]


class TestJoin:
    def test_three_files(self, files: Callable[..., list[Path]]) -> None:
        joined = join_tables(*files())
        assert joined.table.to_pydict() == {
            "asset": ["B", "A", "N", "X", "Y"],
            "score": [0.7, 0.9, 0.8, None, None],
            "volatility": [0.2, 0.3, None, None, None],
            "current_weight": [0.0, 0.3, 0.0, 0.2, 0.1],
            "restriction": [None, None, None, "no_sell", None],
            "bucket": ["Tech", "Tech", None, "Bonds", None],
        }
        assert joined.unscored == ("X", "Y")
        assert joined.unclassified == ("Y", "N")
        assert joined.unused == ("Z",)
        assert not read(joined.table, RebalancingLimits(), many=False).faults

    def test_without_buckets(self, files: Callable[..., list[Path]]) -> None:
        joined = join_tables(*files()[:2])
        assert "bucket" not in joined.table.column_names
        assert (joined.unclassified, joined.unused) == ((), ())

    def test_shares_that_are_no_number_are_held(self, files: Callable[..., list[Path]]) -> None:
        """Only a known 0 is not held; the valuation refuses the text where it stands."""
        joined = join_tables(*files(holdings="asset,shares\nX,ten\nY,0\n"))
        assert joined.unscored == ("X",)
        assert joined.table["shares"].to_pylist() == ["0", "0", "0", "ten", "0"]

    def test_kinds_may_differ(self, files: Callable[..., list[Path]], tmp_path: Path) -> None:
        scores, _, buckets = files()
        holdings = tmp_path / "holdings.parquet"
        table = pa.table({"asset": pa.array(["A", "X"]).dictionary_encode(), "current_weight": pa.array([0, 1])})
        pyarrow.parquet.write_table(table, holdings)
        joined = join_tables(scores, holdings, buckets)
        assert joined.table["current_weight"].to_pylist() == [0.0, 0.0, 0.0, 1.0]

    @pytest.mark.parametrize(
        ("changed", "file", "column", "row", "problem"),
        [
            ({"scores": "asset,scores\nA,1\n"}, 0, "score", None, "the column is missing"),
            ({"holdings": "name,current_weight\nA,1\n"}, 1, "asset", None, "the column is missing"),
            ({"buckets": "asset,sector\nA,Tech\n"}, 2, "bucket", None, "the column is missing"),
            (
                {"scores": "account,asset,score\n1,A,1\n2,A,1\n"},
                0,
                "account",
                None,
                "there are 2 accounts, and this command takes one",
            ),
            ({"scores": SCORES + "A,0.1,\n"}, 0, "asset", 4, "the asset is in row 2 already"),
            ({"holdings": HOLDINGS + "X,0.1,\n"}, 1, "asset", 4, "the asset is in row 1 already"),
            ({"buckets": BUCKETS + "B,Tech\n"}, 2, "asset", 5, "the asset is in row 4 already"),
            ({"scores": SCORES + ",0.1,\n"}, 0, "asset", 4, "the asset has no name"),
            ({"holdings": HOLDINGS + "W,,\n"}, 1, "current_weight", 4, "is missing"),
            ({"holdings": HOLDINGS + "W,1 pct,\n"}, 1, "current_weight", 4, "is not a number"),
        ],
    )
    def test_faults_name_file_column_and_row(
        self,
        files: Callable[..., list[Path]],
        changed: dict[str, str],
        file: int,
        column: str,
        row: int | None,
        problem: str,
    ) -> None:
        paths = files(**changed)
        fault = join_fault(paths)
        assert (fault.source, fault.column, fault.row, fault.problem) == (str(paths[file]), column, row, problem)

    def test_a_column_in_two_files(self, files: Callable[..., list[Path]]) -> None:
        paths = files(scores="asset,score,bucket\nA,0.5,Tech\n")
        fault = join_fault(paths)
        assert (fault.source, fault.column) == (str(paths[2]), "bucket")
        assert fault.problem == f"the column is in {paths[0]} too"

    @pytest.mark.parametrize(
        ("holdings", "column"),
        [
            (pa.table({"asset": ["A"], "current_weight": ["much"]}), "current_weight"),
            (pa.table({"asset": [1], "current_weight": [0.5]}), "asset"),
        ],
    )
    def test_columns_of_the_wrong_type(
        self, files: Callable[..., list[Path]], tmp_path: Path, holdings: pa.Table, column: str
    ) -> None:
        path = tmp_path / "holdings.parquet"
        pyarrow.parquet.write_table(holdings, path)
        fault = join_fault([files()[0], path])
        assert (fault.source, fault.column) == (str(path), column)

    def test_later_faults_can_be_placed_in_their_file(self, files: Callable[..., list[Path]]) -> None:
        paths = files(holdings="asset,current_weight\nX,0.2\nY,0.1\nA,-0.3\n")
        joined = join_tables(*paths)
        (fault,) = read(joined.table, RebalancingLimits(), many=False, any_accounts=True).faults[0]
        assert (fault.source, fault.row) == (None, 2)
        located = joined.located(fault)
        assert (located.source, located.row, located.column) == (str(paths[1]), 3, "current_weight")
        placed = located_row(joined, Fault("has no score", "score it", column="score", row=4))
        assert placed == (str(paths[0]), None)
        assert located_row(joined, Fault("sums to 2", "divide", column="current_weight")) == (str(paths[1]), None)
        assert located_row(joined, Fault("something else", "mend it", row=1)) == (None, 1)


def located_row(joined: Joined, fault: Fault) -> tuple[str | None, int | None]:
    located = joined.located(fault)
    return located.source, located.row


class TestLongText:
    """A small file cannot make a huge table by repeating one long name."""

    @pytest.mark.parametrize("kind", ["parquet", "arrow", "stream"])
    @pytest.mark.parametrize("column", ["asset", "bucket", "note"])
    @pytest.mark.parametrize("text", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
    def test_a_cell_as_long_as_a_document_is_refused(
        self, tmp_path: Path, kind: str, column: str, text: pa.DataType
    ) -> None:
        for length, refused in ((10_000, False), (10_001, True)):
            values: dict[str, list[Any]] = {
                "asset": ["A", "B"],
                "bucket": ["T", None],
                "note": ["", "x"],
                "score": [0.9, 0.8],
            }
            values[column][1] = "\u00e4" * length
            table = pa.table({name: pa.array(cells) for name, cells in values.items()})
            position = table.column_names.index(column)
            table = table.set_column(position, column, table[column].cast(pa.string()).combine_chunks().cast(text))
            path = tmp_path / f"x.{'parquet' if kind == 'parquet' else 'arrow'}"
            if kind == "parquet":
                pyarrow.parquet.write_table(table, path)
            else:
                new = pa.ipc.new_file if kind == "arrow" else pa.ipc.new_stream
                with pa.OSFile(str(path), "wb") as sink, new(sink, table.schema) as writer:
                    writer.write_table(table)
            if refused:
                with pytest.raises(InputError, match=rf"column '{column}': a cell has 10,001 characters"):
                    read_table(path)
            else:
                assert read_table(path).equals(table)
