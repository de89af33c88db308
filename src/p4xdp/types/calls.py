"""Calls: overloads, type arguments, arguments and directions (specification, sections 6.8 and 8.20)."""

from __future__ import annotations

from collections.abc import Sequence

from p4xdp.source import P4Error, Span
from p4xdp.syntax import ast
from p4xdp.types import model
from p4xdp.types.library import check_packet_method, check_static_assert
from p4xdp.types.members import MemberChecker
from p4xdp.types.model import ParameterType, Type, TypeVar
from p4xdp.types.program import Bound, BuiltinName, CallKind, CallNode, CallTarget, ResolvedCall
from p4xdp.types.relations import (
    INSTANCES,
    contains_int,
    infer,
    is_text,
    mentions,
    sizes_in_bits,
    storable,
    substitute,
)

_SIZES: dict[str, BuiltinName] = {
    "minSizeInBits": "minSizeInBits",
    "minSizeInBytes": "minSizeInBytes",
    "maxSizeInBits": "maxSizeInBits",
    "maxSizeInBytes": "maxSizeInBytes",
}
_OF_HEADERS = ("isValid", "setValid", "setInvalid")
Pair = tuple[ParameterType, ast.Argument | None]


class ArgumentChecker(MemberChecker):
    """Arguments against parameters, whatever is called."""

    def pair(
        self, parameters: Sequence[ParameterType], arguments: Sequence[ast.Argument], what: str, span: Span
    ) -> list[Pair]:
        """Each parameter with its argument, by position or by name."""
        by_name = {a.name: a for a in arguments if a.name is not None}
        if by_name and len(by_name) < len(arguments):
            raise P4Error(span, f"{what}: name all arguments, or none")
        if by_name:
            names = [p.name for p in parameters]
            for name, argument in by_name.items():
                if name not in names:
                    raise P4Error(argument.span, f"{what} has no parameter '{name}'")
            given: list[ast.Argument | None] = [by_name.get(p.name) for p in parameters]
        else:
            if len(arguments) > len(parameters):
                raise P4Error(span, f"{what} takes {_count(parameters)}, not {len(arguments)}")
            given = [*arguments, *[None] * (len(parameters) - len(arguments))]
        pairs = list(zip(parameters, given, strict=True))
        for parameter, argument_ in pairs:
            if argument_ is None and not parameter.optional:
                takes = f"{what} takes {_count(parameters)}"
                raise P4Error(span, f"{takes}; the one for '{parameter.name}' is missing")
        return pairs

    def arguments(
        self, pairs: list[Pair], free: set[TypeVar], bindings: dict[TypeVar, Type], what: str, span: Span
    ) -> tuple[Bound, ...]:
        """Checks the arguments, binds the open type parameters `free`, converts and checks directions."""
        for parameter, argument in pairs:
            if argument is not None and argument.value is not None:
                expected = substitute(parameter.type, bindings)
                actual = self.infer(argument.value, None if mentions(expected, free) else expected)
                infer(expected, actual, free, bindings)
        for variable in free:
            if variable not in bindings and self._determines(variable, pairs):
                message = f"{what}: cannot tell what {variable} is; write it: {what}<…>(…)"
                raise P4Error(span, message)
            self._check_bound(variable, bindings.get(variable), what, span)
        return tuple(self._bind(p, a, free, bindings, what) for p, a in pairs)

    def _check_bound(self, variable: TypeVar, type_: Type | None, what: str, span: Span) -> None:
        """Type parameters stand for data; what has no width yet is complained about with its argument."""
        if isinstance(type_, model.AnonymousStruct):
            raise P4Error(span, f"{what}: say which struct is meant: (S) {{…}}")
        if type_ is not None and not (storable(type_) or contains_int(type_) or is_text(type_)):
            raise P4Error(span, f"{what}: {variable} cannot stand for {type_}")

    def _determines(self, variable: TypeVar, pairs: list[Pair]) -> bool:
        return any(a is not None and mentions(p.type, {variable}) for p, a in pairs)

    def _bind(
        self,
        parameter: ParameterType,
        argument: ast.Argument | None,
        free: set[TypeVar],
        bindings: dict[TypeVar, Type],
        what: str,
    ) -> Bound:
        type_ = substitute(parameter.type, bindings)
        node = parameter.declaration
        if argument is None:
            return Bound(node, type_, node.default, omitted=node.default is None)
        if argument.value is None:
            if parameter.direction != "out":
                raise P4Error(argument.span, f"'_' stands for an out argument; '{parameter.name}' is not one")
            return Bound(node, type_, None)
        role = f"argument '{parameter.name}' of {what}"
        if parameter.direction in ("out", "inout"):
            self._check_written(role, parameter, type_, argument.value)
        elif contains_int(type_) and mentions(parameter.type, free):
            message = f"{what}: give the numbers for '{parameter.name}' a width, e.g. 32w0"
            raise P4Error(argument.value.span, message)
        else:
            self.convert(argument.value, type_, role)
        return Bound(node, type_, argument.value)

    def _check_written(self, role: str, parameter: ParameterType, type_: Type, value: ast.Expression) -> None:
        """An out or inout argument: something to write to, of exactly this type."""
        self.require_writable(value, f"{role} is '{parameter.direction}'")
        actual = self.typed.types[value]
        if actual != type_:
            raise P4Error(value.span, f"{role} is '{parameter.direction}' and must be {type_}, not {actual}")

    def require_compile_time(self, bound: Bound, what: str) -> None:
        """For constructor arguments and arguments without direction of functions."""
        value = bound.value
        if value is None:
            return
        if isinstance(bound.type, INSTANCES):
            if isinstance(value, ast.Path | ast.ConstructorCall):
                return
        elif self.compile_time(value):
            return
        name = bound.parameter.name
        raise P4Error(value.span, f"argument '{name}' of {what} must be known at compile time")


class CallChecker(ArgumentChecker):
    def call(self, e: ast.Call, hint: Type | None) -> Type:
        match e.function:
            case ast.Path():
                return self._call_named(e, e.function, hint)
            case ast.Member():
                return self._call_member(e, e.function, hint)
            case ast.TypeMember():
                return self._size_of(e, e.function.name, self.resolve(e.function.type), e.function)
        raise P4Error(e.span, "only functions, actions and methods can be called")

    def _record(
        self,
        node: CallNode,
        kind: CallKind,
        target: CallTarget,
        arguments: tuple[Bound, ...],
        result: Type,
        receiver: ast.Expression | None = None,
        type_arguments: dict[TypeVar, Type] | None = None,
    ) -> Type:
        self.typed.calls[node] = ResolvedCall(kind, target, arguments, result, receiver, type_arguments or {})
        return result

    # ----------------------------------------------------------------- functions and actions

    def _call_named(self, e: ast.Call, path: ast.Path, hint: Type | None) -> Type:
        candidates = self.named(path)
        functions = [c for c in candidates if isinstance(c, ast.ExternFunction | ast.FunctionDeclaration)]
        if not functions:
            self.typed.declarations[path] = candidates[0]
            if isinstance(candidates[0], ast.ActionDeclaration):
                return self._call_action(e, candidates[0])
            if isinstance(candidates[0], ast.TableDeclaration):
                raise P4Error(e.span, f"'{path.name}' is a table; apply it with {path.name}.apply()")
            raise P4Error(e.span, f"'{path.name}' is no function or action; it cannot be called")
        signatures = [self.signature(f.prototype) for f in functions]
        chosen = self._overload(signatures, e, f"'{path.name}'")
        function = functions[chosen]
        self.typed.declarations[path] = function
        arguments, bindings, result = self.apply_signature(signatures[chosen], e, {}, hint)
        if isinstance(function, ast.ExternFunction):
            self._check_static(arguments, path.name)
            self._check_function(e, function, arguments)
        kind: CallKind = "extern_function" if isinstance(function, ast.ExternFunction) else "function"
        return self._record(e, kind, function, arguments, result, None, bindings)

    def _check_function(
        self, e: ast.Call, function: ast.ExternFunction, arguments: tuple[Bound, ...]
    ) -> None:
        for annotation in function.annotations:
            if annotation.name == "deprecated":
                advice = (annotation.body or "").strip('"')
                self.warn(e.span, f"'{function.name}' is deprecated; {advice}")
        if function.name == "static_assert" and arguments[0].value is not None:
            check_static_assert(e, [None if b.value is None else self.constant(b.value) for b in arguments])
            self.typed.constants[e] = True

    def _check_static(self, arguments: tuple[Bound, ...], what: str) -> None:
        for bound in arguments:
            if not bound.parameter.direction:
                self.require_compile_time(bound, what)

    def _call_action(self, e: ast.Call, action: ast.ActionDeclaration) -> Type:
        if e.type_arguments:
            raise P4Error(e.span, "an action takes no type arguments")
        pairs = self.pair(self.action_parameters(action), e.arguments, action.name, e.span)
        arguments = self.arguments(pairs, set(), {}, action.name, e.span)
        return self._record(e, "action", action, arguments, model.VOID)

    def _overload(self, signatures: Sequence[model.Function], e: ast.Call, what: str) -> int:
        """The one that these arguments can be for, by number and names."""
        fitting = [i for i, s in enumerate(signatures) if accepts(s.parameters, e.arguments)]
        if len(fitting) == 1 or len(signatures) == 1:
            return fitting[0] if fitting else 0
        choices = "; ".join(str(s) for s in signatures)
        if not fitting:
            raise P4Error(e.span, f"no {what} takes these arguments. There is: {choices}")
        for index in fitting:
            if self._types_fit(signatures[index], e):
                return index
        raise P4Error(e.span, f"which {what} is meant? There is: {choices}")

    def _types_fit(self, signature: model.Function, e: ast.Call) -> bool:
        for parameter, argument in zip(signature.parameters, e.arguments, strict=False):
            if argument.value is not None:
                actual = self.infer(argument.value)
                free = isinstance(parameter.type, TypeVar) or isinstance(actual, model.Int)
                if not free and type(actual) is not type(parameter.type):
                    return False
        return True

    def apply_signature(
        self, signature: model.Function, e: ast.Call, known: dict[TypeVar, Type], hint: Type | None
    ) -> tuple[tuple[Bound, ...], dict[TypeVar, Type], Type]:
        """Arguments, all type arguments, and result of calling `signature`; `known` binds its extern's."""
        what = signature.name
        bindings = dict(known)
        variables = signature.type_parameters
        if e.type_arguments:
            if len(e.type_arguments) != len(variables):
                wanted = f"{len(variables) or 'no'} type argument{'s' * (len(variables) != 1)}"
                raise P4Error(e.span, f"{what} takes {wanted}, not {len(e.type_arguments)}")
            for variable, type_ref in zip(variables, e.type_arguments, strict=True):
                if not isinstance(type_ref, ast.DontCareType):
                    bindings[variable] = self.resolve(type_ref)
        free = {v for v in variables if v not in bindings}
        pairs = self.pair(signature.parameters, e.arguments, what, e.span)
        arguments = self.arguments(pairs, free, bindings, what, e.span)
        result = signature.result
        if hint is not None:
            infer(result, hint, free, bindings)
        if mentions(result, {v for v in free if v not in bindings}):
            raise P4Error(e.span, f"{what}: say what type to return: {what}<…>(…)")
        return arguments, bindings, substitute(result, bindings)

    # ----------------------------------------------------------------- methods

    def _call_member(self, e: ast.Call, function: ast.Member, hint: Type | None) -> Type:
        receiver = self.infer(function.base)
        match receiver:
            case model.Extern():
                return self._call_method(e, function, receiver, hint)
            case model.Table():
                return self._apply_table(e, function, receiver)
            case model.Control() | model.Parser():
                return self._apply_block(e, function, receiver)
            case model.Header() | model.HeaderUnion() | model.Stack():
                return self._builtin(e, function, receiver)
            case model.Struct() if function.name in _SIZES:
                return self._size_of(e, function.name, receiver, function.base)
            case model.Struct() if function.name in _OF_HEADERS:
                raise P4Error(e.span, f"'{function.name}' is for headers; {receiver} is a struct")
        raise P4Error(e.span, f"{receiver} has no method '{function.name}'")

    def _call_method(
        self, e: ast.Call, function: ast.Member, receiver: model.Extern, hint: Type | None
    ) -> Type:
        extern = receiver.declaration
        methods = [m for m in extern.methods if m.name == function.name and m.result is not None]
        if not methods:
            hint_ = self.suggestion(function.name, [m.name for m in extern.methods if m.result])
            raise P4Error(e.span, f"extern {extern.name} has no method '{function.name}'{hint_}")
        known = {
            TypeVar(p.name, p): t for p, t in zip(extern.type_parameters, receiver.arguments, strict=False)
        }
        signatures = [self.signature(m) for m in methods]
        chosen = self._overload(signatures, e, f"method '{function.name}' of {extern.name}")
        arguments, bindings, result = self.apply_signature(signatures[chosen], e, known, hint)
        self._check_static(arguments, function.name)
        if extern.name in ("packet_in", "packet_out"):
            own = signatures[chosen].type_parameters
            type_argument = bindings.get(own[0]) if own else None
            check_packet_method(extern.name, function.name, type_argument, self.scopes.body.kind, e.span)
        return self._record(e, "method", methods[chosen], arguments, result, function.base, bindings)

    def _apply_table(self, e: ast.Call, function: ast.Member, table: model.Table) -> Type:
        if function.name != "apply":
            raise P4Error(e.span, f"a table has the method apply, not '{function.name}'")
        if self.scopes.body.kind != "control":
            raise P4Error(e.span, "a table is applied in the 'apply' block of a control, not here")
        if e.arguments or e.type_arguments:
            raise P4Error(e.span, "apply of a table takes no arguments")
        result = model.ApplyResult(table.declaration)
        return self._record(e, "apply_table", table.declaration, (), result, function.base)

    def _apply_block(self, e: ast.Call, function: ast.Member, block: model.Control | model.Parser) -> Type:
        kind = "control" if isinstance(block, model.Control) else "parser"
        if function.name != "apply" or e.type_arguments:
            raise P4Error(e.span, f"a {kind} is applied: {block.name}.apply(…)")
        self._check_place(kind, e.span)
        what = f"{block.name}.apply"
        pairs = self.pair(block.parameters, e.arguments, what, e.span)
        arguments = self.arguments(pairs, set(), {}, what, e.span)
        call_kind: CallKind = "apply_control" if kind == "control" else "apply_parser"
        return self._record(e, call_kind, block.declaration, arguments, model.VOID, function.base)

    def _check_place(self, kind: str, span: Span) -> None:
        place = self.scopes.body.kind
        if kind == "control" and place != "control":
            raise P4Error(span, "a control is applied in the 'apply' block of a control, not here")
        if kind == "parser" and place != "state":
            raise P4Error(span, "a parser is applied in a state of a parser, not here")

    def direct_application(self, node: ast.DirectApplication) -> None:
        block = self.resolve(node.type)
        if not isinstance(block, model.Control | model.Parser):
            raise P4Error(node.span, f"only a control or parser can be applied, not {block}")
        declaration = block.declaration
        if not isinstance(declaration, ast.ControlDeclaration | ast.ParserDeclaration):
            raise P4Error(node.span, f"{block.name} is only a type: it has no body to apply")
        if declaration.constructor_parameters:
            raise P4Error(node.span, f"{block.name} has constructor parameters; make an instance to apply")
        kind = "control" if isinstance(block, model.Control) else "parser"
        self._check_place(kind, node.span)
        what = f"{block.name}.apply"
        pairs = self.pair(block.parameters, node.arguments, what, node.span)
        arguments = self.arguments(pairs, set(), {}, what, node.span)
        call_kind: CallKind = "apply_control" if kind == "control" else "apply_parser"
        self._record(node, call_kind, declaration, arguments, model.VOID)

    # ----------------------------------------------------------------- built-in methods

    def _builtin(
        self,
        e: ast.Call,
        function: ast.Member,
        receiver: model.Header | model.HeaderUnion | model.Stack,
    ) -> Type:
        name = function.name
        is_stack = isinstance(receiver, model.Stack)
        if name == "isValid" and not is_stack and not e.arguments:
            return self._record(e, "builtin", "isValid", (), model.BOOL, function.base)
        if name in ("setValid", "setInvalid") and isinstance(receiver, model.Header) and not e.arguments:
            self.require_writable(function.base, name)
            target: CallTarget = "setValid" if name == "setValid" else "setInvalid"
            return self._record(e, "builtin", target, (), model.VOID, function.base)
        if name in ("push_front", "pop_front") and is_stack:
            return self._shift_stack(e, function)
        return self._size_of(e, name, receiver, function.base)

    def _shift_stack(self, e: ast.Call, function: ast.Member) -> Type:
        name = function.name
        value = e.arguments[0].value if len(e.arguments) == 1 else None
        if value is None:
            raise P4Error(e.span, f"{name} takes how many places to move the stack by")
        self.number(value, f"the argument of {name}", 1)
        self.require_writable(function.base, name)
        count = ast.Parameter(value.span, "count", "", ast.SimpleType(value.span, "int"))
        bound = (Bound(count, model.INT, value),)
        target: CallTarget = "push_front" if name == "push_front" else "pop_front"
        return self._record(e, "builtin", target, bound, model.VOID, function.base)

    def _size_of(self, e: ast.Call, name: str, type_: Type, receiver: ast.Expression) -> Type:
        sizes = sizes_in_bits(type_)
        target = _SIZES.get(name)
        if target is None:
            hint = self.suggestion(name, [*_OF_HEADERS, *_SIZES, "push_front", "pop_front"])
            raise P4Error(e.span, f"{type_} has no method '{name}'{hint}")
        if sizes is None:
            raise P4Error(e.span, f"{type_} has no size in a packet")
        bits = sizes[0] if name.startswith("min") else sizes[1]
        self.typed.constants[e] = (bits + 7) // 8 if name.endswith("Bytes") else bits
        return self._record(e, "builtin", target, (), model.INT, receiver)


def _count(parameters: Sequence[ParameterType]) -> str:
    return "1 argument" if len(parameters) == 1 else f"{len(parameters) or 'no'} arguments"


def accepts(parameters: Sequence[ParameterType], arguments: Sequence[ast.Argument]) -> bool:
    """Whether number and names of the arguments allow this overload."""
    if len(arguments) > len(parameters):
        return False
    names = {a.name for a in arguments if a.name is not None}
    if names:
        given = {p.name for p in parameters} & names
        return given == names and all(p.optional or p.name in names for p in parameters)
    return all(p.optional for p in parameters[len(arguments) :])
