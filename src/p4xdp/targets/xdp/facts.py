"""What is known at a point of the program on every path that leads there.

The emitter carries one `Facts` along, forks it at branches and joins it after them. What is known need not be
tested at run time; what is not known is. `None` in place of Facts means that no path leads here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from p4xdp.ir import nodes as ir


@dataclass(slots=True)
class Facts:
    """`valid` and `touched` map header names to what is known (absent: unknown). A header is touched once it
    has been extracted, written or made valid: before that its fields are 0 and it has no bytes anywhere.
    `resident`: it has been extracted, so its bytes are in the packet (else in scratch memory if touched).
    `clock`: the time has been read; `scratch`: the scratch memory has been looked up; `offset`: the
    parser's position in bytes; `clauses`: of each of these sets of headers one at least is valid."""

    valid: dict[str, bool] = field(default_factory=dict)
    touched: dict[str, bool] = field(default_factory=dict)
    resident: dict[str, bool] = field(default_factory=dict)
    clock: bool | None = False
    scratch: bool | None = False
    offset: int | None = 0
    clauses: frozenset[frozenset[str]] = frozenset()

    def fork(self) -> Facts:
        maps = (dict(self.valid), dict(self.touched), dict(self.resident))
        return Facts(*maps, self.clock, self.scratch, self.offset, self.clauses)


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
        left.clauses & right.clauses,
    )


def _common(left: dict[str, bool], right: dict[str, bool]) -> dict[str, bool]:
    return {name: value for name, value in left.items() if right.get(name) is value}


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds anywhere in a program. `implied`: headers that have been extracted if this one, which only
    extraction makes valid, is valid. `nonzero`: those that have been extracted if a variable is not zero,
    because all assignments of anything else stand behind their extraction (an extracted header's bytes
    stay in the packet to the end). `steady`: headers whose validity only the parser changes."""

    implied: Mapping[str, frozenset[str]] = field(default_factory=dict)
    nonzero: Mapping[str, frozenset[str]] = field(default_factory=dict)
    steady: frozenset[str] = frozenset()


def refine(facts: Facts, condition: ir.Expr, holds: bool, rules: Rules) -> None:
    """Adds to `facts` what follows from `condition` being `holds`."""
    match condition:
        case ir.Unary("!", operand):
            refine(facts, operand, not holds, rules)
        case ir.Binary("&&" | "||" as op, left, right):
            if (op == "&&") is holds:
                refine(facts, left, holds, rules)
                refine(facts, right, holds, rules)
            else:
                _refine_either(facts, left, right, holds, rules)
        case ir.IsValid(header):
            _set_valid(facts, header.name, holds, rules)
        case ir.Binary("==", ir.Load(ir.Var(name)), ir.Const(value)) if holds == (value != 0):
            _extracted(facts, rules.nonzero.get(name, ()))
        case ir.Binary("!=", ir.Load(ir.Var(name)), ir.Const(value)) if holds == (value == 0):
            _extracted(facts, rules.nonzero.get(name, ()))
        case ir.Load(ir.Var(name)) if holds:
            _extracted(facts, rules.nonzero.get(name, ()))
        case _:
            pass


def _refine_either(facts: Facts, left: ir.Expr, right: ir.Expr, holds: bool, rules: Rules) -> None:
    """At least one of two conditions is `holds`: what follows from either."""
    first, second = facts.fork(), facts.fork()
    refine(first, left, holds, rules)
    refine(second, left, not holds, rules)
    refine(second, right, holds, rules)
    both = join(first, second)
    assert both is not None
    facts.valid, facts.touched, facts.resident = both.valid, both.touched, both.resident
    names = _alternatives(ir.Binary("||", left, right, ir.BOOL)) if holds else frozenset()
    if names and names <= rules.steady:
        facts.clauses |= {names}


def _alternatives(condition: ir.Expr) -> frozenset[str]:
    """The headers of which one is valid if `condition` holds; none if that is not what it says."""
    match condition:
        case ir.IsValid(header):
            return frozenset({header.name})
        case ir.Binary("||", left, right):
            one, other = _alternatives(left), _alternatives(right)
            return one | other if one and other else frozenset()
        case _:
            return frozenset()


def _set_valid(facts: Facts, name: str, valid: bool, rules: Rules) -> None:
    facts.valid[name] = valid
    if valid:
        facts.touched[name] = True
        _extracted(facts, rules.implied.get(name, ()))
        return
    for clause in facts.clauses:
        if name in clause:
            left = [other for other in clause if facts.valid.get(other) is not False]
            if len(left) == 1 and facts.valid.get(left[0]) is None:
                _set_valid(facts, left[0], True, rules)


def _extracted(facts: Facts, names: Iterable[str]) -> None:
    for name in names:
        facts.touched[name] = facts.resident[name] = True
