"""From preprocessed lines to tokens, by one compiled regular expression a line.

Source: P4_16 Language Specification 1.2.5, section 6.4 and appendix "P4 reserved keywords".
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from p4xdp.source import NOWHERE, P4Error, Span
from p4xdp.syntax.preprocess import Line


class Token(NamedTuple):
    """`kind` is "name", "number", "string", "end", or the text itself of a keyword or operator."""

    kind: str
    text: str
    span: Span


KEYWORDS = frozenset({
    "abstract", "action", "bit", "bool", "break", "const", "continue", "control", "default", "else", "enum",
    "error", "exit", "extern", "false", "for", "header", "header_union", "if", "in", "inout", "int",
    "match_kind", "out", "package", "parser", "return", "select", "string", "struct", "switch", "table",
    "this", "transition", "true", "tuple", "typedef", "value_set", "varbit", "void", "_",
})  # fmt: skip
# These are keywords only where the grammar expects them, and names anywhere else:
# actions apply entries key list priority state type, pragma.

_TOKEN = re.compile(
    r"""\s+
      | (?P<name>[A-Za-z_]\w*)
      | (?P<number>(?:\d+[ws])?(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|0[dD][\d_]+|\d[\d_]*))(?!\w)
      | (?P<string>"(?:[^"\\]|\\.)*")
      | (?P<op>&&&=?|\|\+\|=?|\|-\|=?|<<=|\.\.\.|\{\#\}|\+\+|\+:|<<|<=|>=|==|!=|&&|\|\||\.\.
          |\+=|-=|\*=|/=|%=|&=|\|=|\^=|[-+*/%&|^~!?:;,.=<>(){}\[\]@])
      | (?P<bad>.)
    """,
    re.VERBOSE | re.ASCII,
)
_INT = re.compile(r"(?:(?P<width>\d+)(?P<sign>[ws]))?(?P<digits>0[xX]\w+|0[bB]\w+|0[oO]\w+|0[dD]\w+|\d\w*)")


def tokenize(lines: Iterable[Line]) -> list[Token]:
    """All tokens, then one of kind "end" at the last place seen. `>>` comes as two `>`: the parser joins
    them where an operator is meant. Raises P4Error for a character or literal that cannot be."""
    tokens: list[Token] = []
    append = tokens.append
    span = NOWHERE
    for line in lines:
        path, number, breaks = line.path, line.number, line.breaks
        simple = breaks[0][1] if len(breaks) == 1 else 0
        for match in _TOKEN.finditer(line.text):
            kind = match.lastgroup
            if kind is None:
                continue
            text = match[0]
            start = match.start()
            column = start + simple if simple else _column(breaks, start)
            span = Span(path, number, column, len(text))
            if kind == "name":
                append(Token(text if text in KEYWORDS else "name", text, span))
            elif kind == "op":
                append(Token(text, text, span))
            elif kind == "bad":
                raise P4Error(span, _complaint(text, line.text[start:]))
            else:
                append(Token(kind, text, span))
    append(Token("end", "the end of the file", span))
    return tokens


def _column(breaks: tuple[tuple[int, int], ...], offset: int) -> int:
    """Column in the file; text that a macro put there stands at the macro's name."""
    at, column = breaks[0]
    for start, start_column in breaks:
        if start > offset:
            break
        at, column = start, start_column
    return column + offset - at


def _complaint(char: str, rest: str) -> str:
    if char == '"':
        return "this string has no closing '\"' on its line"
    if rest[:1].isdigit():
        literal = re.match(r"\w+", rest)
        return f"'{literal[0] if literal else char}' is not a number; literals look like 10, 0x0a, 8w10, 8s10"
    return f"character {char!r} has no place in P4"


def integer(token: Token) -> tuple[int, int | None, bool]:
    """Value, width (None if not written) and signedness of a "number" token."""
    match = _INT.fullmatch(token.text)
    base = 10
    digits = match["digits"].replace("_", "") if match else ""
    if len(digits) > 1 and digits[1] in "xXbBoOdD":
        base = {"x": 16, "b": 2, "o": 8, "d": 10}[digits[1].lower()]
        digits = digits[2:]
    try:
        value = int(digits, base)
    except ValueError:
        message = f"'{token.text}' is not a number; literals look like 10, 0x0a, 8w10, 8s10"
        raise P4Error(token.span, message) from None
    if match is None or match["width"] is None:
        return value, None, False
    width, signed = int(match["width"]), match["sign"] == "s"
    if width < 1 or width > MAX_WIDTH:
        raise P4Error(token.span, f"the width of '{token.text}' must be from 1 to {MAX_WIDTH} bits")
    return value, width, signed


MAX_WIDTH = 8192
