"""Folding does not change values: every expression of random programs, built again from its leaves."""

from __future__ import annotations

import os
from dataclasses import fields, replace
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.dataplane.ir_random import Generator

from p4xdp.ir import nodes as ir
from p4xdp.passes.rewrite import Leaf, rewrite, with_bodies, with_top_bodies
from p4xdp.targets.sim import SimDevice

EXAMPLES = int(os.environ.get("P4XDP_EXAMPLES", "60"))
EXPRESSIONS = (ir.Load, ir.Const, ir.IsValid, ir.Unary, ir.Binary, ir.Concat, ir.Slice, ir.Cast, ir.Mux)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
@given(seed=st.integers(0, 1 << 40))
def test_same_values(seed: int) -> None:
    generator = Generator(Random(seed), relayout=True)
    program = generator.program()
    before, after = SimDevice(program), SimDevice(with_top_bodies(program, rebuilt))
    for number in range(10):
        data, port = generator.packet(), generator.random.randrange(4)
        assert after.send(port, data) == before.send(port, data), f"packet {number}: {data.hex()} at {port}"


def rebuilt(body: ir.Body) -> ir.Body:
    return tuple(with_bodies(_rebuilt(s), rebuilt) for s in body)


def _rebuilt(s: ir.Statement) -> ir.Statement:
    found = {f.name: getattr(s, f.name) for f in fields(s)}
    parts = {n: rewrite(e, copied) for n, e in found.items() if isinstance(e, EXPRESSIONS)}
    return replace(s, **parts)


def copied(e: Leaf) -> ir.Expr:
    """Another object, so that all above it is built again."""
    return ir.Load(e.place) if isinstance(e, ir.Load) else ir.IsValid(e.header)
