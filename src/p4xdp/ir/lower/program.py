"""From the checked program to the IR: `main`'s package, its six parts, the storage they share."""

from __future__ import annotations

from p4xdp.ir import nodes as ir
from p4xdp.ir.lower.calls import run_control
from p4xdp.ir.lower.context import Context, Return
from p4xdp.ir.lower.elaborate import instantiate
from p4xdp.ir.lower.naming import control_name
from p4xdp.ir.lower.parsers import ParserLowering
from p4xdp.ir.lower.statements import labelled
from p4xdp.ir.lower.values import Aggregate, Instance, Packet, Scope, Value
from p4xdp.source import NOWHERE, P4Error, Span, Unsupported
from p4xdp.syntax import ast
from p4xdp.types import model
from p4xdp.types.program import TypedProgram

STANDARD_METADATA = "standard_metadata"
PARTS = ("parser", "verify", "ingress", "egress", "compute", "deparser")


def lower(typed: TypedProgram) -> ir.Program:
    """The IR of the program's `main`. Raises P4Error, and Unsupported for what cannot be lowered."""
    if typed.main is None:
        raise P4Error(Span(typed.program.path, 1, 1), "the program has no main: V1Switch(…) main;")
    package = typed.calls[typed.main]
    if not isinstance(package.target, ast.PackageType) or package.target.name != "V1Switch":
        raise Unsupported(typed.main.span, "only the architecture v1model is supported: V1Switch(…) main;")
    cx = Context(typed)
    _globals(cx)
    instances = []
    for bound in package.arguments:
        instance = cx.value(bound.value) if bound.value is not None else None
        if not isinstance(instance, Instance):
            raise P4Error(typed.main.span, f"{bound.parameter.name} must be an instance of this program")
        instances.append(instance)
    shared = _shared_storage(cx, instances)
    parser, bodies = _parts(cx, instances, shared)
    return ir.Program(
        source=typed.program.path,
        variables=tuple(cx.variables.values()),
        headers=tuple(cx.headers.values()),
        parser=parser,
        tables=tuple(cx.tables.values()),
        registers=tuple(cx.registers.values()),
        counters=tuple(cx.counters.values()),
        errors=tuple(typed.errors),
        digest=typed.program.source_digest,
        **bodies,
    )


def _globals(cx: Context) -> None:
    """Instances and actions at the top level."""
    for d in cx.typed.program.declarations:
        if isinstance(d, ast.ActionDeclaration):
            cx.global_actions.add(d)
        elif isinstance(d, ast.Instantiation) and d is not cx.typed.main:
            name = control_name(cx, d.name, d.annotations)
            cx.globals.bind(d, instantiate(cx, name, cx.typed.calls[d], d.span))


def _shared_storage(cx: Context, instances: list[Instance]) -> dict[str, Value]:
    """hdr, meta and standard_metadata: the same for all parts, named after the ingress' parameters."""
    hdr, meta, standard = instances[2].declaration.parameters[:3]
    standard_type = cx.typed.variables[standard]
    assert isinstance(standard_type, model.Struct)
    found = {
        "hdr": cx.storage(hdr.name, cx.typed.variables[hdr], hdr.span),
        "meta": cx.storage(meta.name, cx.typed.variables[meta], meta.span),
        "standard": cx.storage(STANDARD_METADATA, standard_type, NOWHERE),
    }
    assert isinstance(found["standard"], Aggregate)
    cx.standard = found["standard"].fields
    return found


def _parts(
    cx: Context, instances: list[Instance], shared: dict[str, Value]
) -> tuple[ir.Parser, dict[str, ir.Body]]:
    hdr, meta, standard = shared["hdr"], shared["meta"], shared["standard"]
    arguments: list[tuple[Value, ...]] = [
        (Packet("in"), hdr, meta, standard),
        (hdr, meta),
        (hdr, meta, standard),
        (hdr, meta, standard),
        (hdr, meta),
        (Packet("out"), hdr),
    ]
    scopes = []
    for instance, values in zip(instances, arguments, strict=True):
        scope = Scope(instance.scope)
        for parameter, value in zip(instance.declaration.parameters, values, strict=True):
            scope.bind(parameter, value)
        scopes.append(scope)
    parser = ParserLowering(cx).lower(instances[0], scopes[0])
    bodies = {
        part: _control(cx, part, instance, scope)
        for part, instance, scope in zip(PARTS[1:], instances[1:], scopes[1:], strict=True)
    }
    return parser, bodies


def _control(cx: Context, part: str, instance: Instance, scope: Scope) -> ir.Body:
    """One top-level control; `exit` ends it."""
    declaration = instance.declaration
    assert isinstance(declaration, ast.ControlDeclaration)
    cx.exit = Return(cx.label(f"{part}.exit"))
    with cx.inside(scope, instance, f"{instance.name}."):
        made = cx.collect(lambda: run_control(cx, declaration, instance.name))
    return labelled(cx.exit, made, declaration.span)
