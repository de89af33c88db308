"""Registers and counters.

All registers are members of one global structure, `state`, which libbpf puts into a single array map of one
element: the program reads a cell with one load from a constant address, without a lookup, and user space maps
the same memory. Cells have 1, 2, 4, 8 or 16 bytes; those of up to 8 are read and written whole. Cells of 16
bytes, and registers that an @atomic block shares, are accessed under a lock (see `atomic`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from p4xdp.ir import nodes as ir
from p4xdp.source import Span, Unsupported
from p4xdp.targets.xdp.code import Code
from p4xdp.targets.xdp.layout import cell_bytes, counter_name, register_name
from p4xdp.targets.xdp.words import c_type, literal, masked


def value_bits(expr: ir.Expr) -> int:
    """How many bits the value of `expr`, taken as unsigned, has at most."""
    width = expr.type.width
    match expr:
        case ir.Const(value) if value >= 0:
            return value.bit_length()
        case ir.Cast(operand) if not operand.type.signed:
            return min(width, value_bits(operand))
        case ir.Concat(ir.Const(0), right):
            return value_bits(right)
        case ir.Binary("&", left, right):
            return min(value_bits(left), value_bits(right))
        case ir.Binary(">>", left, ir.Const(by)) if not left.type.signed:
            return max(0, value_bits(left) - by)
        case _:
            return width


def fits(index: ir.Expr, size: int) -> bool:
    """Whether `index` cannot be out of bounds."""
    if isinstance(index, ir.Const):
        return 0 <= index.value < size
    return 1 << value_bits(index) <= size and not index.type.signed


def bound(index: ir.Expr, size: int) -> int:
    """What `index`, taken as unsigned, has to be less than: a negative one is out of bounds."""
    return min(size, 1 << index.type.width - 1) if index.type.signed else size


def index_text(code: Code, index: ir.Expr, span: Span) -> str:
    if index.type.width > 64:
        raise Unsupported(span, "the XDP target takes indices of at most 64 bits")
    return code.expr(index)


def guarded(code: Code, index: ir.Expr, size: int, span: Span) -> tuple[str, str]:
    """Emits a C variable with the index; gives its name and the condition that it is in bounds, if any."""
    name = code.fresh("index")
    if isinstance(index, ir.Const):
        code.line(f"const u64 {name} = {literal(index.value, index.type.width)};")
        return name, "" if fits(index, size) else "0"
    text = index_text(code, index, span)
    if fits(index, size):
        code.line(f"const u64 {name} = opaque({text}) & {(1 << value_bits(index)) - 1:#x}ull;")
        return name, ""
    code.line(f"const u64 {name} = opaque({text});")
    return name, f"{name} < {bound(index, size)}ull"


def cell(code: Code, register: ir.Register, index: str) -> str:
    size = cell_bytes(register, code.plan.exchanged)
    text = f"state.{register_name(code.plan.program, register)}[{index}]"
    return text if size == 16 else f"(*(volatile u{8 * size} *)&{text})"


def emit_read(code: Code, statement: ir.RegisterRead) -> None:
    register, index, span = statement.register, statement.index, statement.span
    code.prepare(index)
    width = register.type.width
    if code.in_atomic == "exchange":
        code.store(statement.target, "(inside ? cell : 0)", span)
        return
    with code.braces(""):
        name, condition = guarded(code, index, register.size, span)
        value = code.fresh("c")
        code.line(f"{c_type(width)} {value} = 0;")
        with _locked(code, register):
            code.line(f"{_if(condition)}{value} = {cell(code, register, name)};")
        code.store(statement.target, masked(value, width), span)


def emit_write(code: Code, statement: ir.RegisterWrite) -> None:
    register, index, span = statement.register, statement.index, statement.span
    code.prepare(index, statement.value)
    if code.in_atomic == "exchange":
        code.line(f"cell = inside ? {code.expr(statement.value)} : cell;")
        return
    with code.braces(""):
        name, condition = guarded(code, index, register.size, span)
        value = code.fresh("c")
        code.line(f"const {c_type(register.type.width)} {value} = {code.expr(statement.value)};")
        with _locked(code, register):
            code.line(f"{_if(condition)}{cell(code, register, name)} = {value};")


def _if(condition: str) -> str:
    return f"if ({condition}) " if condition else ""


def emit_count(code: Code, statement: ir.Count) -> None:
    counter, index, span = statement.counter, statement.index, statement.span
    if code.in_atomic:
        raise Unsupported(span, "the XDP target does not count inside @atomic: count after it")
    code.prepare(index)
    with code.braces(""):
        name, condition = guarded(code, index, 1 << 32, span)
        key, entry = code.fresh("k"), code.fresh("c")
        with code.braces(_if(condition)):
            code.line(f"const u32 {key} = (u32){name};")
            code.line(f"u64 *{entry} = map_lookup(&{counter_name(code.plan.program, counter)}, &{key});")
            with code.braces(f"if ({entry})"):
                place = 0
                if counter.kind != "bytes":
                    code.line(f"{entry}[0]++;")
                    place = 1
                if counter.kind != "packets":
                    code.line(f"{entry}[{place}] += packet_length;")


@contextmanager
def _locked(code: Code, register: ir.Register) -> Iterator[None]:
    """Holds the register's lock, if it has one and the enclosing @atomic does not hold it already."""
    lock = None if code.in_atomic else code.plan.locks.get(register.name)
    if lock is None:
        yield
        return
    name = take_lock(code, lock)
    yield
    code.line(f"spin_unlock(&{name}->lock);")


def take_lock(code: Code, lock: int) -> str:
    """Emits the lookup and the locking of lock number `lock`; gives the pointer's name."""
    name = code.fresh("lock")
    code.line(f"struct lock *{name} = map_lookup(&locks{lock}, &zero);")
    code.line(f"if (!{name}) {code.fault('FAULT_MAP')}")
    code.line(f"spin_lock(&{name}->lock);")
    return name
