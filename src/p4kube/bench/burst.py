"""A number of requests as fast as they go, each on a connection of its own."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator

from p4kube.bench.http import RequestFailed, Target, connect, exchange, request_bytes
from p4kube.bench.traffic import BurstReport, Failure


async def one_request(target: Target, request: bytes, seconds: float) -> str:
    """One request on a new connection, at most `seconds` long. Raises RequestFailed."""
    try:
        async with asyncio.timeout(seconds):
            sock = await connect(target)
            try:
                return await exchange(sock, request)
            finally:
                sock.close()
    except TimeoutError:
        raise RequestFailed(f"no answer within {seconds:g} s") from None


async def burst(target: Target, path: str, count: int, concurrency: int, seconds: float) -> BurstReport:
    """`count` requests, `concurrency` of them at a time."""
    request = request_bytes(target, path, keep=False)
    answers: Counter[str] = Counter()
    failures: list[Failure] = []
    turns = iter(range(count))

    async def work(turns: Iterator[int]) -> None:
        for _ in turns:
            try:
                answers[await one_request(target, request, seconds)] += 1
            except RequestFailed as error:
                failures.append(Failure(time.time(), str(error)))

    began = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for _ in range(min(concurrency, count)):
            group.create_task(work(turns))
    return BurstReport(count, time.monotonic() - began, dict(answers), failures)
