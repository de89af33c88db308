"""Expressions, arguments and keysets, by precedence climbing.

Unlike in C, `&`, `^` and `|` bind tighter than comparisons (specification section 8, "Expressions").
"""

from __future__ import annotations

import re
from typing import cast

from p4xdp.source import P4Error, Span
from p4xdp.syntax import ast
from p4xdp.syntax.lexer import integer
from p4xdp.syntax.parse_types import TYPE_KEYWORDS, TypeParser

PRECEDENCE = {
    "||": 1, "&&": 2, "==": 3, "!=": 3, "<": 4, ">": 4, "<=": 4, ">=": 4, "|": 5, "^": 6, "&": 7,
    "<<": 8, ">>": 8, "+": 9, "-": 9, "++": 9, "|+|": 9, "|-|": 9, "*": 10, "/": 10, "%": 10,
}  # fmt: skip
MAX_CHAIN = 200
_ESCAPE = re.compile(r"\\(.)")


class ExpressionParser(TypeParser):
    def expression(self) -> ast.Expression:
        with self.deeper():
            condition = self._binary(1)
            if not self.at("?"):
                return condition
            span = self.take().span
            then = self.expression()
            self.expect(":", "between the two values of '?'")
            return ast.Mux(span, condition, then, self.expression())

    def _binary(self, least: int) -> ast.Expression:
        left = self._unary()
        for _ in range(MAX_CHAIN):
            op, length = self._operator()
            precedence = PRECEDENCE.get(op, 0)
            if precedence < least:
                return left
            span = self.token.span
            self.index += length
            right = self._binary(precedence + 1)
            left = ast.Binary(span, cast(ast.BinaryOp, op), left, right)
        raise self.error(f"more than {MAX_CHAIN} operators in one expression; split it", found=False)

    def _operator(self) -> tuple[str, int]:
        """The binary operator here and how many tokens it has: `>>` comes as two, for `S<bit<8>>`."""
        op = self.token.kind
        if op == ">" and self.ahead().kind == ">":
            return ">>", 2
        return op, 1

    def _unary(self) -> ast.Expression:
        token = self.token
        with self.deeper():
            if token.kind in ("!", "~", "-", "+"):
                self.take()
                return ast.Unary(token.span, cast("ast.UnaryOp", token.kind), self._unary())
            if token.kind == "(":
                return self._cast() or self.postfix(self._parenthesis())
            return self.postfix(self.primary())

    def _cast(self) -> ast.Cast | None:
        """`(type) operand` if a type stands alone in these parentheses."""
        start = self.index
        self.take()
        if self.at_type() and not (self.at("error") and self.ahead().kind == "."):
            span = self.tokens[start].span
            by_keyword = self.token.kind in TYPE_KEYWORDS
            type_ref = self.type_ref()
            if self.at(")") or by_keyword:
                self.expect(")", "after the type of a cast")
                return ast.Cast(span, type_ref, self._unary())
        self.index = start
        return None

    def _parenthesis(self) -> ast.Expression:
        self.take()
        inner = self.expression()
        self.expect(")", "to close this parenthesis")
        return inner

    def primary(self) -> ast.Expression:
        token = self.token
        match token.kind:
            case "number":
                value, width, signed = integer(self.take())
                return ast.IntLiteral(token.span, value, width, signed)
            case "string":
                return ast.StringLiteral(self.take().span, _ESCAPE.sub(r"\1", token.text[1:-1]))
            case "true" | "false":
                return ast.BoolLiteral(self.take().span, token.kind == "true")
            case "this":
                return ast.This(self.take().span)
            case "...":
                return ast.Dots(self.take().span)
            case "{#}":
                return ast.InvalidHeader(self.take().span)
            case "{":
                return self._braces()
            case "name" | ".":
                return self._type_expression() if self.at_type() else self.path()
            case kind if kind in TYPE_KEYWORDS:
                return self._type_expression()
        raise self.error("expected an expression")

    def path(self) -> ast.Path:
        absolute = self.accept(".")
        token = self.name("a value")
        return ast.Path(token.span, token.text, absolute)

    def _type_expression(self) -> ast.Expression:
        """`Enum.member`, `error.member`, `Header.minSizeInBits()`, or `Type(arguments)`."""
        start = self.token
        type_ref = self.type_ref()
        if self.accept("."):
            member = self.name("a member")
            return ast.TypeMember(member.span, type_ref, member.text)
        if self.at("(") and isinstance(type_ref, ast.NamedType):
            return ast.ConstructorCall(type_ref.span, type_ref, self.arguments())
        raise P4Error(start.span, f"'{start.text}' is a type, but a value is needed here")

    def postfix(self, base: ast.Expression) -> ast.Expression:
        for _ in range(MAX_CHAIN):
            match self.token.kind:
                case ".":
                    self.take()
                    member = self.name("a field or method")
                    base = ast.Member(member.span, base, member.text)
                case "[":
                    base = self._subscript(base)
                case "(" if not isinstance(base, ast.ConstructorCall):
                    base = ast.Call(base.span, base, (), self.arguments())
                case "<" if isinstance(base, ast.Path | ast.Member | ast.TypeMember):
                    type_arguments = self._call_type_arguments()
                    if type_arguments is None:
                        return base
                    base = ast.Call(base.span, base, type_arguments, self.arguments())
                case _:
                    return base
        raise self.error(f"more than {MAX_CHAIN} accesses in one expression; split it", found=False)

    def _call_type_arguments(self) -> tuple[ast.TypeRef, ...] | None:
        """The arguments of `f<T>(…)`, or None if `<` is a comparison here. Both outcomes are remembered,
        so that nothing is tried twice."""
        start = self.index
        if start not in self.tried:
            self.tried[start] = None
            try:
                arguments = self.type_arguments()
                if self.at("(") and not any(map(self._is_value, arguments)):
                    self.tried[start] = (arguments, self.index)
            except P4Error:
                pass
            self.index = start
        found = self.tried[start]
        if found is None:
            return None
        self.index = found[1]
        return found[0]

    def _is_value(self, argument: ast.TypeRef) -> bool:
        """Whether this was no type argument after all, as in `f(a < b, c > (d))`."""
        if not isinstance(argument, ast.NamedType):
            return False
        known = any(argument.name in scope for scope in self.scopes)
        return known and not self.is_type_name(argument.name)

    def _subscript(self, base: ast.Expression) -> ast.Expression:
        span = self.take().span
        first = self.expression()
        result: ast.Expression
        if self.accept(":"):
            result = ast.Slice(span, base, first, self.expression())
        elif self.accept("+:"):
            result = ast.WidthSlice(span, base, first, self.expression())
        else:
            result = ast.Index(span, base, first)
        self.expect("]", "to close this bracket")
        return result

    def _braces(self) -> ast.Expression:
        """`{a, b}`, or `{x = a, y = b}`; a comma may end it, and `...` may come last."""
        span = self.take().span
        if self.at("name") and self.ahead().kind == "=":
            return self._named_fields(span)
        elements: list[ast.Expression] = []
        while not self.at("}"):
            elements.append(self.expression())
            if not self.accept(","):
                break
        self.expect("}", "to close this list")
        return ast.ListExpression(span, tuple(elements))

    def _named_fields(self, span: Span) -> ast.StructExpression:
        fields: list[ast.NamedField] = []
        rest = False
        while not self.at("}") and not rest:
            if self.accept("..."):
                rest = True
            else:
                fields.append(self.named_field())
            if not self.accept(","):
                break
        self.expect("}", "to close this list of fields")
        return ast.StructExpression(span, tuple(fields), rest)

    def named_field(self) -> ast.NamedField:
        token = self.name("a field")
        self.expect("=", f"after the field's name '{token.text}'")
        return ast.NamedField(token.span, token.text, self.expression())

    # ----------------------------------------------------------------- arguments and keysets

    def arguments(self) -> tuple[ast.Argument, ...]:
        """`(value, name = value, _)`."""
        self.expect("(", "before arguments")
        arguments: list[ast.Argument] = []
        while not self.at(")"):
            span, name = self.token.span, None
            if self.at("name") and self.ahead().kind == "=":
                name = self.take().text
                self.take()
            if self.at("_"):
                self.take()
                arguments.append(ast.Argument(span, name, None))
            else:
                value = self.expression()
                arguments.append(ast.Argument(span if name else value.span, name, value))
            if not self.accept(","):
                break
        self.expect(")", "after arguments")
        return tuple(arguments)

    def keysets(self) -> tuple[ast.Expression, ...]:
        """What stands before the ':' of a select case or an entry: one set, or several in parentheses."""
        if not self.at("(") or self._after_parenthesis() != ":":
            return (self.keyset(),)
        self.take()
        keysets: list[ast.Expression] = []
        while not self.at(")"):
            keysets.append(self.keyset())
            if not self.accept(","):
                break
        self.expect(")", "after the sets of a case")
        return tuple(keysets)

    def _after_parenthesis(self) -> str:
        """The kind of the token after the parenthesis that opens here is closed again."""
        depth = 0
        for index in range(self.index, len(self.tokens)):
            kind = self.tokens[index].kind
            depth += (kind == "(") - (kind == ")")
            if depth == 0:
                return self.tokens[min(index + 1, len(self.tokens) - 1)].kind
            if kind in (";", "}") and depth == 1:
                break
        return "end"

    def keyset(self) -> ast.Expression:
        if self.at("default") or self.at("_"):
            return ast.AnyValue(self.take().span)
        value = self.expression()
        span = self.token.span
        if self.accept("&&&"):
            return ast.Mask(span, value, self.expression())
        if self.accept(".."):
            return ast.Range(span, value, self.expression())
        return value
