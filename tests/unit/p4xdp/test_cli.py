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
