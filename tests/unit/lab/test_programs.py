"""Which local program stands for an image."""

from __future__ import annotations

from pathlib import Path

import pytest

from p4kube.lab.programs import UnknownImage, base_name, resolve

HERE = Path("/pods/x")


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("nginx", "nginx"),
        ("nginx:1.27", "nginx"),
        ("registry.example:5000/e2e/agnhost:2.53", "agnhost"),
        ("a.b/c/pause@sha256:00ff", "pause"),
    ],
)
def test_base_name(image: str, name: str) -> None:
    assert base_name(image) == name


@pytest.mark.parametrize(
    ("image", "command", "args", "argv"),
    [
        ("x/agnhost:2", [], ["netexec", "--http-port=80"], ["/agnhost", "netexec", "--http-port=80"]),
        ("x/agnhost:2", [], [], ["/agnhost", "pause"]),
        ("x/agnhost:2", ["/agnhost", "netexec"], [], ["/agnhost", "netexec"]),
        ("x/agnhost:2", ["sh", "-c"], ["true"], ["sh", "-c", "true"]),
        ("pause:3.10", [], [], ["sleep", "infinity"]),
        ("busybox", ["sleep"], ["5"], ["sleep", "5"]),
        ("busybox", [], ["sleep", "5"], ["sleep", "5"]),
    ],
)
def test_command_line(image: str, command: list[str], args: list[str], argv: list[str]) -> None:
    assert resolve(image, command, args, HERE).argv == argv


def test_unknown_image_names_those_that_exist() -> None:
    with pytest.raises(UnknownImage, match=r"'example/thing:1'.*agnhost, pause, nginx"):
        resolve("example/thing:1", ["thing"], [], HERE)
