"""The data plane's own figures: time per packet, throughput, compile time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import msgspec
from rich.console import Console
from rich.table import Table

from p4kube.bench import compile_time, facts, packet_time, throughput
from p4kube.bench.compile_time import CompileTime
from p4kube.bench.facts import Facts
from p4kube.bench.packet_time import LIMIT_NS, PacketTime
from p4kube.bench.throughput import Throughput
from p4kube.switch.compilation import shipped

Say = Callable[[str], None]


class DataplaneReport(msgspec.Struct, frozen=True, rename="camel"):
    """`within_limit`: the TCP request costs at most `limit_ns`."""

    facts: Facts
    limit_ns: float
    within_limit: bool
    packets: list[PacketTime]
    throughput: Throughput
    compile: CompileTime


def measure(say: Say) -> DataplaneReport:
    """All three. Raises LabError, P4Error, CompilerError, LoadError, BenchError and BadFrame."""
    source = shipped()
    compiled = compile_time.measure(source, say)
    packets = packet_time.measure(source, say)
    stream = throughput.measure(say)
    return DataplaneReport(facts.gather(), LIMIT_NS, packets[0].net <= LIMIT_NS, packets, stream, compiled)


def show(console: Console, found: DataplaneReport) -> None:
    """For people: each figure beside what it is compared with."""
    say = partial(console.print, soft_wrap=True)
    say("[bold]Time per packet[/] in the kernel, median over rounds of test runs")
    table = Table(box=None, padding=(0, 2))
    for i, column in enumerate(("path", "net", "from – to", "as measured", "empty XDP_TX")):
        table.add_column(column, justify="left" if i == 0 else "right", no_wrap=True)
    for each in found.packets:
        table.add_row(
            each.path, f"{each.net:.1f} ns", f"{each.lowest:.1f} – {each.highest:.1f}",
            f"{each.whole:.1f} ns", f"{each.empty:.1f} ns",
        )  # fmt: skip
    console.print(table)
    verdict = "[green]kept[/]" if found.within_limit else "[red]exceeded[/]"
    say(
        f"  limit for a TCP request in stable state: {found.limit_ns:g} ns, {verdict}; "
        f"{found.packets[0].instructions} BPF instructions\n"
        "  [dim]Net: less what restoring the packet between two runs and the kernel's own loop cost.[/]"
    )
    stream = found.throughput
    say(
        f"\n[bold]Throughput[/] of one TCP stream with frames of {stream.mtu} bytes, in turns, median of "
        f"{stream.rounds}\n"
        f"  {stream.balanced:.2f} Gbit/s through the VIP in XDP, {stream.forwarded:.2f} Gbit/s forwarded "
        f"by the kernel: ratio {stream.ratio:.2f}"
    )
    compiled = found.compile
    say(
        f"\n[bold]Compiling[/] p4/p4kube.p4: {compiled.own:.2f} s from P4 to C, {compiled.whole:.2f} s with "
        f"{compiled.compiler}"
    )
    say(f"\n[dim]{found.facts.cores} cores, {found.facts.processor}, Linux {found.facts.kernel}[/]")
