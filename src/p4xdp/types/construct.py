"""Instances of externs, controls, parsers and packages (specification, sections 10.3 and 12)."""

from __future__ import annotations

from p4xdp.source import P4Error, Unsupported
from p4xdp.syntax import ast
from p4xdp.types import model
from p4xdp.types.calls import CallChecker, accepts
from p4xdp.types.model import ParameterType, Type, TypeVar
from p4xdp.types.program import Bound, ResolvedCall
from p4xdp.types.relations import substitute


class ConstructorChecker(CallChecker):
    def __init__(self, program: ast.Program) -> None:
        super().__init__(program)
        self.constructors: dict[
            ast.ParserDeclaration | ast.ControlDeclaration, tuple[ParameterType, ...]
        ] = {}

    def instantiation(self, node: ast.Instantiation) -> None:
        """Checks an instance and declares its name."""
        if node.initializer is not None:
            raise Unsupported(node.span, "p4xdp cannot do externs with abstract methods")
        type_ = self._construct(node, node.type, node.arguments)
        self._check_instance_place(node, type_)
        self.typed.variables[node] = type_
        self.scopes.declare(node.name, node)

    def _check_instance_place(self, node: ast.Instantiation, type_: Type) -> None:
        place = self.scopes.body.kind
        allowed: dict[str, tuple[type[Type], ...]] = {
            "program": (model.Extern, model.Package),
            "control": (model.Extern, model.Control),
            "parser": (model.Extern, model.Parser),
        }
        if not isinstance(type_, allowed.get(place, ())):
            where = {"program": "at the top level", "state": "in a state"}.get(place, f"in a {place}")
            raise P4Error(node.span, f"{_article(type_)} cannot be instantiated {where}")

    def construct(self, e: ast.ConstructorCall) -> Type:
        return self._construct(e, e.type, e.arguments)

    def _construct(
        self,
        node: ast.Instantiation | ast.ConstructorCall,
        type_ref: ast.NamedType,
        arguments: tuple[ast.Argument, ...],
    ) -> Type:
        type_ = self.resolve_constructed(type_ref)
        match type_:
            case model.Extern():
                return self._extern(node, type_ref, type_, arguments)
            case model.Package():
                parameters = type_.parameters
                generic = not type_ref.arguments
            case model.Parser() | model.Control():
                block = type_.declaration
                if not isinstance(block, ast.ParserDeclaration | ast.ControlDeclaration):
                    raise P4Error(type_ref.span, f"{type_} is only a type: it has no body to instantiate")
                parameters = self.constructors[block]
                generic = False
            case _:
                raise P4Error(
                    type_ref.span, f"{type_} cannot be instantiated: it is no extern, control or parser"
                )
        variables = _variables(type_.arguments) if generic else set()
        bound, bindings = self._bind_constructor(parameters, arguments, variables, type_ref)
        result = substitute(type_, bindings)
        self.typed.calls[node] = ResolvedCall("constructor", type_.declaration, bound, result, None, bindings)
        return result

    def _extern(
        self,
        node: ast.Instantiation | ast.ConstructorCall,
        type_ref: ast.NamedType,
        type_: model.Extern,
        arguments: tuple[ast.Argument, ...],
    ) -> Type:
        extern = type_.declaration
        known = {TypeVar(p.name, p): t for p, t in zip(extern.type_parameters, type_.arguments, strict=True)}
        constructors = [m for m in extern.methods if m.result is None]
        signatures = [self.signature(c) for c in constructors]
        fitting = [i for i, s in enumerate(signatures) if accepts(s.parameters, arguments)]
        if not signatures:
            raise P4Error(type_ref.span, f"extern {extern.name} has no constructor")
        chosen = fitting[0] if fitting else 0
        variables = set() if type_ref.arguments else set(known)
        parameters = tuple(signatures[chosen].parameters)
        given = {} if variables else known
        bound, bindings = self._bind_constructor(parameters, arguments, variables, type_ref, given)
        missing = [v.name for v in known if v not in bindings]
        if missing:
            shape = ", ".join(missing)
            raise P4Error(type_ref.span, f"{extern.name} needs type arguments: {extern.name}<{shape}>(…)")
        result = substitute(type_, bindings) if variables else type_
        self.typed.calls[node] = ResolvedCall(
            "constructor", extern, bound, result, None, bindings, constructors[chosen]
        )
        return result

    def _bind_constructor(
        self,
        parameters: tuple[ParameterType, ...],
        arguments: tuple[ast.Argument, ...],
        variables: set[TypeVar],
        type_ref: ast.NamedType,
        known: dict[TypeVar, Type] | None = None,
    ) -> tuple[tuple[Bound, ...], dict[TypeVar, Type]]:
        bindings = dict(known or {})
        what = type_ref.name
        pairs = self.pair(parameters, arguments, what, type_ref.span)
        bound = self.arguments(pairs, variables, bindings, what, type_ref.span)
        for one in bound:
            self.require_compile_time(one, what)
        return bound, bindings

    def constructor_parameters_of(self, node: ast.ParserDeclaration | ast.ControlDeclaration) -> None:
        """Resolves and declares the constructor parameters of a parser or control."""
        parameters = self.parameters(node.constructor_parameters)
        for parameter in parameters:
            if parameter.direction:
                message = f"constructor parameter '{parameter.name}' takes no direction"
                raise P4Error(parameter.declaration.span, message)
            self.scopes.declare(parameter.name, parameter.declaration)
            self.constructor_parameters.add(parameter.declaration)
        self.constructors[node] = parameters


def _variables(arguments: tuple[Type, ...]) -> set[TypeVar]:
    return {a for a in arguments if isinstance(a, TypeVar)}


def _article(type_: Type) -> str:
    kind = {model.Package: "a package", model.Control: "a control", model.Parser: "a parser"}
    return kind.get(type(type_), "an instance")
