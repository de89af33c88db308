"""The one place that sends every kind of expression to its rule, and records type and value."""

from __future__ import annotations

from p4xdp.source import P4Error, Unsupported
from p4xdp.syntax import ast
from p4xdp.types import model
from p4xdp.types.constants import evaluate, fits, reduce
from p4xdp.types.construct import ConstructorChecker
from p4xdp.types.model import BOOL, INT, STRING, Type
from p4xdp.types.relations import HEADERS


class ExpressionChecker(ConstructorChecker):
    def infer(self, e: ast.Expression, hint: Type | None = None) -> Type:
        type_ = self._infer(e, hint)
        self.typed.types[e] = type_
        if e not in self.typed.constants:
            value = evaluate(e, self.typed, self.typed.constants.get)
            if value is not None:
                self.typed.constants[e] = value
        return type_

    def _infer(self, e: ast.Expression, hint: Type | None) -> Type:
        match e:
            case ast.Path():
                return self.path(e)
            case ast.Member():
                return self.member(e)
            case ast.IntLiteral():
                return self._literal(e)
            case ast.Binary():
                return self.binary(e)
            case ast.Call():
                return self.call(e, hint)
            case ast.Slice():
                return self.slice(e)
            case ast.Cast():
                return self.cast(e)
            case ast.Unary():
                return self.unary(e)
            case ast.BoolLiteral():
                return BOOL
            case ast.StringLiteral():
                return STRING
            case ast.TypeMember():
                return self.type_member(e)
            case ast.Index():
                return self.index(e)
            case ast.WidthSlice():
                return self.width_slice(e)
            case ast.Mux():
                return self.mux(e, hint)
            case ast.ConstructorCall():
                return self.construct(e)
            case ast.ListExpression():
                return self._infer_list(e, hint)
            case ast.StructExpression():
                return self._infer_struct(e, hint)
            case _:
                return self._contextual(e, hint)

    def _literal(self, e: ast.IntLiteral) -> Type:
        if e.width is None:
            return INT
        type_ = model.Bits(e.width, e.signed)
        if not fits(e.value, type_):
            lowest = reduce(e.value, type_)
            self.warn(e.span, f"{e.value} does not fit into {type_}, which takes it as {lowest}")
        return type_

    def _infer_list(self, e: ast.ListExpression, hint: Type | None) -> Type:
        hints: list[Type | None] = []
        match hint:
            case model.Fields():
                hints = [f.type for f in hint.fields]
            case model.Tuple():
                hints = list(hint.elements)
            case model.Stack() | model.List():
                hints = [hint.element] * len(e.elements)
        hints += [None] * (len(e.elements) - len(hints))
        elements = e.elements
        if elements and isinstance(elements[-1], ast.Dots):
            elements = elements[:-1]
            if hint is None:
                raise P4Error(e.elements[-1].span, "'...' needs a type to take defaults from; cast the list")
        return model.Tuple(tuple(self.infer(x, h) for x, h in zip(elements, hints, strict=False)))

    def _infer_struct(self, e: ast.StructExpression, hint: Type | None) -> Type:
        fields: dict[str, Type] = {}
        for field in e.fields:
            if field.name in fields:
                raise P4Error(field.span, f"field '{field.name}' is given twice")
            wanted = hint.find(field.name) if isinstance(hint, model.Fields) else None
            fields[field.name] = self.infer(field.value, wanted.type if wanted else None)
        if e.rest and hint is None:
            raise P4Error(e.span, "'...' needs a type to take defaults from; cast the struct")
        return model.AnonymousStruct(tuple(fields.items()))

    def _contextual(self, e: ast.Expression, hint: Type | None) -> Type:
        match e:
            case ast.InvalidHeader():
                if not isinstance(hint, HEADERS):
                    raise P4Error(
                        e.span, "'{#}' stands for an invalid header, and no header is expected here"
                    )
                return hint
            case ast.Dots():
                if hint is None:
                    raise P4Error(e.span, "'...' stands for a default value, but no type is expected here")
                return hint
            case ast.This():
                raise Unsupported(e.span, "p4xdp cannot do externs with abstract methods, so no 'this'")
            case ast.Mask() | ast.Range() | ast.AnyValue():
                raise P4Error(e.span, "a set of values stands in a select case or a table entry only")
        raise AssertionError(type(e))
