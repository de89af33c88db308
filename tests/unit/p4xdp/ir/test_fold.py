"""Expressions fold as they are built."""

from __future__ import annotations

import pytest

from p4xdp.ir import nodes as ir
from p4xdp.ir.fold import binary, boolean, cast, concat, const, mux, negate, slice_, unary

B8, B16, I8 = ir.Bits(8), ir.Bits(16), ir.Bits(8, signed=True)
X = ir.Load(ir.Var("x", B8))
Y = ir.Load(ir.Var("y", B8))
C = ir.Load(ir.Var("c", ir.BOOL))


def c8(value: int) -> ir.Const:
    return const(value, B8)


@pytest.mark.parametrize(
    ("built", "simple"),
    [
        (binary("+", c8(250), c8(10)), c8(4)),
        (binary("|-|", c8(3), c8(9)), c8(0)),
        (binary("-", const(-128, I8), const(1, I8)), const(127, I8)),
        (binary(">>", const(-4, I8), c8(1)), const(-2, I8)),
        (binary("<<", X, c8(8)), c8(0)),
        (binary("+", X, c8(0)), X),
        (binary("*", X, c8(0)), c8(0)),
        (binary("&", X, c8(0xFF)), X),
        (binary("|", X, c8(0xFF)), c8(0xFF)),
        (binary("^", X, X), c8(0)),
        (binary("+", binary("+", X, c8(1)), c8(2)), ir.Binary("+", X, c8(3), B8)),
        (binary("%", X, c8(8)), ir.Binary("&", X, c8(7), B8)),
        (binary("/", X, c8(8)), ir.Binary(">>", X, const(3, ir.Bits(32)), B8)),
        (binary("==", X, X), boolean(True)),
        (binary("<", X, c8(0)), boolean(False)),
        (binary("==", C, boolean(False)), ir.Unary("!", C, ir.BOOL)),
        (binary("&&", boolean(True), C), C),
        (binary("||", C, boolean(True)), boolean(True)),
        (negate(ir.Binary("<", X, Y, ir.BOOL)), ir.Binary(">=", X, Y, ir.BOOL)),
        (unary("~", c8(0x0F)), c8(0xF0)),
        (slice_(concat(X, Y), 15, 8), X),
        (slice_(concat(X, Y), 7, 0), Y),
        (slice_(concat(X, Y), 11, 4), ir.Concat(slice_(X, 3, 0), slice_(Y, 7, 4), B8)),
        (slice_(slice_(X, 6, 1), 3, 2), ir.Slice(X, 4, 3, ir.Bits(2))),
        (slice_(cast(X, B16), 15, 8), c8(0)),
        (concat(slice_(X, 7, 4), slice_(X, 3, 0)), X),
        (cast(cast(X, B16), B8), X),
        (cast(cast(X, B16), ir.Bits(32)), ir.Cast(X, ir.Bits(32))),
        (binary("==", cast(X, B16), const(0x100, B16)), boolean(False)),
        (binary("==", cast(X, B16), const(5, B16)), ir.Binary("==", X, c8(5), ir.BOOL)),
        (mux(C, X, X), X),
        (mux(C, boolean(False), boolean(True)), ir.Unary("!", C, ir.BOOL)),
    ],
)  # fmt: skip
def test_simpler(built: ir.Expr, simple: ir.Expr) -> None:
    assert built == simple
