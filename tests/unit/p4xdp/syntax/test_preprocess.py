"""Macros, includes and where the results are said to stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from p4xdp.source import P4Error
from p4xdp.syntax import parse_file
from p4xdp.syntax.lexer import tokenize
from p4xdp.syntax.preprocess import preprocess, preprocess_text


def places(text: str, *defines: str) -> list[tuple[str, int, int]]:
    tokens = tokenize(preprocess_text(text, "x.p4", (), defines))
    return [(t.text, t.span.line, t.span.column) for t in tokens[:-1]]


def test_macro_inside_brackets_stands_at_its_name() -> None:
    assert places("#define SLOT 13:0\na = w[SLOT] + b;") == [
        ("a", 2, 1), ("=", 2, 3), ("w", 2, 5), ("[", 2, 6),
        ("13", 2, 7), (":", 2, 7), ("0", 2, 7),
        ("]", 2, 11), ("+", 2, 13), ("b", 2, 15), (";", 2, 16),
    ]  # fmt: skip


def test_columns_follow_comments_tabs_and_function_macros() -> None:
    text = "#define INC(x) ((x) + 1)\n\t/* here */ y = INC(z) /* there */ ;"
    found = places(text)
    assert found[0] == ("y", 2, 13)
    assert found[-1] == (";", 2, 36)
    assert {c for t, _, c in found if t in ("z", "1")} == {17}


def test_lines_survive_comments_and_disabled_parts() -> None:
    text = "/* two\nlines */ a\n#if 0\nnot this\n#else\nb\n#endif\n// c\nd"
    assert places(text) == [("a", 2, 10), ("b", 6, 1), ("d", 9, 1)]


def test_defines_and_p4_literals() -> None:
    found = places("#ifdef ON\nx = 8w0xFF + WIDTH + 4w1_0;\n#endif", "ON", "WIDTH=16w7")
    assert [t for t, _, _ in found] == ["x", "=", "8w0xFF", "+", "16w7", "+", "4w1_0", ";"]


def test_continued_directive_and_conditions() -> None:
    text = "#define LONG 1 + \\\n  2\n#if defined(LONG) && VERSION >= 3\nx = LONG;\n#endif"
    found = places(text, "VERSION=4")
    assert [t for t, _, _ in found] == ["x", "=", "1", "+", "2", ";"]
    assert found[0][1:] == (4, 1)


def test_includes_are_found_and_named_as_the_user_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "lib").mkdir()
    (tmp_path / "sub" / "b.p4").write_text("const bit<8> B = A;\n")
    (tmp_path / "lib" / "a.p4").write_text("const bit<8> A = 1;\n")
    (tmp_path / "main.p4").write_text('#include <core.p4>\n#include <a.p4>\n#include "sub/b.p4"\n')
    monkeypatch.chdir(tmp_path)
    lines = preprocess("main.p4", ["lib"], ())
    assert [(x.path, x.number) for x in lines[-2:]] == [("lib/a.p4", 1), ("sub/b.p4", 1)]
    assert parse_file("main.p4", ["lib"]).declarations[-1].span.path == "sub/b.p4"
    assert preprocess(tmp_path / "main.p4", ["lib"], ())[-1].path == str(tmp_path / "sub" / "b.p4")


def test_a_user_file_shadows_the_package_declarations(tmp_path: Path) -> None:
    (tmp_path / "core.p4").write_text("const bit<8> MINE = 1;\n")
    (tmp_path / "main.p4").write_text('#include "core.p4"\n')
    assert len(parse_file(tmp_path / "main.p4").declarations) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "\n#include <nowhere.p4>",
            "x.p4:2:1: error: cannot find 'nowhere.p4' to include; -I adds a directory",
        ),
        ("#error no good", "x.p4:1:1: error: #error no good"),
        ("#ifdef A\nx", "x.p4:1:1: error: preprocessor: unterminated #ifdef A"),
        ("\n#endif", "x.p4:2:1: error: preprocessor: misplaced #endif"),
        ("#frobnicate", "x.p4:1:1: error: unknown preprocessor directive '#frobnicate'"),
        ("a\n#ifdef", "x.p4:2:1: error: preprocessor: malformed directive"),
        ("#include", "x.p4:1:1: error:"),
    ],
)
def test_complaints(text: str, message: str) -> None:
    with pytest.raises(P4Error) as caught:
        list(preprocess_text(text, "x.p4"))
    assert str(caught.value).startswith(message)


def test_a_file_including_itself_ends(tmp_path: Path) -> None:
    (tmp_path / "loop.p4").write_text('#include "loop.p4"\nconst bit<8> X = 1;\n')
    with pytest.raises(P4Error, match="nest"):
        preprocess(tmp_path / "loop.p4", (), ())


def test_a_missing_file_is_an_oserror(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        parse_file(tmp_path / "none.p4")


def test_digest_is_of_the_expanded_text() -> None:
    from p4xdp.syntax import parse_text

    one = parse_text("#define W 8\nconst bit<W> X = 1; // a\n")
    two = parse_text("const bit<8> X = 1;\n")
    assert len(one.source_digest) == 64
    assert one.source_digest != parse_text("const bit<9> X = 1;").source_digest
    assert two.source_digest == parse_text("\n\nconst bit<8> X = 1;").source_digest
