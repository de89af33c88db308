"""The keys file, as a controller and as a switch read it."""

from pathlib import Path

import pytest

from p4kube.controller.link import BadKeys
from p4kube.controller.link.keys import load_update_keys
from p4kube.switch.errors import ConfigError
from p4kube.switch.keys import load

DIGITS = "12345678" * 4


def file(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "keys"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_keys_of_digits_alone_are_keys(tmp_path: Path) -> None:
    path = file(tmp_path, f"updateKeys: {{7: {DIGITS}, 8: {'ab' * 16}}}")
    assert load_update_keys(path) == {7: bytes.fromhex(DIGITS), 8: b"\xab" * 16}


@pytest.mark.parametrize(
    ("text", "mode", "complaint"),
    [
        (f"updateKeys: {{1: {DIGITS}}}", 0o640, "chmod 600"),
        ("updateKeys: {}", 0o600, "updateKeys"),
        ("updateKeys: {1: abc}", 0o600, "updateKeys"),
        (f"updateKeys: {{256: {DIGITS}}}", 0o600, "updateKeys"),
        (f"updateKey: {{1: {DIGITS}}}", 0o600, "updateKey"),
        ("updateKeys: [", 0o600, "not YAML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, mode: int, complaint: str) -> None:
    with pytest.raises(BadKeys, match=complaint):
        load_update_keys(file(tmp_path, text, mode))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadKeys, match="nowhere"):
        load_update_keys(tmp_path / "nowhere")


def test_a_switch_needs_the_flow_secret(tmp_path: Path) -> None:
    path = file(tmp_path, f"updateKeys: {{1: {DIGITS}}}")
    with pytest.raises(ConfigError, match="flowSecret"):
        load(path)
    assert (
        load(file(tmp_path, f"updateKeys: {{1: {DIGITS}}}\nflowSecret: {DIGITS * 2}")).flow_secret
        == DIGITS * 2
    )
