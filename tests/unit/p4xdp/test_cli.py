"""The command line: exit codes, and errors as a user sees them."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from p4xdp.cli import main

PROGRAMS = Path(__file__).parents[2] / "dataplane" / "programs"
CALLS = PROGRAMS / "calls.p4"


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments])


def test_check() -> None:
    result = invoke("check", CALLS, "--verbose")
    assert result.exit_code == 0 and "lower" in result.output


def test_check_shows_the_place(tmp_path: Path) -> None:
    bad = tmp_path / "bad.p4"
    bad.write_text(CALLS.read_text().replace("sm.egress_spec = 2;", "clone(CloneType.I2E, 32w1);"))
    result = invoke("check", bad, "-I", PROGRAMS)
    assert result.exit_code == 2
    assert f"{bad}:" in result.output and "cloned packets are not supported" in result.output
    assert result.output.splitlines()[2].strip().startswith("^")


@pytest.mark.parametrize(("lines", "code"), [("packet 0 00", 0), ("expect 9", 1), ("explode", 2)])
def test_stf_exit_codes(tmp_path: Path, lines: str, code: int) -> None:
    test = tmp_path / "t.stf"
    test.write_text(lines.replace("packet 0 00", "# nothing") + "\n")
    assert invoke("stf", CALLS, test).exit_code == code


def test_missing_files_are_named() -> None:
    result = invoke("check", "nowhere.p4")
    assert result.exit_code == 2 and "nowhere.p4" in result.output and "Traceback" not in result.output


def test_warnings_go_to_stderr_and_refuse_nothing(tmp_path: Path) -> None:
    odd = tmp_path / "odd.p4"
    odd.write_text(CALLS.read_text() + "const bit<8> A = 0x1ff;\n")
    result = invoke("check", odd, "-I", PROGRAMS)
    place = f"{odd}:{len(CALLS.read_text().splitlines()) + 1}:18"
    assert result.exit_code == 0 and not result.stdout
    assert result.stderr.startswith(f"{place}: warning: 511 does not fit into bit<8>")


WRONG = {
    "": "1:1: error: the program has no main",
    "\0\1": "1:1: error: character",
    '#include "other.p4"': "1:1: error: cannot find 'other.p4'",
    '#include "wrong.p4"': "1:1: error: #include nests more than 50 files deep",
    "#if 1": "1:1: error: preprocessor: unterminated",
    "const bit<8> a = 1": "error: expected ';'",
    "const bit<8> a = b;": "1:18: error: unknown name 'b'",
    "const nope a = 1;": "1:7: error: unknown type 'nope'",
    "const bit<8> a = true;": "1:18: error: the value of 'a' must be bit<8>, not bool",
    "const bit<8> a = 1 / 0;": "1:20: error: '/' is defined for positive numbers only",
    "const bit<99999999999> a = 1;": "1:11: error: a width of 99999999999",
    'const string a = "b': "1:18: error: this string has no closing",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_shown_with_its_place(tmp_path: Path, text: str) -> None:
    wrong = tmp_path / "wrong.p4"
    wrong.write_text(text)
    result = invoke("check", wrong)
    assert result.exit_code == 2 and f"{wrong}:" in result.output and WRONG[text] in result.output


def test_a_binary_file_is_refused(tmp_path: Path) -> None:
    binary = tmp_path / "binary"
    binary.write_bytes(bytes(range(256)) * 9)
    assert invoke("check", binary).exit_code == 2
    result = invoke("stf", CALLS, binary)
    assert result.exit_code == 2 and f"{binary}: this is not text in UTF-8" in result.output


@pytest.mark.parametrize("define", ["", "=3", "1x=3", "F(x"])
def test_bad_definitions_are_refused(define: str) -> None:
    result = invoke("check", CALLS, "-D", define)
    assert result.exit_code == 2 and "it is not a name" in result.output


def test_of_a_long_line_the_part_around_the_place_is_shown(tmp_path: Path) -> None:
    long = tmp_path / "long.p4"
    long.write_text(f"const int a = {' ' * 500}nope{' ' * 500};\n")
    _, line, caret = invoke("check", long).output.rstrip("\n").split("\n")
    assert len(line) < 210 and line[caret.index("^")] == "n"


def test_portable_warns(tmp_path: Path) -> None:
    odd = tmp_path / "odd.p4"
    text = (PROGRAMS / "registers.p4").read_text()
    odd.write_text(
        text.replace("action store() {", "action store() { if (hdr.command.index == 1) {").replace(
            "words.write((bit<32>)hdr.command.index, hdr.command.value);\n    }",
            "words.write((bit<32>)hdr.command.index, hdr.command.value);\n    } }",
        )
    )
    result = invoke("check", odd, "-I", PROGRAMS, "--portable", "bmv2")
    assert result.exit_code == 0 and "no condition around an extern call" in result.output
    assert not invoke("check", PROGRAMS / "registers.p4", "--portable", "bmv2").output


def test_help_documents_the_exit_codes() -> None:
    assert "2 refused" in " ".join(invoke("stf", "--help").output.split())
