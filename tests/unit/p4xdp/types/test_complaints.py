"""Golden complaints: complaints.txt has wrong programs, each with what is said about it and where."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from p4xdp.diagnostics import P4Errors, line_of, render
from p4xdp.source import P4Error, Span
from p4xdp.syntax import parse_text
from p4xdp.types import check

GOLDEN = Path(__file__).with_name("complaints.txt")
HEAD = """#include <v1model.p4>
typedef bit<48> mac_t; enum bit<16> Ether { IPV4 = 0x800, ARP = 0x806 } enum Color { red, green }
type bit<9> Port; header eth_t { mac_t dst; mac_t src; Ether kind; }
header ip_t { bit<8> ttl; bit<8> proto; bit<16> sum; bit<32> src; bit<32> dst; }
struct hdr_t { eth_t eth; ip_t ip; eth_t[3] stack; } struct pair_t { bit<8> a; bit<16> b; }
register<bit<64>>(1024) r; counter(8, CounterType.bytes) n;
"""
PARAMETERS = "inout hdr_t hdr, inout pair_t meta, in bit<8> ro, inout standard_metadata_t sm"
FRAMES = {
    "[body]": "action drop() { } void f8(in bit<8> x) { }\n"
    f"control c({PARAMETERS}) {{ apply {{\n@@\n}} }}",
    "[local]": "control Inner(inout bit<8> x)(bit<8> n) { apply { } }\n"
    "parser P(packet_in b) { state start { } }\n"
    f"control c({PARAMETERS}) {{\n@@\napply {{ }} }}",
    "[program]": "@@",
}


def cases() -> Iterator[tuple[str, str, list[str]]]:
    frame, source = "", ""
    said: list[str] = []
    for line in GOLDEN.read_text().splitlines():
        if line.startswith("  "):
            said += [line[4:]] if line.startswith("  ! ") else []
            continue
        if source:
            yield frame, source, said
        source, said = "", []
        if line in FRAMES:
            frame = line
        elif line and not line.startswith("# "):
            source = line
    if source:
        yield frame, source, said


def complaints(text: str) -> list[P4Error]:
    try:
        check(parse_text(text, "x.p4"))
    except P4Errors as several:
        return list(several.errors)
    except P4Error as one:
        return [one]
    return []


@pytest.mark.parametrize(("frame", "source", "said"), list(cases()))
def test_golden(frame: str, source: str, said: list[str]) -> None:
    text = HEAD + FRAMES[frame].replace("@@", source)
    found = [f"{e.span.column}: {e.message}" for e in complaints(text)]
    assert list(map(_without_line, found)) == list(map(_without_line, said))


def _without_line(complaint: str) -> str:
    return re.sub(r"x\.p4:\d+:", "x.p4:", complaint)


def test_rendered_with_source_line_and_caret(tmp_path: Path) -> None:
    path = tmp_path / "a.p4"
    path.write_text("const bit<8> A = true;\n\tconst bit<8> B = false;\n")
    with pytest.raises(P4Error) as caught:
        check(parse_text(path.read_text(), path))
    assert render(caught.value) == (
        f"{path}:1:18: error: the value of 'A' must be bit<8>, not bool\n"
        "  const bit<8> A = true;\n"
        "                   ^~~~\n"
        f"{path}:2:19: error: the value of 'B' must be bit<8>, not bool\n"
        "  \tconst bit<8> B = false;\n"
        "  \t                 ^~~~~"
    )


def test_rendered_without_a_source_file() -> None:
    error = P4Error(Span("<text>", 3, 4), "what")
    assert render(error) == "<text>:3:4: error: what"
    assert line_of("/nonexistent", 1) is None


def test_many_errors_are_cut_short() -> None:
    text = "".join(f"const bit<8> A{i} = true;\n" for i in range(30))
    (rendered,) = [render(P4Errors(complaints(text)))]
    assert rendered.endswith("… and 10 more errors")


def test_what_follows_from_an_error_is_not_reported() -> None:
    text = "struct S { nope x; } header H { S s; } control c(inout S s) { apply { s.x = 1; H h; } }"
    (only,) = complaints(text)
    assert only.message == "unknown type 'nope'"


def test_deep_trees_do_not_exhaust_the_stack() -> None:
    nested = "".join(f"if (x == {i}) {{ }} else " for i in range(190)) + "{ }"
    deep = "x" + " + x" * 150
    assert complaints(f"control c(inout bit<8> x) {{ apply {{ {nested} x = {deep}; }} }}") == []
