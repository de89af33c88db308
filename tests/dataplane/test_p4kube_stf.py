"""The packet tests of the data plane, on both targets, and that they are what the scenarios say."""

from __future__ import annotations

from pathlib import Path

import pytest

from p4xdp.ir.nodes import Program
from p4xdp.runtime import open_device
from p4xdp.stf import parse, run
from p4xdp.targets.sim import SimDevice
from tests.dataplane.make_stf import SCENARIOS, files

P4 = Path(__file__).parents[2] / "p4"
FOLDER = P4 / "tests"


def test_the_files_are_up_to_date() -> None:
    for name, content in files().items():
        assert (P4 / name).read_bytes() == content, f"p4/{name}: run make stf"


@pytest.mark.parametrize("name", SCENARIOS)
def test_on_the_simulator(name: str, p4kube_program: Program) -> None:
    commands = parse((FOLDER / f"{name}.stf").read_text(), f"{name}.stf")
    assert not run(commands, SimDevice(p4kube_program), p4kube_program)


@pytest.mark.root
@pytest.mark.parametrize("name", SCENARIOS)
def test_in_the_kernel(name: str, p4kube_program: Program, p4kube_object: Path) -> None:
    commands = parse((FOLDER / f"{name}.stf").read_text(), f"{name}.stf")
    with open_device(p4kube_object) as device:
        assert not run(commands, device, p4kube_program)
