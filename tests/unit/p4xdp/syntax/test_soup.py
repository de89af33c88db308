"""Whatever is thrown at it, the parser answers with a tree or a P4Error, and soon."""

from __future__ import annotations

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from p4xdp.source import P4Error
from p4xdp.syntax import ast, parse_text
from p4xdp.syntax.lexer import KEYWORDS

NAMES = "a b T H f apply key actions entries size state start type list priority accept 1 0 8w3 4s1"
SIGNS = """\"s\" ( ) { } [ ] < > <= >= == = ; : , . .. ... &&& ++ + - * / % ! ~ & | ^ && || ? @ {#} +: |+|"""
WORDS = sorted(KEYWORDS) + NAMES.split() + SIGNS.split()
FRAGMENTS = [
    "struct H { bit<8> a; }",
    "control c(inout H h) { apply {",
    "bit<8> x = f<H>(a);",
    "table t { key = { a: exact; } actions = { f; } }",
    "parser p() { state start { transition select(a) { (1, _): accept; } } }",
    "extern T f<T>(in T x);",
    "(bit<8>)(a)",
    "a < b < (a < bit<(a < b)>",
]
soup = st.lists(st.sampled_from(WORDS + FRAGMENTS), max_size=60).map(" ".join)


def parse(text: str) -> ast.Program | None:
    try:
        return parse_text(text)
    except P4Error as error:
        assert error.span.line >= 1
        return None


@settings(max_examples=300, deadline=2000)
@given(soup)
def test_token_soup(text: str) -> None:
    parse(text)


@settings(max_examples=200, deadline=2000)
@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="#\r"), max_size=80))
def test_character_soup(text: str) -> None:
    parse(text)


def test_nothing_is_tried_twice() -> None:
    start = time.monotonic()
    for unit in ("a<bit<(", "a < ", "f<H<", "(H)(", "((", "{", "a[", "@x(", "if (a) ", "a ? ", "-", "tuple<"):
        parse("struct H {} control c() { apply { x = " + unit * 2000)
        parse("struct H {} control c() { apply { " + unit * 2000)
    assert time.monotonic() - start < 10
