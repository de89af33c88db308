"""Several ways to the same pods, measured with `ab` in turns, so that what else the machine does hits all."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from p4kube.bench import ab
from p4kube.bench.ab import AbError, AbRun
from p4kube.lab import Lab, LabError, layout, netns

Ways = Mapping[str, Sequence[str]]
"""URLs by the name of the way; several URLs of one way are used in equal parts."""
Say = Callable[[str], None]

_FIRST_HOST = 100


def order(names: Sequence[str], round_: int) -> list[str]:
    """The order of one round: each way comes first, second, … equally often, forwards and backwards."""
    start = round_ // 2 % len(names)
    turned = [*names[start:], *names[:start]]
    return turned[::-1] if round_ % 2 else turned


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
    runs: dict[str, list[AbRun]] = {name: [] for name in names}
    with client_addresses(len(names)) as addresses:
        source = dict(zip(names, addresses, strict=True))
        for name in names:
            _run(lab, source[name], ways[name], max(concurrency, requests // 4), concurrency)
        for i in range(rounds):
            say(f"request time at concurrency {concurrency}: round {i + 1} of {rounds}")
            for name in order(names, i):
                runs[name].append(_run(lab, source[name], ways[name], requests, concurrency))
    return runs


@contextmanager
def client_addresses(count: int) -> Iterator[list[str]]:
    """Addresses of the client, one for each way.

    With one address for all, a pod would see a connection that came to it directly and one that came through
    the VIP as the same while it remembers the first (TIME-WAIT, 60 s), and take the second for an old one:
    a second of delay that is the measurement's own making.
    """
    subnet, link = layout.CLIENT_LINK.subnet, layout.UPLINK
    addresses = [str(subnet[_FIRST_HOST + i]) for i in range(count)]
    ends = [f"{address}/{subnet.prefixlen} dev {link}" for address in addresses]
    try:
        netns.ip_batch(layout.CLIENT, [f"address replace {end}" for end in ends])
        yield addresses
    finally:
        if netns.exists(layout.CLIENT):
            for end in ends:
                with suppress(LabError):
                    netns.ip_batch(layout.CLIENT, [f"address del {end}"])


def _run(lab: Lab, source: str, urls: Sequence[str], requests: int, concurrency: int) -> AbRun:
    if len(urls) == 1:
        return _ab(lab, source, urls[0], requests, concurrency)
    shares = list(zip(urls, parts(requests, len(urls)), strict=True))
    if concurrency < len(urls):
        return ab.side_by_side([_ab(lab, source, url, count, concurrency) for url, count in shares])
    levels = parts(concurrency, len(urls))
    with ThreadPoolExecutor(len(urls)) as pool:
        running = [
            pool.submit(_ab, lab, source, url, count, level)
            for (url, count), level in zip(shares, levels, strict=True)
        ]
        return ab.side_by_side([each.result() for each in running])


def _ab(lab: Lab, source: str, url: str, requests: int, concurrency: int) -> AbRun:
    with tempfile.TemporaryDirectory(prefix="p4kube-ab-") as folder:
        table = Path(folder) / "percentiles.csv"
        argv = ab.argv(url, requests, min(concurrency, requests), table, source)
        try:
            done = lab.run_in("client", argv, timeout=120)
        except subprocess.TimeoutExpired:
            raise AbError(f"`{' '.join(argv)}` did not end within 120 s") from None
        if done.returncode != 0:
            missing = " (Debian: apache2-utils)" if done.returncode == 127 else ""
            raise AbError(f"`{' '.join(argv)}` failed{missing}: {done.stderr.strip()[-1000:]}")
        return ab.parse(done.stdout, table.read_text())
