"""Removes what nobody reads: assignments, register reads, variables, headers, results of tables.

Without regard to order: a place that is read anywhere keeps all its assignments.
"""

from __future__ import annotations

from dataclasses import replace

from p4xdp.ir import nodes as ir
from p4xdp.passes.rewrite import Key, expressions, key, top_bodies, walk, with_bodies, with_top_bodies

# The target reads these between the parts of the program.
ALWAYS = ("standard_metadata.egress_spec", "standard_metadata.parser_error")


def remove_dead(program: ir.Program) -> ir.Program:
    while True:
        reads = _reads(program)
        smaller = with_top_bodies(program, lambda body, reads=reads: _without(body, reads))  # type: ignore[misc]
        if all(a is b for a, b in zip(top_bodies(smaller), top_bodies(program), strict=True)):
            return _without_storage(program, reads)
        program = smaller


def _reads(program: ir.Program) -> set[Key]:
    """Keys of the places read; ("valid", header) for a header's validity."""
    found: set[Key] = set(ALWAYS)
    for body in top_bodies(program):
        for s in walk(body):
            if isinstance(s, ir.Emit):
                found.add(("valid", s.header.name))
                found.update((s.header.name, f.name) for f in s.header.fields)
            for e in expressions(s):
                _add_reads(e, found)
    for state in program.parser.states:
        if isinstance(state.transition, ir.Select):
            for e in state.transition.keys:
                _add_reads(e, found)
    return found


def _add_reads(e: ir.Expr, found: set[Key]) -> None:
    match e:
        case ir.Load():
            found.add(key(e.place))
        case ir.IsValid():
            found.add(("valid", e.header.name))
        case ir.Binary() | ir.Concat():
            _add_reads(e.left, found)
            _add_reads(e.right, found)
        case ir.Unary() | ir.Cast() | ir.Slice():
            _add_reads(e.operand, found)
        case ir.Mux():
            _add_reads(e.condition, found)
            _add_reads(e.then, found)
            _add_reads(e.other, found)


def _without(body: ir.Body, reads: set[Key]) -> ir.Body:
    made = [_kept(s, reads) for s in body]
    if all(a is b for a, b in zip(made, body, strict=True)):
        return body
    return tuple(s for s in made if s is not None)


def _kept(s: ir.Statement, reads: set[Key]) -> ir.Statement | None:
    match s:
        case ir.Assign() | ir.AssignSlice():
            return s if key(s.place) in reads else None
        case ir.RegisterRead():
            return s if key(s.target) in reads else None
        case ir.SetValidity():
            return s if ("valid", s.header.name) in reads else None
        case ir.ApplyTable():
            hit = s.hit if s.hit is not None and key(s.hit) in reads else None
            run = s.action_run if s.action_run is not None and key(s.action_run) in reads else None
            if hit is not s.hit or run is not s.action_run:
                s = replace(s, hit=hit, action_run=run)
    return with_bodies(s, lambda body: _without(body, reads))


def _without_storage(program: ir.Program, reads: set[Key]) -> ir.Program:
    """`variables` and `headers` without those that the program no longer mentions."""
    used: set[Key] = set(reads)
    headers = {k[1] if k[0] == "valid" else k[0] for k in reads if isinstance(k, tuple)}
    for body in top_bodies(program):
        for s in walk(body):
            match s:
                case ir.Extract() | ir.Emit() | ir.SetValidity():
                    headers.add(s.header.name)
                case ir.Assign() | ir.AssignSlice():
                    used.add(key(s.place))
                case ir.RegisterRead() | ir.Lookahead():
                    used.add(key(s.target))
                case ir.ApplyTable():
                    used.update(key(p) for a in s.table.actions for p in a.parameters)
                    used.update(key(v) for v in (s.hit, s.action_run) if v is not None)
    headers.update(k[0] for k in used if isinstance(k, tuple) and k[0] != "valid")
    for table in program.tables:
        used.update(key(p) for a in table.actions for p in a.parameters)
    return replace(
        program,
        variables=tuple(v for v in program.variables if v.name in used),
        headers=tuple(h for h in program.headers if h.name in headers),
    )
