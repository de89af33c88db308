"""Types as written: `bit<8>`, `H`, `S<bit<8>, _>`, `H[4]`, `tuple<…>`."""

from __future__ import annotations

from typing import cast

from p4xdp.syntax import ast
from p4xdp.syntax.cursor import Cursor
from p4xdp.syntax.lexer import integer

_SIMPLE = frozenset({"bool", "error", "match_kind", "string", "void"})
_WIDTH = frozenset({"bit", "int", "varbit"})
TYPE_KEYWORDS = _SIMPLE | _WIDTH | {"tuple"}


class TypeParser(Cursor):
    def at_type(self) -> bool:
        """Whether a type starts here: a keyword of one, or a name known to be a type."""
        token = self.token
        if token.kind == "name":
            return self.is_type_name(token.text) or (token.text == "list" and self.ahead().kind == "<")
        if token.kind == ".":
            after = self.ahead()
            return after.kind == "name" and self.scopes[0].get(after.text, False)
        return token.kind in TYPE_KEYWORDS

    def type_ref(self) -> ast.TypeRef:
        with self.deeper():
            base = self._base_type()
            while self.at("["):
                span = self.take().span
                size = self.expression()
                self.expect("]", "after the size of a header stack")
                base = ast.StackType(span, base, size)
            return base

    def _base_type(self) -> ast.TypeRef:
        token = self.token
        if token.kind in _WIDTH:
            return self._width_type()
        if token.kind in _SIMPLE:
            return ast.SimpleType(self.take().span, cast("ast.SimpleName", token.kind))
        if token.kind == "tuple":
            self.take()
            return ast.TupleType(token.span, self.type_arguments())
        if token.kind == "name" and token.text == "list" and self.ahead().kind == "<":
            self.take()
            arguments = self.type_arguments()
            if len(arguments) != 1:
                raise self.error("a list has one element type, list<T>", token.span, found=False)
            return ast.ListType(token.span, arguments[0])
        return self.named_type()

    def named_type(self) -> ast.NamedType:
        """A declared type's name with type arguments, if any."""
        absolute = self.accept(".")
        if not self.at("name"):
            raise self.error("expected a type")
        token = self.take()
        arguments = self.type_arguments() if self.at("<") else ()
        return ast.NamedType(token.span, token.text, absolute, arguments)

    def _width_type(self) -> ast.TypeRef:
        token = self.take()
        name = cast("ast.WidthName", token.kind)
        if not self.accept("<"):
            if name == "int":
                return ast.SimpleType(token.span, "int")
            if name == "varbit":
                raise self.error("varbit needs its greatest width, varbit<W>")
            return ast.WidthType(token.span, name, None)
        width: ast.Expression
        if self.accept("("):
            width = self.expression()
            self.expect(")", f"after the width of {name}")
        elif self.at("number"):
            number = self.take()
            value, bits, signed = integer(number)
            width = ast.IntLiteral(number.span, value, bits, signed)
        elif self.at("name"):
            text = self.token.text
            raise self.error(
                f"a width that is not a number stands in parentheses: {name}<({text})>", found=False
            )
        else:
            raise self.error(f"expected the width of {name}, a number or an expression in parentheses")
        self.expect(">", f"after the width of {name}")
        return ast.WidthType(token.span, name, width)

    def type_arguments(self) -> tuple[ast.TypeRef, ...]:
        """`<T, …>`, each a type or `_`."""
        self.expect("<", "before type arguments")
        arguments: list[ast.TypeRef] = []
        while not self.at(">"):
            if self.at("_"):
                arguments.append(ast.DontCareType(self.take().span))
            else:
                arguments.append(self.type_ref())
            if not self.accept(","):
                break
        self.expect(">", "after type arguments")
        return tuple(arguments)

    def type_parameters(self) -> tuple[ast.TypeParameter, ...]:
        """`<T, …>` of a declaration, or nothing; the names count as types in the current scope."""
        if not self.accept("<"):
            return ()
        parameters: list[ast.TypeParameter] = []
        while not self.at(">"):
            token = self.name("a type parameter")
            self.declare(token.text, is_type=True)
            parameters.append(ast.TypeParameter(token.span, token.text))
            if not self.accept(","):
                break
        self.expect(">", "after type parameters")
        return tuple(parameters)
