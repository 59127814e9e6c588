"""The REST service under load: how many rebalances a second, how long the slowest take, memory, and a stop while busy.

Starts `trimtab serve` on a free port and asks it over keep-alive connections, all on this machine. Since other work on the
machine stretches times, the CPU time that the service spends on a request is printed beside them.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple, Self

from harness import options

from trimtab.store.run_store import Filter
from trimtab.store.sql_store import SqlStore
from trimtab.store.verification import verify

KEY = "the-token-of-the-benchmark"
SECTORS, HELD = 8, 20


class Reply(NamedTuple):
    """The status and the body of an answer."""

    status: int
    body: bytes


class Connection:
    """One keep-alive connection, as light as it can be: the client must not be the bottleneck."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def ask(self, request: bytes) -> Reply:
        """The answer to a request."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        lines = head.decode().lower().split("\r\n")
        size = next(int(line.partition(":")[2]) for line in lines if line.startswith("content-length"))
        return Reply(int(lines[0].split()[1]), await self._reader.readexactly(size))

    async def answered(self, request: bytes) -> None:
        """Ask, and end the benchmark if the answer is a problem."""
        reply = await self.ask(request)
        if reply.status >= 300:
            raise SystemExit(f"status {reply.status}: {reply.body.decode()}")


def request(port: int, path: str, body: Any = None, key: str = "") -> bytes:
    data = b"" if body is None else json.dumps(body).encode()
    lines = [
        f"{'GET' if body is None else 'POST'} /api/v1{path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        f"Authorization: Bearer {KEY}",
        "Content-Type: application/json",
        f"Content-Length: {len(data)}",
        *([f"Idempotency-Key: {key}"] if key else []),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


def account(rng: random.Random, size: int) -> dict[str, Any]:
    """A body with one account: the first of its candidates are held."""
    rows = [
        {
            "asset": f"A{number:03}",
            "bucket": f"Equity/S{rng.randrange(SECTORS)}",
            "score": round(rng.random(), 3),
            "current_weight": round(0.9 / HELD, 4) if number < HELD else 0.0,
        }
        for number in range(size)
    ]
    return {"candidates": rows, "limits": {"enable_bucket_diversification": True, "bucket_level": 2}}


def shares(rng: random.Random, size: int) -> dict[str, Any]:
    """The same account in shares."""
    body = account(rng, size)
    for number, row in enumerate(body["candidates"]):
        del row["current_weight"]
        row |= {"shares": 100 if number < HELD else 0, "price": f"{rng.randrange(1000, 20000) / 100}"}
    return {**body, "cash": "5000"}


def mixed(port: int, rng: random.Random, size: int) -> list[bytes]:
    """One request of every operation that computes; each plan is stored as a run of its own."""
    one, held = account(rng, size), shares(rng, size)
    many = [{"account": name, **row} for name in "VWXYZ" for row in one["candidates"]]
    return [
        request(port, "/rebalance", one),
        request(port, "/check", one),
        request(port, "/explain", {**one, "assets": ["A000", f"A{size - 1:03}"]}),
        request(port, "/rebalance-many", {"candidates": many, "limits": one["limits"]}),
        request(port, "/plan", held),
        request(port, "/limits/describe", {"limits": one["limits"]}),
        request(port, "/runs"),
        request(port, "/metrics"),
    ]


class Server:
    """`trimtab serve` in a process of its own."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.store = folder / "runs.db"
        command = [sys.executable, "-m", "trimtab", "serve", "--port", str(self.port), "--store", str(self.store)]
        environment = {**os.environ, "TRIMTAB_TOKEN": KEY}
        self.process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)

    def cpu_seconds(self) -> float:
        """The CPU time of the process so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> float:
        """Resident megabytes."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    async def wait(self) -> None:
        """Until the first answers: rules may have to be compiled."""
        while True:
            try:
                async with Connection(self.port) as connection:
                    rng = random.Random(0)
                    for path, body in (("/rebalance", account(rng, 50)), ("/plan", shares(rng, 50))):
                        if (await connection.ask(request(self.port, path, body))).status >= 300:
                            break
                    else:
                        return
            except OSError:
                pass
            await asyncio.sleep(0.5)


def percentile(times: list[float], share: float) -> float:
    return sorted(times)[min(len(times) - 1, int(share * len(times)))]


async def flat_out(server: Server, bodies: list[bytes], connections: int, seconds: float) -> str:
    """Every connection asks again as soon as it is answered."""
    times: list[float] = []
    end, cpu = time.perf_counter() + seconds, server.cpu_seconds()

    async def one_after_another(number: int) -> None:
        async with Connection(server.port) as connection:
            turn = number
            while time.perf_counter() < end:
                began = time.perf_counter()
                await connection.answered(bodies[turn % len(bodies)])
                times.append(time.perf_counter() - began)
                turn += connections

    await asyncio.gather(*map(one_after_another, range(connections)))
    spent = (server.cpu_seconds() - cpu) / len(times) * 1e3
    return f"flat out: {len(times) / seconds:.0f} a second; {spent:.2f} ms of CPU time a request ({1e3 / spent:.0f} a second a core)"


async def paced(server: Server, bodies: list[bytes], connections: int, rate: float, seconds: float) -> str:
    """A request every 1 / rate seconds, whether or not the last was answered; its time counts from when it was due."""
    times: list[float] = []
    free: asyncio.Queue[Connection] = asyncio.Queue()
    opened = [await Connection(server.port).__aenter__() for _ in range(connections)]
    for connection in opened:
        free.put_nowait(connection)
    cpu, memory, began = server.cpu_seconds(), server.memory(), time.perf_counter()

    async def ask(number: int) -> None:
        due = began + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        connection = await free.get()
        await connection.answered(bodies[number % len(bodies)])
        free.put_nowait(connection)
        times.append(time.perf_counter() - due)

    count, at_once = int(rate * seconds), int(rate * 60)
    for begin in range(0, count, at_once):  # a minute's tasks at a time
        await asyncio.gather(*(ask(number) for number in range(begin, min(count, begin + at_once))))
        print(f"  after {begin / rate + 60:.0f} s: {server.memory():.0f} MB", flush=True)
    for connection in opened:
        await connection.__aexit__()
    figures = ", ".join(
        f"p{share * 100:g} {percentile(times, share) * 1e3:.0f} ms" for share in (0.5, 0.9, 0.99, 0.999)
    )
    spent = (server.cpu_seconds() - cpu) / len(times) * 1e3
    grown = server.memory() - memory
    return (
        f"{rate:g} a second for {seconds:g} s: {figures}; {spent:.2f} ms of CPU time a request; memory {grown:+.0f} MB"
    )


async def stopped_while_busy(server: Server, connections: int, seconds: float) -> str:
    """Plans are asked for until the service is told to stop; each that was answered must be in the store."""
    answered: list[str] = []
    unanswered = 0

    async def plans(number: int) -> None:
        nonlocal unanswered
        rng = random.Random(number)
        try:
            async with Connection(server.port) as connection:
                while True:
                    reply = await connection.ask(
                        request(server.port, "/plan", shares(rng, 20), f"{number}-{rng.random()}")
                    )
                    if reply.status == 201:
                        answered.append(json.loads(reply.body)["run_id"])
        except (OSError, asyncio.IncompleteReadError):
            unanswered += 1

    tasks = [asyncio.create_task(plans(number)) for number in range(connections)]
    await asyncio.sleep(seconds)
    began = time.perf_counter()
    server.process.send_signal(signal.SIGTERM)
    await asyncio.gather(*tasks)
    await asyncio.to_thread(server.process.wait)
    taken = time.perf_counter() - began
    store = SqlStore(str(server.store))
    stored = {record.run_id for record in store.records(Filter(kinds=("plan",)))}
    faults = verify(store).faults
    store.close()
    lost = [run for run in answered if run not in stored]
    return (
        f"stopped while busy: {len(answered)} plans answered, {len(lost)} lost, {len(faults)} faults in the chain, "
        f"{unanswered} connections ended, stopped in {taken:.1f} s"
    )


async def measure(chosen: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        try:
            await server.wait()
            rng = random.Random(chosen.seed)
            bodies = [request(server.port, "/rebalance", account(rng, chosen.candidates)) for _ in range(40)]
            print(await flat_out(server, bodies, chosen.connections, chosen.flat_out), flush=True)
            paced_bodies = mixed(server.port, rng, chosen.candidates) if chosen.mixed else bodies
            print(await paced(server, paced_bodies, chosen.connections, chosen.rate, chosen.seconds), flush=True)
            print(await stopped_while_busy(server, 4, 2.0), flush=True)
        finally:
            server.process.kill()
            server.process.wait()


if __name__ == "__main__":
    asyncio.run(
        measure(
            options(
                __doc__, candidates=50, connections=16, flat_out=10.0, rate=100.0, seconds=60.0, mixed=False, seed=1
            )
        )
    )
