"""Which Go compiles the lab's binaries."""

import pytest

from p4kube.lab.binaries import new_enough


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("go1.26.8", True),
        ("go1.27", True),
        ("go2.0", True),
        ("go1.19.8", False),
        ("go1.9", False),
        ("devel +1", True),
    ],
)
def test_old_compilers_are_passed_over(version: str, expected: bool) -> None:
    assert new_enough(version) is expected
