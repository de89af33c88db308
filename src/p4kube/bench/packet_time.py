"""Nanoseconds per packet of the data plane, in the kernel, on each path that a packet can take."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from p4kube.bench import scene
from p4kube.wire.message import Write
from p4xdp.device import Device
from p4xdp.driver import build_ir
from p4xdp.runtime import bench

# What a packet of an established TCP connection to a VIP may cost.
LIMIT_NS = 100.0

Say = Callable[[str], None]


class PacketTime(msgspec.Struct, frozen=True, rename="camel"):
    """Medians over the rounds, in nanoseconds: `net` of restoring the packet between runs, the whole as
    measured, and an empty program that only sends the packet back. `lowest` and `highest` are of `net`."""

    path: str
    net: float
    lowest: float
    highest: float
    whole: float
    empty: float
    instructions: int


def measure(source: Path, say: Say, *, rounds: int = 15, repeat: int = 200_000) -> list[PacketTime]:
    """One figure for each path. Raises BadFrame if a packet does not come out as it must, BenchError."""
    say("measuring packets: compiling")
    program, writes = build_ir(source), scene.writes()
    found = []
    for case in scene.cases():
        say(f"measuring packets: {case.name}")
        result = bench.run(
            program, _setup(writes), case.frame, case.sender.port, rounds=rounds, repeat=repeat
        )
        scene.verify(case, result.output)
        found.append(
            PacketTime(
                path=case.name,
                net=round(result.net.median, 1),
                lowest=round(result.net.lowest, 1),
                highest=round(result.net.highest, 1),
                whole=round(result.program.median, 1),
                empty=round(result.empty.median, 1),
                instructions=result.instructions,
            )
        )
    return found


def _setup(writes: list[Write]) -> Callable[[Device], None]:
    return lambda device: scene.fill(device, writes)
