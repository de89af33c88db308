"""Optimisations on the IR, each a function from program to program.

They take out what a target could not see through or should not have to: copies left by inlining,
branches decided at compile time, storage that nobody reads. What any C compiler does is left to it.
"""

from __future__ import annotations

from collections.abc import Callable

from p4xdp.ir.nodes import Program
from p4xdp.passes.branches import tidy_branches
from p4xdp.passes.dead import remove_dead
from p4xdp.passes.propagate import propagate
from p4xdp.passes.states import merge_states

PASSES: tuple[Callable[[Program], Program], ...] = (
    merge_states,
    tidy_branches,
    propagate,
    remove_dead,
    tidy_branches,
    merge_states,
)

__all__ = ["PASSES", "merge_states", "optimize", "propagate", "remove_dead", "tidy_branches"]


def optimize(program: Program) -> Program:
    """The same program, smaller."""
    for run in PASSES:
        program = run(program)
    return program
