"""Every pass leaves what a program does as it was: random programs, random packets, on the simulator."""

from __future__ import annotations

import os
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.dataplane.ir_random import Generator, fill

from p4xdp.passes import PASSES, optimize
from p4xdp.passes.propagate import propagate
from p4xdp.targets.sim import SimDevice

EXAMPLES = int(os.environ.get("P4XDP_EXAMPLES", "60"))


@pytest.mark.parametrize("run", [*dict.fromkeys(PASSES), optimize], ids=lambda run: run.__name__)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
@given(seed=st.integers(0, 1 << 40))
def test_nothing_changes(run: object, seed: int) -> None:
    generator = Generator(Random(seed), relayout=True)
    program = generator.program()
    changed = run(program)  # type: ignore[operator]
    before, after = SimDevice(program), SimDevice(changed)
    fill(generator, program.tables, (before, after))
    for number in range(10):
        data, port = generator.packet(), generator.random.randrange(4)
        for device in (before, after):
            device.set_time(number * 1000)
        assert after.send(port, data) == before.send(port, data), f"packet {number}: {data.hex()} at {port}"
    for register in program.registers:
        cells = range(register.size)
        assert [after.register_read(register.name, i) for i in cells] == [
            before.register_read(register.name, i) for i in cells
        ]


def test_propagation_settles() -> None:
    """A second run finds little: it does not go back and forth."""
    for seed in range(5):
        program = Generator(Random(seed), relayout=True).program()
        once = propagate(propagate(program))
        assert propagate(once).ingress == once.ingress
