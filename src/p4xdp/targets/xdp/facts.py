"""What is known at a point of the program on every path that leads there.

The emitter carries one `Facts` along, forks it at branches and joins it after them. What is known need not be
tested at run time; what is not known is. `None` in place of Facts means that no path leads here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from p4xdp.ir import nodes as ir


@dataclass(slots=True)
class Facts:
    """`valid` and `touched` map header names to what is known (absent: unknown). A header is touched once it
    has been extracted, written or made valid: before that its fields are 0 and it has no bytes anywhere.
    `resident`: it has been extracted, so its bytes are in the packet (else in scratch memory if touched).
    `clock`: the time has been read; `scratch`: the scratch memory has been looked up; `offset`: the
    parser's position in bytes."""

    valid: dict[str, bool] = field(default_factory=dict)
    touched: dict[str, bool] = field(default_factory=dict)
    resident: dict[str, bool] = field(default_factory=dict)
    clock: bool | None = False
    scratch: bool | None = False
    offset: int | None = 0

    def fork(self) -> Facts:
        maps = (dict(self.valid), dict(self.touched), dict(self.resident))
        return Facts(*maps, self.clock, self.scratch, self.offset)


def join(left: Facts | None, right: Facts | None) -> Facts | None:
    """What holds on both paths."""
    if left is None or right is None:
        return left if right is None else right
    return Facts(
        _common(left.valid, right.valid),
        _common(left.touched, right.touched),
        _common(left.resident, right.resident),
        left.clock if left.clock is right.clock else None,
        left.scratch if left.scratch is right.scratch else None,
        left.offset if left.offset == right.offset else None,
    )


def _common(left: dict[str, bool], right: dict[str, bool]) -> dict[str, bool]:
    return {name: value for name, value in left.items() if right.get(name) is value}


def refine(facts: Facts, condition: ir.Expr, holds: bool, implied: Mapping[str, frozenset[str]]) -> None:
    """Adds to `facts` what follows from `condition` being `holds`.

    `implied` says which headers have been extracted if one is valid that only extraction makes valid.
    """
    match condition:
        case ir.Unary("!", operand):
            refine(facts, operand, not holds, implied)
        case ir.Binary("&&", left, right) if holds:
            refine(facts, left, True, implied)
            refine(facts, right, True, implied)
        case ir.Binary("||", left, right) if not holds:
            refine(facts, left, False, implied)
            refine(facts, right, False, implied)
        case ir.IsValid(header):
            facts.valid[header.name] = holds
            if holds:
                facts.touched[header.name] = True
                for name in implied.get(header.name, ()):
                    facts.touched[name] = facts.resident[name] = True
        case _:
            pass
