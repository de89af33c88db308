"""Names that a control plane sees."""

from __future__ import annotations

from p4xdp.ir.lower.context import Context
from p4xdp.syntax import ast


def key_name(key: ast.KeyElement) -> str:
    """What @name says, else the expression as written."""
    return given_name(key.annotations) or spelled(key.expression)


def given_name(annotations: ast.Annotations) -> str | None:
    """The text of @name("…"), if there is one."""
    for annotation in annotations:
        if annotation.name == "name" and annotation.values:
            text = annotation.values[0]
            if isinstance(text, ast.StringLiteral):
                return text.value
    return None


def control_name(cx: Context, name: str, annotations: ast.Annotations) -> str:
    """The control-plane name: `prefix.name`, or what @name says (absolute if it begins with a dot)."""
    given = given_name(annotations)
    if given is not None and given.startswith("."):
        return given[1:]
    return cx.prefix + (given or name)


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
