"""Whose lab it is, and who takes it down."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from typing import Any

import pytest

from p4kube.demo import run
from p4kube.lab import LabConfig, LabError


@dataclass
class Record:
    config: LabConfig


@dataclass
class StubLab:
    """`running`: the lab that is up already."""

    running: LabConfig | None = None
    downs: list[str] = field(default_factory=list)

    def up(self, config: LabConfig) -> bool:
        fresh = self.running is None
        self.running = self.running or config
        return fresh

    @property
    def record(self) -> Record:
        assert self.running is not None
        return Record(self.running)

    def down(self) -> bool:
        self.downs.append("down")
        return True


def play(lab: Any, keep: bool = False) -> bool:
    with run.running_lab(lab, lambda _: None, keep) as fresh:
        return fresh


def test_a_lab_of_ours_is_taken_down() -> None:
    lab = StubLab()
    assert play(lab)
    assert lab.downs == ["down"]


def test_keep_leaves_it_up() -> None:
    lab = StubLab()
    assert play(lab, keep=True)
    assert lab.downs == []


def test_a_lab_that_runs_already_is_used_and_left() -> None:
    lab = StubLab(LabConfig(nodes=4))
    assert not play(lab)
    assert lab.downs == []


@pytest.mark.parametrize(
    "other", [LabConfig(nodes=2), LabConfig(nodes=4, controller=False), LabConfig(nodes=4, link_rate="1gbit")]
)
def test_a_lab_of_another_kind_is_left_alone(other: LabConfig) -> None:
    lab = StubLab(other)
    with pytest.raises(LabError, match="p4kube lab down"):
        play(lab)
    assert lab.downs == []


def test_ctrl_c_takes_the_lab_down() -> None:
    lab: Any = StubLab()
    with pytest.raises(KeyboardInterrupt), run.running_lab(lab, lambda _: None, False):
        raise KeyboardInterrupt
    assert lab.downs == ["down"]


def test_a_second_ctrl_c_does_not_disturb_the_cleaning() -> None:
    before = signal.getsignal(signal.SIGINT)
    with run.undisturbed():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
