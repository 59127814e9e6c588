"""The REST service under attack: wrong tokens, other sites, bodies beyond the bounds, and bytes made to break readers."""

from __future__ import annotations

import asyncio
import json
import random
import stat
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow as pa
import pytest
from hostile_names import PAYLOADS
from rest_clients import EXAMPLES, TOKEN, Client, serving, stream
from thorough import mostly_thorough
from web_visits import BASE, KEY, PORT

from trimtab.errors import BrokenLimitError, DamagedError, Fault, LockedError, SetupError, UnmetLimitError
from trimtab.store.sql_store import SqlStore
from trimtab.web.api import deciding, problems
from trimtab.web.api.arrow_bodies import MEDIA_TYPE
from trimtab.web.api.operations import OPERATIONS, Operation
from trimtab.web.api.problems import ApiError
from trimtab.web.api.schemas import component_schemas
from trimtab.web.api.workers import Worker
from trimtab.web.audit import AuditLog
from trimtab.web.service import Bounds

DECIDE, PLAN = EXAMPLES["rebalance"], EXAMPLES["plan"]
ROWS = DECIDE["candidates"]
PROBLEM = jsonschema.Draft202012Validator(component_schemas()["Problem"])
WRONG_TOKENS = [
    "",
    "Bearer",
    "Bearer ",
    "Bearer x",
    f"Basic {KEY}",
    f"Bearer {KEY}x",
    f"Bearer  {KEY}",
    KEY,
    "Bearer \u00e9",
]
HOSTS = ["evil.example", f"evil.example:{PORT}", f"127.0.0.1:{PORT + 1}", f"[::1]:{PORT}", ""]
PATHS = ["/", "/v2/rebalance", "/v1", "/v1/", "/v1/rebalance/", "/v1/Rebalance", "/v1/../../etc/passwd", "/v1/%2e%2e/runs",
         "/v1/runs/..%2f..%2fetc%2fpasswd", "/v1/runs/a/b", "/v1/runs/%00", "/v1/limits"]  # fmt: skip
NOT_JSON = [b"", b"{", b"[]", b"1", b"null", b"\xff\xfe{}", b"{}{}", b'{"candidates": NaN}', b'{"candidates": -Infinity}',
            b'{"limits": {}, "limits": {}}', b'{"preset": "\\ud800"}', b"[" * 100_000, b'{"candidates": ' + b"9" * 5_000 + b"}",
            b'{"candidates": [{"asset": "A", "asset": "B", "score": 1}]}', b"<xml/>"]  # fmt: skip
BAD_MEMBERS: list[dict[str, Any]] = [
    {"candidates": {}}, {"candidates": None}, {"candidates": [1]}, {"candidates": []}, {"candidates": "AAA"},
    {"candidates": [{"asset": "A", "score": [1]}]}, {"candidates": [{"asset": {"a": 1}, "score": 1}]}, {"limits": []},
    {"limits": {"max_total_position": 3}}, {"limits": {"buckets": {"Tech": 3}}}, {"limits": {"max_total_positions": 10**400}},
    {"preset": 3}, {"preset": "../../etc/passwd"}, {"preset": None}, {"candidate": []}, {"correlations": 7},
    {"correlations": [{"asset": "AAA", "other": "BBB", "correlation": 9}]},
    {"candidates": [{"asset": "A", "score": 1e999}]}, {"candidates": [{"asset": "A", "score": True}]},
    {"candidates": [{"asset": 5, "score": 1}]}, {"candidates": [{"asset": "A", "score": 1, "current_weight": None}]},
]  # fmt: skip
HUGE = ["1e999999999", "1e-999999999", "9" * 5_000, "nan", "inf", "-1e400", "0x10", "1_0"]
EXACT_COLUMNS = ("price", "shares", "lot", "min_notional")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with serving(tmp_path_factory.mktemp("attacks") / "runs.db") as opened:
        yield opened


def problem(answer: Any, status: int) -> dict[str, Any]:
    """The problem of an answer, which must have this status, the schema, and no place of this computer."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == problems.MEDIA_TYPE
    document: dict[str, Any] = answer.json()
    assert [error.message for error in PROBLEM.iter_errors(document)] == [] and document["status"] == status
    assert "/tmp" not in answer.text and ".py" not in answer.text and "Traceback" not in answer.text
    return document


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_without_the_token_nothing_is_answered(client: Client, operation: Operation) -> None:
    path = f"/api/v1{operation.path.replace('{run}', 'latest')}"
    for header in WRONG_TOKENS if not operation.is_open else ():
        answer = client.http.request(
            operation.method, path, json=operation.example, headers={"Authorization": header.encode()}
        )
        assert problem(answer, 401)["type"] == "urn:trimtab:problem:unauthorized"
        assert answer.headers["www-authenticate"] == "Bearer"


def test_a_session_of_the_page_is_no_token(client: Client) -> None:
    client.http.get(f"/?key={KEY}")
    problem(client.http.post("/api/v1/rebalance", json=DECIDE, headers={"Origin": BASE}), 401)
    client.http.cookies.clear()


@pytest.mark.parametrize("host", HOSTS)
def test_another_host_is_refused(client: Client, host: str) -> None:
    problem(client.post("/rebalance", DECIDE, Host=host), 421)


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_another_site_is_refused(client: Client, headers: dict[str, str]) -> None:
    problem(client.post("/rebalance", DECIDE, **headers), 403)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])
def test_other_methods_are_refused(client: Client, method: str) -> None:
    answer = client.http.request(method, "/api/v1/rebalance", headers=TOKEN)
    problem(answer, 405)
    assert answer.headers["allow"] == "POST"
    assert client.http.request("POST", "/api/v1/runs", headers=TOKEN).headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("path", PATHS)
def test_no_path_leads_out(client: Client, path: str) -> None:
    answer = client.http.get(f"/api{path}", headers=TOKEN)
    assert answer.status_code in (404, 422) and "root:" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("body", NOT_JSON, ids=range(len(NOT_JSON)))
def test_bodies_that_are_not_json(client: Client, body: bytes) -> None:
    problem(client.post("/rebalance", body), 400)


@pytest.mark.parametrize("change", BAD_MEMBERS, ids=range(len(BAD_MEMBERS)))
def test_members_that_cannot_be_used(client: Client, change: dict[str, Any]) -> None:
    body = json.dumps({**DECIDE, **change}).replace("Infinity", "1e999").encode()
    assert problem(client.post("/rebalance", body), 422)["faults"]


@pytest.mark.parametrize("column", EXACT_COLUMNS)
@pytest.mark.parametrize("text", mostly_thorough(HUGE, 1))
def test_numbers_made_to_fill_the_memory(client: Client, column: str, text: str) -> None:
    rows = [{**PLAN["candidates"][0], column: text}]
    began = time.process_time()
    answer = client.post("/plan", {"candidates": rows, "cash": "1"})
    assert answer.status_code == 422 or text in ("1e-999999999", "1_0"), answer.text
    problem(client.post("/plan", {**PLAN, "cash": "1e999999999"}), 422)
    problem(client.post("/plan", {**PLAN, "cash_flow": 10**12}), 422)
    assert time.process_time() - began < 5


def test_a_client_that_leaves_is_not_answered(client: Client) -> None:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = {"host": f"127.0.0.1:{PORT}", "content-type": "application/json", "authorization": TOKEN["Authorization"]}
    scope = {"type": "http", "method": "POST", "path": "/api/v1/rebalance", "query_string": b"", "scheme": "http",
             "headers": [(name.encode(), value.encode()) for name, value in headers.items()]}  # fmt: skip
    asyncio.run(client.http.app(scope, receive, send))  # type: ignore[arg-type]
    assert sent == []
    assert 'operation="rebalance",status="499"' in client.get("/metrics").text


def test_a_fault_comes_with_its_place(client: Client) -> None:
    rows = [*ROWS[:2], {**ROWS[2], "score": 42}]
    fault = problem(client.post("/rebalance", {**DECIDE, "candidates": rows}), 422)["faults"][0]
    assert (fault["row"], fault["column"], fault["value"]) == (3, "score", 42) and fault["advice"]
    faults = problem(client.post("/rebalance", {"limits": {"max_total_positions": 0}, **DECIDE, "today": 3}), 422)[
        "faults"
    ]
    assert faults[0]["file"] == "body" and faults[0]["column"] == "today"
    both = problem(client.post("/rebalance", {**DECIDE, "limits": {"max_total_positions": 0, "typo": 1}}), 422)[
        "faults"
    ]
    assert len(both) == 2 and {fault["file"] for fault in both} == {"limits"}
    lots = [{"asset": "AAA", "lot_id": "1", "shares": "18", "cost": "x", "acquired": "2026-01-02"}]
    fault = problem(client.post("/plan", {**PLAN, "today": "2026-03-02", "tax_lots": lots}), 422)["faults"][0]
    assert (fault["file"], fault["row"], fault["column"]) == ("tax_lots", 1, "cost")
    strict = {**DECIDE, "limits": {**DECIDE["limits"], "min_buckets_represented": 9, "on_unmet": "raise"}}
    assert problem(client.post("/rebalance", strict), 422)["type"] == "urn:trimtab:problem:unmet"
    mixed = [{**PLAN["candidates"][0], "note": 1}, {**PLAN["candidates"][1], "note": "a"}]
    assert problem(client.post("/plan", {**PLAN, "candidates": mixed}), 422)["faults"][0]["column"] == "note"
    priced = [{**PLAN["candidates"][0], "price": True}]
    assert problem(client.post("/plan", {**PLAN, "candidates": priced}), 422)["faults"][0]["column"] == "price"
    for changes in ({"cash": True}, {"today": "soon"}, {"acknowledgements": {}}, {"acknowledgements": [1]}, {"by": 1}):
        problem(client.post("/plan", {**PLAN, **changes}), 422)
    problem(client.post("/check", {**DECIDE, "explain": "yes"}), 422)
    problem(client.post("/explain", {**DECIDE, "assets": []}), 422)
    problem(client.post("/plan", {**PLAN, "acknowledgements": [{"gate": "state", "by": "A", "why": "b"}]}), 422)


def test_more_than_the_bounds_allow() -> None:
    with serving(bounds=Bounds(body=4_000, rows=3, columns=4, accounts=2, rows_of_many=20)) as small:
        row = {"asset": "A", "score": 1}
        problem(small.post("/rebalance", {"candidates": [row] * 4}), 422)
        problem(small.post("/rebalance", {"candidates": [{f"c{number}": 1 for number in range(5)}]}), 422)
        accounts = [{**row, "account": number} for number in range(3)]
        problem(small.post("/rebalance-many", {"candidates": accounts}), 422)
        problem(small.post("/rebalance-many", {"candidates": accounts * 7}), 422)
        problem(small.post("/rebalance", b"x" * 5_000), 413)
        problem(small.post("/rebalance", DECIDE, Content_Length="-1"), 400)
        problem(small.get(f"/runs?account={'x' * 5_000}"), 414)
        wide = pa.table({f"c{number}": [1] for number in range(5)})
        problem(small.post_table("/rebalance", wide, {}), 400)
        problem(small.post_table("/rebalance", pa.table({"asset": ["A"] * 4, "score": [1.0] * 4}), {}), 400)

        def pieces() -> Iterator[bytes]:  # without Content-Length
            yield from [b"x" * 1_000] * 5

        headers = {**TOKEN, "Content-Type": "application/json"}
        problem(small.http.post("/api/v1/rebalance", content=pieces(), headers=headers), 413)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content_Type": "text/csv"}, 415), ({"Content_Type": ""}, 415), ({"Content_Encoding": "gzip"}, 415),
        ({"Content_Type": "multipart/form-data; boundary=x"}, 415), ({"Accept": "text/html"}, 406),
        ({"Accept": "application/json;q=0"}, 406), ({"Accept": ";;;,q"}, 406), ({"Idempotency_Key": "k"}, 400),
    ],
)  # fmt: skip
def test_headers_that_do_not_fit(client: Client, headers: dict[str, str], status: int) -> None:
    problem(client.post("/rebalance", DECIDE, **headers), status)


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "caf\u00e9".encode(), "a\tb"])
def test_keys_that_cannot_be_used(client: Client, key: Any) -> None:
    headers = {**TOKEN, "Idempotency-Key": key}
    problem(client.http.post("/api/v1/plan", json=PLAN, headers=headers), 400)
    twice = [("Authorization", TOKEN["Authorization"]), ("Idempotency-Key", "a"), ("Idempotency-Key", "a")]
    problem(client.http.post("/api/v1/plan", json=PLAN, headers=twice), 400)


@pytest.mark.parametrize("query", ["?a=1", "?newest=1&newest=2", "?newest[]=1"])
def test_parameters_that_are_unknown(client: Client, query: str) -> None:
    problem(client.get(f"/runs{query}"), 400)
    problem(client.post(f"/rebalance{query}", DECIDE), 400)


# ---- Arrow streams

TABLE = pa.table({"asset": ["A", "B"], "score": [0.9, 0.8], "bucket": ["Tech", "Bond"]})


def hostile_streams() -> dict[str, bytes]:
    coded = TABLE.set_column(2, "bucket", TABLE["bucket"].dictionary_encode())
    long = pa.DictionaryArray.from_arrays(pa.array([0] * 2_000, pa.int8()), pa.array(["x" * 2**15]))
    whole = stream(TABLE, {})
    return {
        "nothing": b"",
        "text": b"asset,score\nA,1\n",
        "half": whole[: len(whole) // 2],
        "head": whole[:6],
        "lz4": stream(TABLE, {}, compression="lz4"),
        "zstd": stream(TABLE, {}, compression="zstd"),
        "coded zstd": stream(coded, {}, compression="zstd"),
        "rows without bytes": stream(pa.table({"asset": pa.nulls(12_345)}), {}).replace(
            struct.pack("<q", 12_345), struct.pack("<q", 2**40)
        ),
        "lists": stream(pa.table({"asset": [["A"]]}), {}),
        "views": stream(pa.table({"asset": pa.array(["A"], pa.string_view())}), {}),
        "bytes": stream(pa.table({"asset": [b"A"]}), {}),
        "text for each row": stream(pa.table({"asset": long}), {}),
        "candidates twice": stream(TABLE, {"candidates": []}),
        "metadata of another kind": stream(TABLE.replace_schema_metadata(None), []),  # type: ignore[arg-type]
        "a length below zero": b"\xff\xff\xff\xff\xff\xff\xff\x7f" + whole[8:],
    }


STREAMS = hostile_streams()


@pytest.mark.parametrize("name", STREAMS)
def test_streams_made_to_break_their_reader(client: Client, name: str) -> None:
    problem(client.post("/rebalance", STREAMS[name], Content_Type=MEDIA_TYPE), 400)


def test_streams_that_are_read(client: Client) -> None:
    coded = TABLE.set_column(2, "bucket", TABLE["bucket"].dictionary_encode())
    dated = TABLE.append_column("day", pa.array([None, None], pa.timestamp("us")))
    for table in (TABLE, coded, dated, pa.concat_tables([TABLE.slice(0, 1), TABLE.slice(1)])):
        assert client.post_table("/rebalance", table, {"limits": {}}).status_code == 200
    bare = pa.BufferOutputStream()
    with pa.ipc.new_stream(bare, TABLE.schema) as writer:  # without metadata
        writer.write_table(TABLE)
    assert client.post("/rebalance", bare.getvalue().to_pybytes(), Content_Type=MEDIA_TYPE).status_code == 200


@pytest.mark.parametrize("seed", mostly_thorough(range(40), 1))
def test_streams_with_changed_bytes(client: Client, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(20):
        data = bytearray(stream(TABLE.set_column(2, "bucket", TABLE["bucket"].dictionary_encode()), {"limits": {}}))
        for _ in range(rng.choice([1, 1, 2, 8])):
            data[rng.randrange(len(data))] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)])
        assert client.post("/rebalance", bytes(data), Content_Type=MEDIA_TYPE).status_code in (200, 400, 422)


@pytest.mark.parametrize("name", mostly_thorough(PAYLOADS, 3))
def test_names_that_are_code_stay_names(client: Client, name: str) -> None:
    name = name.strip() or "x"
    answer = client.post("/rebalance", {"candidates": [{"asset": name, "score": 0.9, "bucket": name}]})
    assert answer.headers["x-content-type-options"] == "nosniff" and "json" in answer.headers["content-type"]
    if answer.status_code == 200:
        assert answer.json()["targets"][0]["asset"] == name
    else:
        problem(answer, 422)


# ---- faults of the service itself


def test_a_bug_is_not_shown(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deciding, "limits_schema", lambda: 1 / 0)
    assert problem(client.get("/limits/schema"), 500)["detail"] == problems.BUG
    assert client.get("/health").status_code == 200


def test_errors_as_problems(client: Client) -> None:
    service = client.http.app._service  # type: ignore[attr-defined]
    known = [
        (BrokenLimitError(["x"]), 500, 0), (UnmetLimitError(["x", "y"]), 422, 2), (SetupError("p", "a"), 422, 1),
        (DamagedError([Fault("p", "a")], f"store {service.store}"), 500, 1), (KeyError("x"), 500, 0),
    ]  # fmt: skip
    for error, status, faults in known:
        made = problems.problem_of(error, service)
        assert (made.status, len(made.faults)) == (status, faults) and str(service.store) not in str(made.document())
    assert problems.plain_value(float("inf")) == "inf" and problems.plain_value("x" * 99) != "x" * 99


def test_a_damaged_store(tmp_path: Path) -> None:
    (tmp_path / "runs.db").write_bytes(b"no store at all" * 100)
    with serving(tmp_path / "runs.db") as broken:
        problem(broken.get("/runs/abcd"), 500)
        answer = problem(broken.get("/runs"), 500)
        assert answer["type"] == "urn:trimtab:problem:store" and str(tmp_path) not in str(answer)


def test_a_locked_store(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def find(self: SqlStore, name: str) -> None:
        raise LockedError([Fault("another process is writing", "try again")], f"store {self.name}")

    monkeypatch.setattr(SqlStore, "find", find)
    assert problem(client.get("/runs/abcd"), 503)["faults"][0]["file"] == problems.STORE


def test_work_that_takes_too_long_and_work_that_waits() -> None:
    worker, go_on = Worker("test", 1), threading.Event()

    async def ask() -> list[int]:
        statuses = []
        for work, seconds in ((go_on.wait, 0.01), (int, 0.01)):
            try:
                await worker.call(work, seconds)
            except ApiError as error:
                statuses.append(error.problem.status)
        waiting = [asyncio.create_task(worker.call(int, 60)) for _ in range(80)]
        await asyncio.sleep(0.01)
        go_on.set()
        done = await asyncio.gather(*waiting, return_exceptions=True)
        return [*statuses, *(error.problem.status for error in done if isinstance(error, ApiError))]

    statuses = asyncio.run(ask())
    assert set(statuses) == {503} and len(statuses) > 2
    worker.finish()


def test_the_audit_log(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    with serving(tmp_path / "runs.db", audit=AuditLog(log)) as audited:
        run = audited.post("/plan", {**PLAN, "by": "A\nB"}, Idempotency_Key="k").json()["run_id"]
        audited.post("/rebalance", DECIDE)
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        assert [(line["operation"], line["by"], line["run"]) for line in lines] == [("plan", "A\nB", run)]
        assert lines[0]["key"] != "k" and stat.S_IMODE(log.stat().st_mode) == 0o600
        log.unlink()
        log.mkdir()
        assert problem(audited.post("/plan", PLAN), 503)["faults"][0]["file"] == "the audit log"
