"""P4 programs do with random packets in the kernel what they do in the simulator.

Each program's STF file fills both devices and gives the packets that random ones are bred from.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from p4xdp.device import Device
from p4xdp.driver import build_ir
from p4xdp.ir.nodes import Program
from p4xdp.runtime import open_device
from p4xdp.source import Unsupported
from p4xdp.stf import Command, parse, run
from p4xdp.stf.syntax import Packet
from p4xdp.targets.sim import SimDevice
from p4xdp.targets.xdp import XdpOptions, compile_program

pytestmark = [pytest.mark.root, pytest.mark.skipif(os.geteuid() != 0, reason="loads BPF programs")]

ROOT = Path(__file__).parents[2]
PROGRAMS = {
    p.stem: (p.with_suffix(".p4"), p) for p in sorted((ROOT / "tests/dataplane/programs").glob("*.stf"))
}
PROGRAMS |= {
    f"p4kube-{name}": (ROOT / "p4/p4kube.p4", ROOT / f"p4/tests/{name}.stf")
    for name in ("services", "transitions", "updates")
}
PACKETS = int(os.environ.get("P4XDP_PACKETS", "400"))
SHORTEST, LONGEST = 14, 1500


@dataclass
class Pair:
    program: Program
    sim: Device
    kernel: Device
    seeds: list[Packet]


@pytest.fixture(params=PROGRAMS)
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pair]:
    """Both devices after the program's own tests."""
    source, stf = PROGRAMS[request.param]
    program = build_ir(source)
    try:
        compile_program(program, tmp_path / "p.o", options=XdpOptions(mode="test"))
    except Unsupported as refused:
        pytest.skip(f"XDP refuses it: {refused.message}")
    commands: list[Command] = parse(stf.read_text(), str(stf))
    sim = SimDevice(program)
    with open_device(tmp_path / "p.o") as kernel:
        for device in (sim, kernel):
            assert not run(commands, device, program)
        yield Pair(program, sim, kernel, [c for c in commands if isinstance(c, Packet)])


@pytest.mark.parametrize("seed", [1, 2])
def test_same_packets_and_same_state(pair: Pair, seed: int) -> None:
    random = Random(seed)
    clock = 10_000_000
    for number in range(PACKETS):
        port, data = offspring(random, pair.seeds)
        clock += random.choice((0, 1, 1000, 5_000_000))
        for device in (pair.sim, pair.kernel):
            device.set_time(clock)
        expected = pair.sim.send(port, data)
        if expected and not SHORTEST <= len(expected[0].data) <= LONGEST:
            pair.kernel.send(port, data)
            continue
        assert pair.kernel.send(port, data) == expected, f"packet {number} at port {port}: {data.hex()}"
    for register in pair.program.registers:
        for index in range(min(register.size, 64)):
            ours = pair.sim.register_read(register.name, index)
            assert pair.kernel.register_read(register.name, index) == ours, f"{register.name}[{index}]"
    for counter in pair.program.counters:
        for index in range(min(counter.size, 64)):
            counted = pair.sim.counter_read(counter.name, index)
            assert pair.kernel.counter_read(counter.name, index) == counted, f"{counter.name}({index})"


def offspring(random: Random, seeds: list[Packet]) -> tuple[int, bytes]:
    """A packet like one of the seeds: some bytes or bits changed, cut short, or made longer."""
    parent = random.choice(seeds)
    data = bytearray(parent.data)
    for _ in range(random.choice((0, 1, 1, 2, 5))):
        place = random.randrange(len(data))
        data[place] = random.choice((data[place] ^ 1 << random.randrange(8), 0, 0xFF, random.randrange(256)))
    if random.random() < 0.2:
        data = data[: random.randrange(SHORTEST, len(data) + 1)]
    if random.random() < 0.2:
        data += random.randbytes(random.randrange(40))
    return random.choice((parent.port, random.randrange(4))), bytes(data)
