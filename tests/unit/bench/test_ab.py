"""What is read from the words of `ab`."""

from __future__ import annotations

from pathlib import Path

import pytest

from p4kube.bench import ab
from p4kube.bench.ab import AbError, AbRun
from p4kube.bench.quantiles import Percentiles

OUTPUT = """
Document Path:          /hostname
Document Length:        Variable

Concurrency Level:      500
Time taken for tests:   0.382 seconds
Complete requests:      1000
Failed requests:        3
   (Connect: 1, Receive: 2, Length: 0, Exceptions: 0)
Non-2xx responses:      2
Total transferred:      137000 bytes
Time per request:       191.229 [ms] (mean)
Time per request:       0.382 [ms] (mean, across all concurrent requests)
"""
TABLE = "Percentage served,Time in ms\n" + "".join(f"{p},{p}.5\n" for p in range(100))


def run(mean: float, requests: int = 1000, concurrency: int = 50) -> AbRun:
    return AbRun(requests, concurrency, 0, mean, Percentiles(requests, (mean,) * 100))


def test_a_run_is_read() -> None:
    found = ab.parse(OUTPUT, TABLE)
    assert (found.requests, found.concurrency, found.failed, found.mean) == (1000, 500, 5, 191.229)
    assert found.percentiles.values[99] == 99.5


def test_other_words_are_an_error_that_shows_them() -> None:
    with pytest.raises(AbError, match="apr_socket_recv: Connection refused"):
        ab.parse("apr_socket_recv: Connection refused (111)", TABLE)
    with pytest.raises(AbError, match="no percentiles"):
        ab.parse(OUTPUT, "")


def test_the_command_names_everything() -> None:
    argv = ab.argv("http://10.0.0.1/", 1000, 500, Path("/tmp/x.csv"), "10.0.0.2")
    assert argv[0] == "ab"
    assert argv[-1] == "http://10.0.0.1/"
    assert [argv[argv.index(option) + 1] for option in ("-n", "-c", "-e", "-B")] == [
        "1000",
        "500",
        "/tmp/x.csv",
        "10.0.0.2",
    ]


def test_runs_side_by_side_are_one_run() -> None:
    found = ab.side_by_side([run(1.0, 300, 13), run(3.0, 100, 12)])
    assert (found.requests, found.concurrency, found.mean) == (400, 25, 1.5)
    assert found.percentiles.values[50] == 1.0
    assert found.percentiles.values[99] == 3.0


def test_a_figure_takes_all_runs() -> None:
    found = ab.figure([run(1.0), run(2.0)])
    assert (found.requests, found.mean, found.p99) == (2000, 1.5, 2.0)
