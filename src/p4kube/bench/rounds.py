"""Several ways to the same pods, measured with `ab` in turns, so that what else the machine does hits all."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from p4kube.bench import ab
from p4kube.bench.ab import AbError, AbRun
from p4kube.lab import Lab

Ways = Mapping[str, Sequence[str]]
"""URLs by the name of the way; several URLs of one way are used in equal parts."""
Say = Callable[[str], None]


def order(names: Sequence[str], round_: int) -> list[str]:
    """The order of one round: each way comes first, second, … equally often."""
    start = round_ % len(names)
    return [*names[start:], *names[:start]]


def parts(total: int, count: int) -> list[int]:
    """`total` in `count` parts that differ by at most one."""
    return [total // count + (i < total % count) for i in range(count)]


def measure(
    lab: Lab, ways: Ways, *, requests: int, concurrency: int, rounds: int, say: Say
) -> dict[str, list[AbRun]]:
    """`rounds` runs of every way, from the client's namespace, after one shorter run that is not counted.

    Raises AbError.
    """
    names = list(ways)
    for name in names:
        _run(lab, ways[name], max(concurrency, requests // 4), concurrency)
    runs: dict[str, list[AbRun]] = {name: [] for name in names}
    for i in range(rounds):
        say(f"request time at concurrency {concurrency}: round {i + 1} of {rounds}")
        for name in order(names, i):
            runs[name].append(_run(lab, ways[name], requests, concurrency))
    return runs


def _run(lab: Lab, urls: Sequence[str], requests: int, concurrency: int) -> AbRun:
    shares = parts(requests, len(urls))
    if len(urls) == 1:
        return _ab(lab, urls[0], requests, concurrency)
    if concurrency < len(urls):
        return ab.side_by_side([_ab(lab, u, n, concurrency) for u, n in zip(urls, shares, strict=True)])
    levels = parts(concurrency, len(urls))
    with ThreadPoolExecutor(len(urls)) as pool:
        return ab.side_by_side(
            list(pool.map(lambda each: _ab(lab, *each), zip(urls, shares, levels, strict=True)))
        )


def _ab(lab: Lab, url: str, requests: int, concurrency: int) -> AbRun:
    with tempfile.TemporaryDirectory(prefix="p4kube-ab-") as folder:
        table = Path(folder) / "percentiles.csv"
        argv = ab.argv(url, requests, min(concurrency, requests), table)
        try:
            done = lab.run_in("client", argv, timeout=120)
        except subprocess.TimeoutExpired:
            raise AbError(f"`{' '.join(argv)}` did not end within 120 s") from None
        if done.returncode != 0:
            missing = " (Debian: apache2-utils)" if done.returncode == 127 else ""
            raise AbError(f"`{' '.join(argv)}` failed{missing}: {done.stderr.strip()[-1000:]}")
        return ab.parse(done.stdout, table.read_text())
