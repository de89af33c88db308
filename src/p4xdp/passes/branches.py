"""Tidies control flow: branches that do nothing, nested conditions, blocks that nothing leaves early.

An early return, `Block { if (c) { A; Leave } B }`, becomes `if (c) { A } else { B }`.
"""

from __future__ import annotations

from dataclasses import replace

from p4xdp.ir import nodes as ir
from p4xdp.ir.fold import binary, negate
from p4xdp.passes.rewrite import bodies, with_bodies, with_top_bodies


def tidy_branches(program: ir.Program) -> ir.Program:
    return with_top_bodies(program, _body)


def _body(body: ir.Body) -> ir.Body:
    made: list[ir.Statement] = []
    for s in body:
        made.extend(_statement(with_bodies(s, _body)))
        if made and isinstance(made[-1], ir.Leave):
            break
    same = len(made) == len(body) and all(a is b for a, b in zip(made, body, strict=True))
    return body if same else tuple(made)


def _statement(s: ir.Statement) -> tuple[ir.Statement, ...]:
    match s:
        case ir.If():
            return _if(s)
        case ir.Switch() if not s.cases:
            return s.default
        case ir.Switch() if not s.default and not any(b for _, b in s.cases):
            return ()
        case ir.Block():
            return _block(s)
        case ir.Atomic() if not s.body:
            return ()
    return (s,)


def _if(s: ir.If) -> tuple[ir.Statement, ...]:
    if isinstance(s.condition, ir.Const):
        return s.then if s.condition.value else s.other
    if not s.then and not s.other:
        return ()
    if not s.then:
        return _if(replace(s, condition=negate(s.condition, s.span), then=s.other, other=()))
    inner = s.then[0]
    if not s.other and len(s.then) == 1 and isinstance(inner, ir.If) and not inner.other:
        return (replace(inner, condition=binary("&&", s.condition, inner.condition, s.span)),)
    return (s,)


# --------------------------------------------------------------------------- blocks


def _block(s: ir.Block) -> tuple[ir.Statement, ...]:
    body = _guarded(s.body, s.label)
    if not any(_leaves(inner, s.label) for inner in body):
        return body
    return (s if body is s.body else replace(s, body=body),)


def _guarded(body: ir.Body, label: str) -> ir.Body:
    """`body`, the last thing in the block `label`, with Leaves turned into else branches where possible."""
    for i, s in enumerate(body):
        rest = body[i + 1 :]
        if isinstance(s, ir.Leave) and s.label == label:
            return body[:i]
        if not isinstance(s, ir.If) or not _leaves(s, label):
            continue
        if _ends(s.then, label):
            then, other = _guarded(s.then, label), _guarded((*s.other, *rest), label)
        elif s.other and _ends(s.other, label):
            then, other = _guarded((*s.then, *rest), label), _guarded(s.other, label)
        elif not rest:
            then, other = _guarded(s.then, label), _guarded(s.other, label)
        else:
            continue
        return (*body[:i], *_if(replace(s, then=then, other=other)))
    return body


def _ends(body: ir.Body, label: str) -> bool:
    """Whether `body` always ends by leaving `label`."""
    if not body:
        return False
    last = body[-1]
    if isinstance(last, ir.Leave):
        return last.label == label
    return isinstance(last, ir.If) and _ends(last.then, label) and _ends(last.other, label)


def _leaves(s: ir.Statement, label: str) -> bool:
    if isinstance(s, ir.Leave):
        return s.label == label
    return any(_leaves(inner, label) for body in bodies(s) for inner in body)
