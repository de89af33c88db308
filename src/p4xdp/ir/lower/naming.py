"""Names that a control plane sees for table keys."""

from __future__ import annotations

from p4xdp.ir.lower.context import Context
from p4xdp.syntax import ast


def key_name(cx: Context, key: ast.KeyElement) -> str:
    """What @name says, else the expression as written."""
    for annotation in key.annotations:
        if annotation.name == "name" and annotation.values:
            given = cx.constant(annotation.values[0])
            if isinstance(given, str):
                return given
    return spelled(key.expression)


def spelled(e: ast.Expression) -> str:
    """`e` as P4 text, for the forms that keys usually have."""
    match e:
        case ast.Path():
            return e.name
        case ast.Member():
            return f"{spelled(e.base)}.{e.name}"
        case ast.Index():
            return f"{spelled(e.base)}[{spelled(e.index)}]"
        case ast.Slice():
            return f"{spelled(e.base)}[{spelled(e.high)}:{spelled(e.low)}]"
        case ast.Call():
            return f"{spelled(e.function)}({', '.join(spelled(a.value) for a in e.arguments if a.value)})"
        case ast.IntLiteral():
            return str(e.value)
        case ast.Unary():
            return f"{e.op}{spelled(e.operand)}"
        case ast.Binary():
            return f"{spelled(e.left)} {e.op} {spelled(e.right)}"
        case ast.Cast():
            return spelled(e.operand)
    return "key"
