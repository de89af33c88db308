"""The demonstration's findings: as one document for machines, as tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from p4kube.bench import ab
from p4kube.bench.ab import AbRun, Figure
from p4kube.demo.checks import Check
from p4kube.demo.connections import Outcome
from p4kube.demo.programming import Programming
from p4kube.demo.shares import NodeRow


class Burst(msgspec.Struct, frozen=True, rename="camel"):
    """Requests one after the other on new connections."""

    requests: int
    failed: int
    seconds: float
    nodes: list[NodeRow]


class RequestTimes(msgspec.Struct, frozen=True, rename="camel"):
    """Figures by way: "vip", "nodePort", "direct". `ratios` are of mean times, round by
    round (see `p4kube.bench.ab.ratio`)."""

    concurrency: int
    node: str
    ways: dict[str, Figure]
    ratios: dict[str, float]


class Scaling(msgspec.Struct, frozen=True, rename="camel"):
    """One scaling: `seconds` until all pods were as wanted, and how fast the data plane followed."""

    before: int
    after: int
    seconds: float
    programming: Programming


class DemoReport(msgspec.Struct, frozen=True, rename="camel"):
    """All of it. `passed`: every check held."""

    vip: str
    burst: Burst
    request_times: RequestTimes
    scalings: list[Scaling]
    programming: Programming
    traffic: Outcome
    checks: list[Check]
    passed: bool
    seconds: float


def request_times(concurrency: int, node: str, runs: Mapping[str, Sequence[AbRun]]) -> RequestTimes:
    figures = {name: ab.figure(each) for name, each in runs.items()}
    pairs = (("vip", "nodePort"), ("vip", "direct"), ("nodePort", "direct"))
    ratios = {f"{one}/{other}": ab.ratio(runs[one], runs[other]) for one, other in pairs}
    return RequestTimes(concurrency, node, figures, ratios)


def show_burst(console: Console, vip: str, burst: Burst) -> None:
    _line(
        console,
        f"\n[bold]Spread[/]: {burst.requests} requests to {vip}, each on a new connection, "
        f"in {burst.seconds:.1f} s; {_failed(burst.failed)}",
    )
    table = _table("node", "replicas", "expected", "requests", "measured")
    for row in burst.nodes:
        table.add_row(
            row.node, str(row.replicas), f"{row.expected:.1f} %", str(row.requests), f"{row.measured:.1f} %"
        )
    console.print(table)


def show_request_times(console: Console, times: RequestTimes) -> None:
    _line(console, f"\n[bold]Request time[/]: ab with {times.concurrency} requests at a time, run in turns")
    table = _table("way", "requests", "failed", "mean", "99 %")
    labels = {"vip": "VIP", "nodePort": f"NodePort of {times.node}", "direct": "straight to a pod"}
    for name, figure in times.ways.items():
        mean, p99 = f"{figure.mean:.1f} ms", f"{figure.p99:.1f} ms"
        table.add_row(labels[name], str(figure.requests), str(figure.failed), mean, p99)
    console.print(table)
    ratios = times.ratios
    _line(
        console,
        f"  VIP / NodePort {ratios['vip/nodePort']:.2f}, VIP / straight {ratios['vip/direct']:.2f}, "
        f"NodePort / straight {ratios['nodePort/direct']:.2f} (mean times; median of the rounds)\n"
        "  [dim]Client, switch, nodes and pods share this machine's cores: the servers' and the client's own "
        "work is in every figure.[/]",
    )


def show_scaling(console: Console, scalings: list[Scaling], total: Programming, traffic: Outcome) -> None:
    _line(console, "\n[bold]Scaling under load[/]: API to data plane")
    table = _table("replicas", "pods as wanted after", "endpoint changes", "median", "worst")
    for each in scalings:
        table.add_row(
            f"{each.before} → {each.after}", f"{each.seconds:.1f} s", *_programming(each.programming)
        )
    if len(scalings) > 1:
        table.add_row("all", "", *_programming(total))
    console.print(table)
    _line(
        console,
        "  [dim]From the API server's event for the changed EndpointSlice, seen by a watch beside it or by\n"
        "  the controller's, whichever was first, to the switch's acknowledgement of the update packets\n"
        "  (in the controller's log, to the millisecond).[/]",
    )
    _line(
        console,
        f"  {traffic.requests} requests on new connections meanwhile: {_failed(traffic.failed)}, "
        f"the slowest took {1000 * traffic.slowest:.0f} ms\n"
        f"  {traffic.kept} kept connections with {traffic.kept_requests} requests: {traffic.survived} alive, "
        f"{traffic.ended} ended with their deleted pod, {traffic.broken} broken at a surviving replica",
    )


def show_checks(console: Console, checks: list[Check]) -> None:
    console.print()
    for check in checks:
        mark = "[green]ok    [/]" if check.passed else "[red]FAILED[/]"
        _line(console, f"{mark} {check.name}: {escape(check.detail)}")


def _line(console: Console, text: str) -> None:
    """Text that is already broken into lines: a narrow terminal may break them again, we do not."""
    console.print(text, soft_wrap=True)


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 2))
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if i == 0 else "right", no_wrap=True)
    return table


def _programming(found: Programming) -> tuple[str, str, str]:
    if not found.changes:
        return "0", "–", "–"
    return str(found.changes), f"{found.median_ms:.1f} ms", f"{found.worst_ms:.1f} ms"


def _failed(number: int) -> str:
    return "none failed" if number == 0 else f"[red]{number} failed[/]"
