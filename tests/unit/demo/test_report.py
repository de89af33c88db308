"""The demonstration's document and tables."""

from __future__ import annotations

import msgspec
import pytest
from rich.console import Console

from p4kube.bench.ab import AbRun
from p4kube.bench.quantiles import Percentiles
from p4kube.demo import report
from p4kube.demo.checks import Check
from p4kube.demo.connections import Outcome
from p4kube.demo.programming import Programming
from p4kube.demo.report import Burst, DemoReport, Scaling
from p4kube.demo.shares import NodeRow

BURST = Burst(5000, 0, 2.5, [NodeRow("node1", 4, 57.142857, 2860, 57.2), NodeRow("node4", 0, 0.0, 0, 0.0)])


def runs(*means: float) -> list[AbRun]:
    return [AbRun(1000, 500, 0, mean, Percentiles(1000, (mean,) * 100)) for mean in means]


TIMES = report.request_times(
    500,
    "node1",
    {
        "vip": runs(80.0, 80.0, 400.0),
        "nodePort": runs(100.0, 100.0, 500.0),
        "direct": runs(78.0, 40.0, 500.0),
    },
)
SCALINGS = [Scaling(7, 10, 2.0, Programming(4, 2.5, 6.0)), Scaling(10, 3, 6.0, Programming(0, 0.0, 0.0))]
TRAFFIC = Outcome(2000, 0, 0.05, 50, 4000, 30, 20, 0, {})


def shown(show: object, *arguments: object) -> str:
    console = Console(width=140)
    with console.capture() as captured:
        show(console, *arguments)  # type: ignore[operator]
    return captured.get()


def test_ratios_compare_runs_of_the_same_round() -> None:
    assert TIMES.ratios["vip/nodePort"] == pytest.approx(0.8)
    assert TIMES.ratios["nodePort/direct"] == pytest.approx(100 / 78)
    assert TIMES.ways["vip"].mean == pytest.approx(560 / 3)


def test_tables_show_the_figures() -> None:
    spread = shown(report.show_burst, "10.77.200.1:80", BURST)
    assert "57.1 %" in spread
    assert "none failed" in spread
    times = shown(report.show_request_times, TIMES)
    assert "NodePort of node1" in times
    assert "VIP / NodePort 0.80" in times
    assert "share this machine's cores" in times
    scaling = shown(report.show_scaling, SCALINGS, Programming(4, 2.5, 6.0), TRAFFIC)
    assert "7 → 10" in scaling
    assert "6.0 ms" in scaling
    assert "0 broken at a surviving replica" in scaling


def test_a_failed_check_is_marked() -> None:
    text = shown(report.show_checks, [Check("shares", True, "fine"), Check("connections", False, "2 broke")])
    assert "FAILED connections: 2 broke" in text
    assert "FAILED shares" not in text


def test_the_document_reads_back() -> None:
    found = DemoReport(
        "10.77.200.1:80", BURST, TIMES, SCALINGS, Programming(4, 2.5, 6.0), TRAFFIC,
        [Check("shares", True, "fine")], True, 61.0,
    )  # fmt: skip
    assert msgspec.json.decode(msgspec.json.encode(found), type=DemoReport) == found
