"""Two agents for one set of maps."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from p4kube.switch import lock
from p4kube.switch.errors import SwitchError


def test_the_second_is_refused_and_told_who_is_first(tmp_path: Path) -> None:
    pins = Path("/sys/fs/bpf/p4kube/one")
    with lock.held(pins, tmp_path):
        with pytest.raises(SwitchError, match=f"pid {os.getpid()}"), lock.held(pins, tmp_path):
            pass
        with lock.held(Path("/sys/fs/bpf/p4kube/two"), tmp_path):
            pass
    with lock.held(pins, tmp_path):
        pass


def test_different_pin_paths_never_share_a_lock() -> None:
    assert lock.lock_path(Path("/a/b-c")) != lock.lock_path(Path("/a/b/c"))
    assert lock.lock_path(Path("/a-/b")) != lock.lock_path(Path("/a/-b"))
