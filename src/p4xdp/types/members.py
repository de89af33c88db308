"""Names, fields, members of types, indexing, and what can be written to."""

from __future__ import annotations

from p4xdp.source import P4Error, Unsupported
from p4xdp.syntax import ast
from p4xdp.types import model
from p4xdp.types.model import BOOL, Type
from p4xdp.types.operators import OperatorChecker
from p4xdp.types.relations import as_bits
from p4xdp.types.resolve import Resolver
from p4xdp.types.scope import TYPE_DECLARATIONS

_INDEX = model.Bits(32)
_BUILTINS = frozenset({"isValid", "setValid", "setInvalid", "push_front", "pop_front", "apply"})


class MemberChecker(OperatorChecker, Resolver):
    # ----------------------------------------------------------------- names

    def named(self, e: ast.Path) -> tuple[ast.Named, ...]:
        """What a name stands for: one declaration, or several overloaded functions."""
        found = self.scopes.find(e.name, e.span, absolute=e.absolute)
        if found is None:
            hint = self.suggestion(e.name, self.scopes.known(types=False))
            raise P4Error(e.span, f"unknown name '{e.name}'{hint}")
        values = tuple(d for d in found if not isinstance(d, TYPE_DECLARATIONS))
        if not values:
            raise P4Error(e.span, f"'{e.name}' is a type, but a value is needed here")
        return values

    def path(self, e: ast.Path) -> Type:
        declaration = self.named(e)[0]
        self.typed.declarations[e] = declaration
        match declaration:
            case ast.TableDeclaration():
                return model.Table(declaration.name, declaration)
            case ast.ActionDeclaration():
                parameters = self.action_parameters(declaration)
                return model.Action(declaration.name, declaration, parameters)
            case ast.ExternFunction() | ast.FunctionDeclaration():
                raise P4Error(e.span, f"'{e.name}' is a function; call it with parentheses")
        return self.typed.variables[declaration]

    def action_parameters(self, action: ast.ActionDeclaration) -> tuple[model.ParameterType, ...]:
        return tuple(
            model.ParameterType(p.name, p.direction, self.typed.variables[p], p) for p in action.parameters
        )

    # ----------------------------------------------------------------- members

    def type_member(self, e: ast.TypeMember) -> Type:
        type_ = self.resolve(e.type)
        members: list[str]
        match type_:
            case model.Error():
                members = self.typed.errors
            case model.MatchKind():
                members = self.typed.match_kinds
            case model.Enum():
                members = list(type_.members)
            case model.SerEnum():
                members = [name for name, _ in type_.members]
            case _:
                raise P4Error(e.span, f"{type_} has no members; only enums and error do")
        if e.name not in members:
            hint = self.suggestion(e.name, members)
            raise P4Error(e.span, f"{type_} has no member '{e.name}'{hint}")
        return type_

    def member(self, e: ast.Member) -> Type:
        base = self.infer(e.base)
        match base:
            case model.Fields():
                found = base.find(e.name)
                if found is not None:
                    return found.type
                hint = self.suggestion(e.name, [f.name for f in base.fields])
            case model.Stack():
                return self._of_stack(e, base)
            case model.ApplyResult():
                if e.name in ("hit", "miss"):
                    return BOOL
                if e.name == "action_run":
                    return model.ActionRun(base.table)
                hint = "; it has hit, miss and action_run"
            case model.AnonymousStruct():
                for name, type_ in base.fields:
                    if name == e.name:
                        return type_
                hint = ""
            case _:
                hint = ""
        if e.name in _BUILTINS:
            raise P4Error(e.span, f"'{e.name}' is called with parentheses: {e.name}()")
        raise P4Error(e.span, f"{base} has no field '{e.name}'{hint}")

    def _of_stack(self, e: ast.Member, stack: model.Stack) -> Type:
        match e.name:
            case "size" | "lastIndex":
                if e.name == "lastIndex":
                    self._parser_only(e)
                return _INDEX
            case "next" | "last":
                self._parser_only(e)
                return stack.element
        if e.name in _BUILTINS:
            raise P4Error(e.span, f"'{e.name}' is called with parentheses: {e.name}(…)")
        raise P4Error(e.span, f"a header stack has next, last, lastIndex and size, not '{e.name}'")

    def _parser_only(self, e: ast.Member) -> None:
        if self.scopes.body.kind != "state":
            raise P4Error(e.span, f"'{e.name}' of a header stack is known in a parser only; use an index")

    def index(self, e: ast.Index) -> Type:
        base = self.infer(e.base)
        type_ = self.infer(e.index)
        if as_bits(type_) is None and not isinstance(type_, model.Int):
            raise P4Error(e.index.span, f"an index must be a number, not {type_}")
        value = self.constant(e.index)
        match base:
            case model.Stack():
                self._in_range(e, value, base.size, base)
                return base.element
            case model.Tuple():
                if not isinstance(value, int):
                    raise P4Error(e.index.span, "the index of a tuple must be known at compile time")
                self._in_range(e, value, len(base.elements), base)
                return base.elements[value]
            case model.List():
                raise Unsupported(e.span, "p4xdp cannot index lists yet")
        if as_bits(base) is not None:
            raise P4Error(e.span, "single bits are written as a slice: [n:n]")
        raise P4Error(e.span, f"only header stacks and tuples have elements, not {base}")

    def _in_range(self, e: ast.Index, value: object, size: int, base: Type) -> None:
        if isinstance(value, int) and not 0 <= value < size:
            raise P4Error(e.index.span, f"index {value} is outside {base}: 0 to {size - 1}")

    # ----------------------------------------------------------------- l-values

    def require_writable(self, e: ast.Expression, why: str) -> None:
        """Complains unless `e` is an l-value (specification, section 6.6) that may be written."""
        match e:
            case ast.Path():
                self._require_writable_name(e, why)
            case ast.Member():
                if isinstance(self.typed.types.get(e.base), model.ApplyResult):
                    raise P4Error(e.span, f"{why}: the result of applying a table cannot be changed")
                stack = isinstance(self.typed.types.get(e.base), model.Stack)
                if stack and e.name in ("size", "lastIndex"):
                    raise P4Error(e.span, f"{why}: '{e.name}' of a header stack cannot be changed")
                self.require_writable(e.base, why)
            case ast.Index():
                if isinstance(self.typed.types.get(e.base), model.Tuple):
                    raise P4Error(e.span, f"{why}: the parts of a tuple cannot be changed")
                self.require_writable(e.base, why)
            case ast.Slice() | ast.WidthSlice():
                self.require_writable(e.base, why)
            case _:
                raise P4Error(e.span, f"{why}: only variables and their parts can be changed, not this value")

    def _require_writable_name(self, e: ast.Path, why: str) -> None:
        declaration = self.typed.declarations.get(e)
        match declaration:
            case ast.VariableDeclaration() | ast.ForIn():
                return
            case ast.Parameter():
                if declaration.direction in ("out", "inout"):
                    return
                if declaration.direction == "in":
                    advice = "it is an 'in' parameter; make it 'inout', or copy it to a variable"
                else:
                    advice = "a parameter without direction never changes; copy it to a variable"
                raise P4Error(e.span, f"{why}: '{e.name}' cannot be changed: {advice}")
            case ast.ConstantDeclaration():
                raise P4Error(e.span, f"{why}: '{e.name}' cannot be changed: it is a constant")
        raise P4Error(e.span, f"{why}: '{e.name}' is not a variable")
