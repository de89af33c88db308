"""Tokens and literals."""

from __future__ import annotations

import pytest

from p4xdp.source import P4Error
from p4xdp.syntax.lexer import Token, integer, tokenize
from p4xdp.syntax.preprocess import Line


def tokens(text: str) -> list[Token]:
    return tokenize([Line(text, "x.p4", 1, ((0, 1),))])[:-1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10", (10, None, False)),
        ("0", (0, None, False)),
        ("0x1F", (31, None, False)),
        ("0b1_0", (2, None, False)),
        ("0o17", (15, None, False)),
        ("0D19", (19, None, False)),
        ("8w10", (10, 8, False)),
        ("4s0xF", (15, 4, True)),
        ("32w0xdead_beef", (0xDEADBEEF, 32, False)),
        ("007", (7, None, False)),
    ],
)
def test_numbers(text: str, expected: tuple[int, int | None, bool]) -> None:
    (token,) = tokens(text)
    assert token.kind == "number"
    assert integer(token) == expected


@pytest.mark.parametrize("text", ["12abc", "0x", "8w", "0b12", "8wx", "1.5e3x", "0xg"])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(P4Error, match="is not a number"):
        for token in tokens(text):
            integer(token)


def test_width_zero_is_refused() -> None:
    with pytest.raises(P4Error, match="must be from 1"):
        integer(tokens("0w1")[0])


def test_operators_are_as_long_as_possible_but_closing_angles_stay_single() -> None:
    text = "a |+| b |-| c ++ d &&& e .. f ... <<= << >> >= {#} +: && & != ! += |+|= ^="
    kinds = [t.text for t in tokens(text) if t.kind not in ("name",)]
    assert kinds == (
        [
            "|+|",
            "|-|",
            "++",
            "&&&",
            "..",
            "...",
            "<<=",
            "<<",
            ">",
            ">",
            ">=",
            "{#}",
            "+:",
            "&&",
            "&",
            "!=",
            "!",
            "+=",
            "|+|=",
            "^=",
        ]
    )


def test_contextual_keywords_are_names() -> None:
    assert {t.kind for t in tokens("apply key actions state entries type priority list")} == {"name"}
    assert [t.kind for t in tokens("table in inout _ header_union")] == [
        "table",
        "in",
        "inout",
        "_",
        "header_union",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [("a $ b", "x.p4:1:3: error: character '$' has no place in P4"), ('x "abc', "has no closing")],
)
def test_complaints(text: str, message: str) -> None:
    with pytest.raises(P4Error) as caught:
        tokens(text)
    assert message in str(caught.value)
