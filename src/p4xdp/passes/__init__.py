"""Optimisations on the IR."""

from __future__ import annotations

from p4xdp.ir.nodes import Program


def optimize(program: Program) -> Program:
    return program
