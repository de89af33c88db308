"""The kubelet's server: which log is asked for, and how a command's end is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from aiohttp import web

from p4kube.lab.kubeletserver import last_lines, log_file
from p4kube.lab.streams import outcome


def test_newest_log_is_found_by_number_not_by_name(tmp_path: Path) -> None:
    for number in (2, 9, 10):
        (tmp_path / f"{number}.log").touch()
    assert log_file(tmp_path, previous=False).name == "10.log"
    assert log_file(tmp_path, previous=True).name == "9.log"


def test_missing_log_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(web.HTTPNotFound):
        log_file(tmp_path, previous=False)
    (tmp_path / "0.log").touch()
    with pytest.raises(web.HTTPNotFound):
        log_file(tmp_path, previous=True)


@pytest.mark.parametrize(
    ("count", "expected"), [(0, b""), (1, b"c"), (2, b"b\nc"), (3, b"a\nb\nc"), (9, b"a\nb\nc")]
)
def test_last_lines(count: int, expected: bytes) -> None:
    assert last_lines(b"a\nb\nc", count) == expected


def test_exit_code_is_told_as_kubectl_reads_it() -> None:
    assert json.loads(outcome(0))["status"] == "Success"
    failure = json.loads(outcome(42))
    assert failure["reason"] == "NonZeroExitCode"
    assert failure["details"]["causes"] == [{"reason": "ExitCode", "message": "42"}]
