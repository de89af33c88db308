"""Implicit conversions (specification, section "Implicit casts") and casts as written."""

from __future__ import annotations

from p4xdp.source import P4Error
from p4xdp.syntax import ast
from p4xdp.types import model
from p4xdp.types.base import Base
from p4xdp.types.constants import evaluate, fits, reduce
from p4xdp.types.model import Type
from p4xdp.types.relations import same_interface


class Converter(Base):
    def check(self, e: ast.Expression, target: Type, role: str) -> None:
        self.infer(e, target)
        self.convert(e, target, role)

    def convert(self, e: ast.Expression, target: Type, role: str) -> None:
        """Makes the checked expression `e` one of type `target`, or complains about its `role`."""
        actual = self.typed.types[e]
        if actual == target:
            return
        match actual, target:
            case model.Int(), model.Bits():
                self._number(e, target)
            case model.SerEnum(), model.Bits() if actual.underlying == target:
                pass
            case (model.Parser(), model.Parser()) | (model.Control(), model.Control()):
                if not same_interface(target, actual):  # type: ignore[arg-type]  # mypy loses the pair
                    raise P4Error(e.span, f"{role}: {_difference(target, actual)}")
            case _ if isinstance(e, ast.ListExpression):
                self._list(e, target, role)
            case _ if isinstance(e, ast.StructExpression):
                self._struct(e, target, role)
            case _ if isinstance(e, ast.Mux):
                self.convert(e.then, target, role)
                self.convert(e.other, target, role)
                self.typed.types[e] = target
            case _:
                raise P4Error(e.span, f"{role} must be {target}, not {actual}{_advice(actual, target)}")

    def _number(self, e: ast.Expression, target: model.Bits) -> None:
        """A compile-time integer takes the width expected."""
        if isinstance(e, ast.Mux) and e not in self.typed.constants:
            raise P4Error(e.span, f"give one of the two values a width, e.g. {target.width}w0")
        self.typed.types[e] = target
        value = self.typed.constants.get(e)
        if isinstance(value, int):
            self.typed.constants[e] = reduce(value, target)
            if not fits(value, target):
                self.warn(
                    e.span, f"{value} does not fit into {target}; the lowest {target.width} bits are used"
                )

    def _list(self, e: ast.ListExpression, target: Type, role: str) -> None:
        match target:
            case model.Fields():
                types = [f.type for f in target.fields]
            case model.Tuple():
                types = list(target.elements)
            case model.List():
                types = [target.element] * len(e.elements)
            case model.Stack():
                types = [target.element] * len(e.elements)
            case _:
                raise P4Error(e.span, f"{role} must be {target}, not a list of values")
        elements = e.elements
        if elements and isinstance(elements[-1], ast.Dots):
            elements = elements[:-1]
            if len(elements) > len(types):
                raise P4Error(e.span, f"{role}: {target} has {len(types)} parts, the list {len(elements)}")
            self.typed.types[e.elements[-1]] = target
        elif len(elements) != len(types) and not isinstance(target, model.Stack):
            raise P4Error(e.span, f"{role}: {target} has {len(types)} parts, the list has {len(elements)}")
        elif isinstance(target, model.Stack) and len(elements) > target.size:
            raise P4Error(e.span, f"{role}: {target} has {target.size} elements, the list {len(elements)}")
        for element, type_ in zip(elements, types, strict=False):
            self.convert(element, type_, "a part of the list")
        self._retype(e, target)

    def _struct(self, e: ast.StructExpression, target: Type, role: str) -> None:
        if not isinstance(target, model.Struct | model.Header):
            raise P4Error(e.span, f"{role} must be {target}, not a struct")
        given = {field.name for field in e.fields}
        for field in e.fields:
            wanted = target.find(field.name)
            if wanted is None:
                hint = self.suggestion(field.name, [f.name for f in target.fields])
                raise P4Error(field.span, f"{target} has no field '{field.name}'{hint}")
            self.convert(field.value, wanted.type, f"field '{field.name}'")
        missing = [f.name for f in target.fields if f.name not in given]
        if missing and not e.rest:
            raise P4Error(
                e.span, f"{target} also has {', '.join(missing)}; end with '...' for their defaults"
            )
        self._retype(e, target)

    def _retype(self, e: ast.Expression, target: Type) -> None:
        self.typed.types[e] = target
        value = evaluate(e, self.typed, self.typed.constants.get)
        if value is not None:
            self.typed.constants[e] = value

    # ----------------------------------------------------------------- casts

    def cast(self, e: ast.Cast) -> Type:
        target = self.resolve(e.type)
        actual = self.infer(e.operand, target)
        if isinstance(e.operand, ast.ListExpression | ast.StructExpression | ast.InvalidHeader):
            self.convert(e.operand, target, "the value cast")
        elif not self._can_cast(e.operand, actual, target):
            raise P4Error(e.span, f"cannot cast {actual} to {target}{_steps(actual, target)}")
        return target

    def _can_cast(self, operand: ast.Expression, actual: Type, target: Type) -> bool:
        if actual == target:
            return True
        match actual, target:
            case model.Bits(), model.Bits():
                return actual.width == target.width or actual.signed == target.signed
            case model.Int(), model.Bits():
                return True
            case model.Int(), model.SerEnum() | model.NewType():
                base = target.underlying if isinstance(target, model.SerEnum) else target.base
                return isinstance(base, model.Bits)
            case model.Int(), model.Bool():
                return self.typed.constants.get(operand) in (0, 1)
            case model.Bits(), model.Int():
                return operand in self.typed.constants
            case model.Bool(), model.Bits():
                return target == model.Bits(1)
            case model.Bits(), model.Bool():
                return actual == model.Bits(1)
            case model.SerEnum(), _:
                return self._can_cast(operand, actual.underlying, target)
            case _, model.SerEnum():
                return self._can_cast(operand, actual, target.underlying)
            case model.NewType(), _:
                return self._can_cast(operand, actual.base, target)
            case _, model.NewType():
                return self._can_cast(operand, actual, target.base)
            case model.TypeVar(), _:
                return False
        return False


def _advice(actual: Type, target: Type) -> str:
    match actual, target:
        case model.Bits(), model.Bits():
            return f"; cast it: ({target})…"
        case model.Bool(), model.Bits(width=1):
            return "; cast it: (bit<1>)…"
        case model.Bits(width=1, signed=False), model.Bool():
            return "; compare it: … == 1"
        case model.Bits() | model.Int(), model.Bool():
            return "; compare it: … != 0"
        case (model.NewType(), _) | (_, model.NewType() | model.SerEnum()):
            return f"; cast it: ({target})…"
    return ""


def _steps(actual: Type, target: Type) -> str:
    match actual, target:
        case model.Bits(), model.Bits():
            between = model.Bits(target.width, actual.signed)
            return f"; width and sign change in two steps: ({target})({between})…"
        case model.Bool(), model.Bits():
            return f"; go by bit<1>: ({target})(bit<1>)…"
        case model.Bits(), model.Bool():
            return "; compare it: … != 0"
    return ""


def _difference(target: Type, actual: Type) -> str:
    assert isinstance(target, model.Parser | model.Control) and isinstance(
        actual, model.Parser | model.Control
    )
    ours, theirs = target.parameters, actual.parameters
    if len(ours) != len(theirs):
        return f"{target.name} has {len(ours)} parameters, {actual.name} has {len(theirs)}"
    for a, b in zip(ours, theirs, strict=True):
        if a.direction != b.direction or a.type != b.type:
            wanted, found = f"{a.direction} {a.type}".strip(), f"{b.direction} {b.type}".strip()
            return f"parameter '{b.name}' of {actual.name} must be {wanted}, not {found}"
    return f"{actual} is not {target}"
