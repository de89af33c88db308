"""Random programs behave in the kernel as they do in the simulator."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from p4xdp.runtime import open_device
from p4xdp.targets.sim import SimDevice
from p4xdp.targets.xdp import XdpOptions, compile_program

from .ir_random import Generator, fill

pytestmark = [pytest.mark.root, pytest.mark.skipif(os.geteuid() != 0, reason="loads BPF programs")]

EXAMPLES = int(os.environ.get("P4XDP_EXAMPLES", "25"))
CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]


@pytest.mark.parametrize("relayout", [False, True], ids=["in-place", "relayout"])
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=CHECKS, print_blob=True)
@given(seed=st.integers(0, 1 << 40))
def test_same_as_the_simulator(tmp_path: Path, relayout: bool, seed: int) -> None:
    compare(Generator(Random(seed), relayout=relayout), tmp_path)


def compare(generator: Generator, folder: Path) -> None:
    program = generator.program()
    sim = SimDevice(program)
    compile_program(program, folder / "p.o", emit_c=folder / "p.c", options=XdpOptions(mode="test"))
    with open_device(folder / "p.o") as kernel:
        fill(generator, program.tables, (sim, kernel))
        for number in range(12):
            data, port = generator.packet(), generator.random.randrange(4)
            for device in (sim, kernel):
                device.set_time(number * 1000)
            expected, got = sim.send(port, data), kernel.send(port, data)
            if not expected or len(expected[0].data) >= 14:
                assert got == expected, f"packet {number}: {data.hex()} at port {port}"
            for register in program.registers:
                for index in range(register.size):
                    assert kernel.register_read(register.name, index) == sim.register_read(
                        register.name, index
                    )
            for index in range(4):
                assert kernel.counter_read("C.count", index) == sim.counter_read("C.count", index)
