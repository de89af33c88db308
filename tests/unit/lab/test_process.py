"""Processes known by pid and start time."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import msgspec
import pytest

from p4kube.lab import process
from p4kube.lab.process import Process


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def test_started_process_is_known_again_and_ended(folder: Path) -> None:
    started = process.start("sleeper", ["sleep", "60"], log=folder / "log", folder=folder)
    assert process.read_all(folder) == [started]
    assert process.alive(started)
    process.end([started], 5.0)
    assert not process.alive(started)


def test_process_that_ignores_sigterm_is_killed(folder: Path) -> None:
    script = 'trap "" TERM; echo ready; while :; do sleep 1; done'
    started = process.start("stubborn", ["sh", "-c", script], log=folder / "log", folder=folder)
    while not (folder / "log").read_text():
        pass
    process.end([started], 0.1)
    assert not process.alive(started)


def test_another_process_with_the_same_pid_is_left_alone(folder: Path) -> None:
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        impostor = Process("gone", bystander.pid, 1, ["sleep", "60"])
        process.end([impostor], 0.1)
        process.send(impostor, signal.SIGKILL)
        assert process.start_time_of(bystander.pid) is not None
    finally:
        bystander.kill()
        bystander.wait()


def test_damaged_record_counts_as_none(folder: Path) -> None:
    (folder / "a.json").write_bytes(b"{")
    (folder / "b.json").write_bytes(msgspec.json.encode(Process("b", 1, 1, [])))
    assert [each.name for each in process.read_all(folder)] == ["b"]


def test_output_is_appended_to_the_log(folder: Path) -> None:
    for word in ("one", "two"):
        started = process.start("echo", ["echo", word], log=folder / "log", folder=folder)
        while process.alive(started):
            pass
    assert (folder / "log").read_text().split() == ["one", "two"]
