"""The parser's place in the token list, and its memory of which names are types.

P4's grammar needs that memory: `(a) - b` is a cast if `a` is a type and a subtraction if not
(specification, appendix "P4 grammar": TYPE_IDENTIFIER against IDENTIFIER).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from p4xdp.source import P4Error, Span
from p4xdp.syntax import ast
from p4xdp.syntax.lexer import KEYWORDS, Token

MAX_NESTING = 100


class Cursor:
    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.index = 0
        self.scopes: list[dict[str, bool]] = [{}]
        self.nesting = 0
        # where a type argument list was tried in an expression, and how that ended
        self.tried: dict[int, tuple[tuple[ast.TypeRef, ...], int] | None] = {}

    # ----------------------------------------------------------------- tokens

    @property
    def token(self) -> Token:
        return self.tokens[self.index]

    def ahead(self, count: int = 1) -> Token:
        return self.tokens[min(self.index + count, len(self.tokens) - 1)]

    def at(self, kind: str) -> bool:
        return self.tokens[self.index].kind == kind

    def at_word(self, word: str) -> bool:
        """At a keyword that is one only in this context (`apply`, `key`, `state`, …)."""
        token = self.tokens[self.index]
        return token.kind == "name" and token.text == word

    def take(self) -> Token:
        token = self.tokens[self.index]
        if token.kind != "end":
            self.index += 1
        return token

    def accept(self, kind: str) -> bool:
        if self.tokens[self.index].kind != kind:
            return False
        self.take()
        return True

    def expect(self, kind: str, where: str) -> Token:
        if self.tokens[self.index].kind != kind:
            raise self.error(f"expected '{kind}' {where}")
        return self.take()

    def expect_word(self, word: str, where: str) -> Token:
        if not self.at_word(word):
            raise self.error(f"expected '{word}' {where}")
        return self.take()

    def name(self, what: str) -> Token:
        """The next token, which must be a name; `what` says of what ("a field", "a parameter")."""
        if self.at("name"):
            return self.take()
        if self.token.kind in KEYWORDS:
            raise self.error(
                f"'{self.token.text}' is a keyword and cannot be the name of {what}", found=False
            )
        raise self.error(f"expected the name of {what}")

    def error(self, message: str, span: Span | None = None, *, found: bool = True) -> P4Error:
        """A complaint about the token here (or `span`); `found` appends what stands here instead."""
        token = self.token
        if found:
            shown = token.text if token.kind == "end" else f"'{token.text}'"
            message = f"{message}, found {shown}"
        return P4Error(span or token.span, message)

    # ----------------------------------------------------------------- names and nesting

    def declare(self, name: str, *, is_type: bool) -> None:
        self.scopes[-1][name] = is_type

    def is_type_name(self, name: str) -> bool:
        for scope in reversed(self.scopes):
            known = scope.get(name)
            if known is not None:
                return known
        return False

    @contextmanager
    def scope(self) -> Iterator[None]:
        self.scopes.append({})
        try:
            yield
        finally:
            self.scopes.pop()

    @contextmanager
    def deeper(self) -> Iterator[None]:
        """Bounds recursion, so that no input exhausts the stack."""
        if self.nesting >= MAX_NESTING:
            raise self.error(
                f"this nests more than {MAX_NESTING} levels deep; name the inner parts", found=False
            )
        self.nesting += 1
        try:
            yield
        finally:
            self.nesting -= 1

    def expression(self) -> ast.Expression:
        raise NotImplementedError
