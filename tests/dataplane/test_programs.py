"""The small P4 programs in programs/, each with its STF file, on both targets."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from p4xdp.driver import build_ir
from p4xdp.frontend import load
from p4xdp.ir.lower import lower
from p4xdp.runtime import open_device
from p4xdp.source import Unsupported
from p4xdp.stf import parse, run
from p4xdp.targets.sim import SimDevice
from p4xdp.targets.xdp import XdpOptions, compile_program

FOLDER = Path(__file__).parent / "programs"
NAMES = sorted(p.stem for p in FOLDER.glob("*.stf"))
NOT_IN_XDP = {"priorities": "ternary"}


def failures_of(program_path: Path, optimised: bool) -> list[str]:
    program = build_ir(program_path) if optimised else lower(load(program_path))
    stf = program_path.with_suffix(".stf")
    commands = parse(stf.read_text(), str(stf))
    return [str(f) for f in run(commands, SimDevice(program), program)]


@pytest.mark.parametrize("optimised", [False, True], ids=["plain", "optimised"])
@pytest.mark.parametrize("name", NAMES)
def test_on_the_simulator(name: str, optimised: bool) -> None:
    assert not failures_of(FOLDER / f"{name}.p4", optimised)


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="loads BPF programs")
@pytest.mark.parametrize("name", [n for n in NAMES if n not in NOT_IN_XDP])
def test_in_the_kernel(name: str, tmp_path: Path) -> None:
    program = build_ir(FOLDER / f"{name}.p4")
    compile_program(program, tmp_path / "p.o", options=XdpOptions(mode="test"))
    stf = FOLDER / f"{name}.stf"
    with open_device(tmp_path / "p.o") as device:
        assert not run(parse(stf.read_text(), str(stf)), device, program)


@pytest.mark.parametrize("name", NOT_IN_XDP)
def test_what_xdp_refuses_is_located(name: str, tmp_path: Path) -> None:
    program = build_ir(FOLDER / f"{name}.p4")
    with pytest.raises(Unsupported, match=NOT_IN_XDP[name]) as refused:
        compile_program(program, tmp_path / "p.o")
    assert refused.value.span.path.endswith(f"{name}.p4")
