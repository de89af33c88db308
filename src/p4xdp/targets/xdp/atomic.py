"""@atomic blocks: mutual exclusion that really excludes.

A block that reads and writes one cell of one register of at most 64 bits becomes a compare-and-exchange,
tried again while other processors get in between, at most `ATTEMPTS` times: after that the packet is
dropped (XDP_ABORTED, counted), so the block has run once and alone or not at all. Any other block runs under
a bpf_spin_lock, which all accesses to its registers take, inside @atomic or not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from p4xdp.ir import nodes as ir
from p4xdp.source import Unsupported
from p4xdp.targets.xdp import externs
from p4xdp.targets.xdp.code import Code
from p4xdp.targets.xdp.facts import join
from p4xdp.targets.xdp.layout import cell_bytes, register_name
from p4xdp.targets.xdp.plan import bodies, statements
from p4xdp.targets.xdp.words import c_type

ATTEMPTS = 32

EmitBody = Callable[[Code, ir.Body], None]
Access = ir.RegisterRead | ir.RegisterWrite


def accesses(body: ir.Body) -> list[Access]:
    return [s for s in statements([body]) if isinstance(s, ir.RegisterRead | ir.RegisterWrite)]


def single_cell(block: ir.Atomic) -> Access | None:
    """The access that names the one cell which `block` touches, if it can be compared and exchanged."""
    found = accesses(block.body)
    if not found:
        return None
    first = found[0]
    if any(a.register != first.register or a.index != first.index for a in found):
        return None
    if first.register.type.width > 64 or places_in(first.index) & assigned(block.body):
        return None
    return first


def places_in(expr: ir.Expr) -> set[str]:
    """Names of the places that `expr` reads."""
    match expr:
        case ir.Load(place):
            return {place.name}
        case ir.Unary(_, operand) | ir.Slice(operand) | ir.Cast(operand):
            return places_in(operand)
        case ir.Binary(_, left, right) | ir.Concat(left, right):
            return places_in(left) | places_in(right)
        case ir.Mux(condition, then, other):
            return places_in(condition) | places_in(then) | places_in(other)
        case _:
            return set()


def assigned(body: ir.Body) -> set[str]:
    return {place.name for place in _assigned_places(body)}


def _assigned_places(body: ir.Body) -> Iterator[ir.Place]:
    for statement in statements([body]):
        match statement:
            case ir.Assign(place) | ir.AssignSlice(place) | ir.RegisterRead(place):
                yield place
            case _:
                pass


def exchanged_registers(program: ir.Program) -> frozenset[str]:
    """Registers that a compare-and-exchange works on: their cells need at least 4 bytes."""
    blocks = (s for s in statements(bodies(program)) if isinstance(s, ir.Atomic))
    return frozenset(access.register.name for block in blocks if (access := single_cell(block)))


def lock_numbers(program: ir.Program) -> dict[str, int]:
    """Register name to lock: registers that one block uses share a lock."""
    groups: list[set[str]] = [{r.name} for r in program.registers if r.type.width > 64]
    for block in statements(bodies(program)):
        if isinstance(block, ir.Atomic) and single_cell(block) is None:
            names = {access.register.name for access in accesses(block.body)}
            if names:
                overlapping = [group for group in groups if group & names]
                groups = [group for group in groups if not group & names]
                groups.append(names.union(*overlapping))
    return {name: number for number, group in enumerate(groups) for name in group}


def emit_atomic(code: Code, block: ir.Atomic, emit_body: EmitBody) -> None:
    if code.in_atomic:
        emit_body(code, block.body)
        return
    _check(block)
    found = accesses(block.body)
    if not found:
        emit_body(code, block.body)
        return
    for statement in statements([block.body]):
        code.prepare(*_expressions(statement))
    access = single_cell(block)
    if access is not None and access.register.name not in code.plan.locks:
        _exchange(code, block, access, emit_body)
    else:
        _under_lock(code, block, code.plan.locks[found[0].register.name], emit_body)


def _check(block: ir.Atomic) -> None:
    for statement in statements([block.body]):
        if isinstance(statement, ir.ApplyTable | ir.SetValidity | ir.Count):
            what = {"ApplyTable": "apply a table", "SetValidity": "change a header's validity"}.get(
                type(statement).__name__, "count"
            )
            raise Unsupported(
                statement.span, f"the XDP target cannot {what} inside @atomic: do it after the block"
            )


def _expressions(statement: ir.Statement) -> list[ir.Expr]:
    match statement:
        case ir.Assign(_, value) | ir.AssignSlice(_, _, _, value):
            return [value]
        case ir.If(condition) | ir.Switch(condition):
            return [condition]
        case ir.RegisterRead(_, _, index):
            return [index]
        case ir.RegisterWrite(_, index, value):
            return [index, value]
        case _:
            return []


def _contained(code: Code, block: ir.Atomic, emit_body: EmitBody) -> dict[str, tuple[int, str]]:
    """Emits the block's body; jumps out of it become a number in `jump` and a jump to its end."""
    outer = dict(code.targets)
    outer_exits = dict(code.exits)
    jumps: dict[str, tuple[int, str]] = {}
    end = code.fresh("leave_")
    for label in outer:
        code.targets[label] = code.fresh("leave_")
        jumps[label] = (len(jumps) + 1, code.targets[label])
        code.exits[code.targets[label]] = None
    emit_body(code, block.body)
    if code.facts is not None:
        code.line(f"goto {end};")
    used = {}
    for label, (number, stub) in jumps.items():
        facts = code.exits.pop(stub)
        if facts is not None:
            code.line(f"{stub}: jump = {number}; goto {end};")
            used[label] = (number, outer[label])
            outer_exits[outer[label]] = join(outer_exits[outer[label]], facts)
    code.line(f"{end}:;")
    code.targets, code.exits = outer, outer_exits
    return used


def _take_jumps(code: Code, used: dict[str, tuple[int, str]]) -> None:
    for number, target in used.values():
        code.line(f"if (jump == {number}) goto {target};")


def _under_lock(code: Code, block: ir.Atomic, lock: int, emit_body: EmitBody) -> None:
    with code.braces(""):
        code.line("u64 jump = 0;")
        name = externs.take_lock(code, lock)
        code.in_atomic = "lock"
        used = _contained(code, block, emit_body)
        code.in_atomic = None
        code.line(f"spin_unlock(&{name}->lock);")
        _take_jumps(code, used)


def _exchange(code: Code, block: ir.Atomic, access: Access, emit_body: EmitBody) -> None:
    """`cell` is what the body sees and changes; it is put in place of `old` if that is still there."""
    register = access.register
    bits = 8 * cell_bytes(register, code.plan.exchanged)
    name = f"state.{register_name(code.plan.program, register)}"
    with code.braces(""):
        index, condition = externs.guarded(code, access.index, register.size, access.span)
        tries = code.fresh("n")
        code.line(f"const u64 inside = {condition or '1'};")
        code.line(f"volatile u{bits} *const at = &{name}[{f'inside ? {index} : 0' if condition else index}];")
        saved = _save(code, block)
        code.line(f"u64 {tries} = 0, jump;")
        with code.braces("for (;;)"):
            for place, text in saved:
                code.store(place, text, block.span)
            code.line("jump = 0;")
            code.line(f"const u{bits} old = inside ? *at : 0;")
            code.line(f"u{bits} cell = old;")
            code.in_atomic = "exchange"
            used = _contained(code, block, emit_body)
            code.in_atomic = None
            code.line("if (cell == old || __sync_val_compare_and_swap(at, old, cell) == old) break;")
            code.line(f"if (++{tries} == {ATTEMPTS}) {code.fault('FAULT_CONTENTION')}")
        _take_jumps(code, used)


def _save(code: Code, block: ir.Atomic) -> list[tuple[ir.Place, str]]:
    """Copies of what the body changes and may have read before: every attempt starts from them."""
    reads: set[str] = set()
    for statement in statements([block.body]):
        for expr in _expressions(statement):
            reads |= places_in(expr)
    saved: dict[str, tuple[ir.Place, str]] = {}
    for place in _assigned_places(block.body):
        if place.name in reads and place.name not in saved:
            copy = code.fresh("saved")
            code.line(f"const {c_type(place.type.width)} {copy} = {code.read(place, block.span)};")
            saved[place.name] = (place, copy)
    return list(saved.values())
