"""IR statements to C statements (what is not parser, table or @atomic)."""

from __future__ import annotations

from p4xdp.ir import nodes as ir
from p4xdp.source import Unsupported
from p4xdp.targets.xdp import externs
from p4xdp.targets.xdp.atomic import emit_atomic
from p4xdp.targets.xdp.code import Code
from p4xdp.targets.xdp.facts import Facts, join
from p4xdp.targets.xdp.plan import MULTICAST_GROUP
from p4xdp.targets.xdp.tables import emit_apply
from p4xdp.targets.xdp.words import literal, masked


def emit_body(code: Code, body: ir.Body) -> None:
    """Statements in order; what stands behind a jump is left out."""
    for statement in body:
        if code.facts is None:
            return
        code.at(statement.span)
        if code.special is None or not code.special(statement):
            _emit(code, statement)


def emit_block(code: Code, label: str, body: ir.Body) -> None:
    """`body`, and the C label that a Leave(label) inside jumps to."""
    target = code.fresh("leave_")
    previous = code.targets.get(label)
    code.targets[label] = target
    code.exits[target] = None
    emit_body(code, body)
    left = code.exits.pop(target)
    if left is not None:
        code.line(f"{target}:;")
        code.facts = join(code.facts, left)
    if previous is not None:
        code.targets[label] = previous


def _emit(code: Code, statement: ir.Statement) -> None:
    match statement:
        case ir.Assign():
            _assign(code, statement)
        case ir.AssignSlice():
            _assign_slice(code, statement)
        case ir.SetValidity():
            _set_validity(code, statement)
        case ir.If():
            _if(code, statement)
        case ir.Switch():
            _switch(code, statement)
        case ir.Block(label, body):
            emit_block(code, label, body)
        case ir.Leave(label):
            target = code.targets[label]
            code.line(f"goto {target};")
            code.exits[target] = join(code.exits[target], code.facts)
            code.facts = None
        case ir.Atomic():
            emit_atomic(code, statement, emit_body)
        case ir.ApplyTable():
            emit_apply(code, statement, emit_body)
        case ir.RegisterRead():
            externs.emit_read(code, statement)
        case ir.RegisterWrite():
            externs.emit_write(code, statement)
        case ir.Count():
            externs.emit_count(code, statement)
        case ir.LogMessage():
            pass
        case _:
            raise Unsupported(statement.span, f"{type(statement).__name__.lower()} has no place here in XDP")


def _assign(code: Code, statement: ir.Assign) -> None:
    place, value = statement.place, statement.value
    if isinstance(value, ir.Load) and value.place == place:
        return
    if isinstance(place, ir.Var) and place.name == MULTICAST_GROUP:
        if isinstance(value, ir.Const) and value.value == 0:
            return
        raise Unsupported(statement.span, "the XDP target has no multicast: mcast_grp can only be 0")
    code.prepare(value)
    text = code.flat(value) if isinstance(place, ir.Var) and value.type.width == 1 else code.expr(value)
    code.store(place, text, statement.span, value)


def _assign_slice(code: Code, statement: ir.AssignSlice) -> None:
    place, high, low = statement.place, statement.high, statement.low
    code.prepare(statement.value)
    value = code.expr(statement.value)
    if isinstance(place, ir.FieldRef):
        code.store_bits(place, high, low, value, statement.span)
        return
    width = place.type.width
    kept = literal(~(((1 << high - low + 1) - 1) << low), width)
    name = code.name(place)
    wide = f"({literal(0, width)} | {value})"
    moved = masked(f"({wide} << {low})", width) if low else wide
    code.line(f"{name} = ({name} & {kept}) | {moved};")
    code.note(place, statement.value)


def _set_validity(code: Code, statement: ir.SetValidity) -> None:
    header, valid = statement.header, statement.valid
    if isinstance(valid, ir.Const):
        if valid.value:
            code.set_valid(header, statement.span)
        else:
            code.set_invalid(header)
        return
    then: ir.Body = (ir.SetValidity(header, ir.Const(1, ir.BOOL), statement.span),)
    other: ir.Body = (ir.SetValidity(header, ir.Const(0, ir.BOOL), statement.span),)
    _if(code, ir.If(valid, then, other, statement.span))


def _if(code: Code, statement: ir.If) -> None:
    code.prepare(statement.condition)
    condition = code.expr(statement.condition)
    if condition in ("0ull", "1ull"):
        emit_body(code, statement.then if condition == "1ull" else statement.other)
        return
    before = code.known()
    code.facts = code.refined(before, statement.condition, True)
    with code.braces(f"if ({condition})"):
        emit_body(code, statement.then)
    after_then = code.facts
    code.facts = code.refined(before, statement.condition, False)
    if statement.other:
        with code.braces("else"):
            emit_body(code, statement.other)
    code.facts = join(after_then, code.facts)


def _switch(code: Code, statement: ir.Switch) -> None:
    code.prepare(statement.subject)
    subject, type_ = code.expr(statement.subject), statement.subject.type
    if type_.width > 64:
        raise Unsupported(statement.span, "the XDP target switches on at most 64 bits")
    before = code.known()
    ends: list[Facts | None] = []
    with code.braces(f"switch ({subject})"):
        taken: set[int] = set()
        for values, body in statement.cases:
            new = [value for value in dict.fromkeys(values) if value not in taken]
            taken.update(new)
            if not new:
                continue
            code.facts = before.fork()
            labels = " ".join(f"case {literal(value, type_.width)}:" for value in new)
            with code.braces(labels, "} break;"):
                emit_body(code, body)
            ends.append(code.facts)
        code.facts = before.fork()
        with code.braces("default:"):
            emit_body(code, statement.default)
        ends.append(code.facts)
    code.facts = None
    for end in ends:
        code.facts = join(code.facts, end)
