"""Apache's `ab`, whose figures the literature quotes: how it is called and what it says.

Its mean is "Time per request (mean)": concurrency times duration, divided by the number of requests.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, median

import msgspec

from p4kube.bench.quantiles import Percentiles, merged_quantile


class AbError(Exception):
    """`ab` failed or wrote something else than expected; says what it printed."""


class AbRun(msgspec.Struct, frozen=True):
    """One run; times in milliseconds. `failed` counts requests without a complete 2xx answer."""

    requests: int
    concurrency: int
    failed: int
    mean: float
    percentiles: Percentiles


class Figure(msgspec.Struct, frozen=True):
    """Mean and 99th percentile, in milliseconds, of all requests of some runs."""

    requests: int
    failed: int
    mean: float
    p99: float


def argv(url: str, requests: int, concurrency: int, table: Path, source: str) -> list[str]:
    """The command line of a run from the address `source` that writes its percentiles to `table`.

    Bodies may differ in length (-l), and a reset connection counts as failed instead of ending the run (-r).
    """
    return ["ab", "-l", "-r", "-q", "-s", "30", "-B", source, "-n", str(requests), "-c", str(concurrency),
            "-e", str(table), url]  # fmt: skip


def parse(output: str, table: str) -> AbRun:
    """What a run printed, and the table of percentiles that it wrote. Raises AbError."""
    complete = int(_number(output, "Complete requests"))
    failed = int(_number(output, "Failed requests")) + int(_number(output, "Non-2xx responses", "0"))
    values = tuple(
        float(line.split(",")[1]) for line in table.splitlines() if re.match(r"\d+,[\d.]+$", line.strip())
    )
    if not values:
        raise AbError(f"ab wrote no percentiles; it printed:\n{output.strip()}")
    mean = float(_number(output, "Time per request"))
    concurrency = int(_number(output, "Concurrency Level"))
    return AbRun(complete, concurrency, failed, mean, Percentiles(complete, values))


def _number(output: str, label: str, default: str | None = None) -> str:
    found = re.search(rf"^{re.escape(label)}:\s+([\d.]+)", output, re.MULTILINE)
    if found:
        return found[1]
    if default is None:
        raise AbError(f"ab did not say '{label}'; it printed:\n{output.strip()[-2000:]}")
    return default


def side_by_side(runs: Sequence[AbRun]) -> AbRun:
    """Several that ran at the same time, or took turns, as the one run that they were parts of."""
    requests = sum(run.requests for run in runs)
    mean = sum(run.mean * run.requests for run in runs) / requests
    values = tuple(merged_quantile([r.percentiles for r in runs], p / 100) for p in range(100))
    return AbRun(
        requests,
        sum(run.concurrency for run in runs),
        sum(run.failed for run in runs),
        mean,
        Percentiles(requests, values),
    )


def figure(runs: Sequence[AbRun]) -> Figure:
    """All runs of one target together. Runs of equal length count alike."""
    return Figure(
        sum(run.requests for run in runs),
        sum(run.failed for run in runs),
        fmean(run.mean for run in runs),
        merged_quantile([run.percentiles for run in runs], 0.99),
    )


def ratio(runs: Sequence[AbRun], others: Sequence[AbRun]) -> float:
    """How the mean times compare: the median over the rounds of `runs` / `others` in the same round.

    Two runs of one round had the same machine; what else that did in another round has no say.
    """
    return median(run.mean / other.mean for run, other in zip(runs, others, strict=True))
