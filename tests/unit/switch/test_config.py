"""The agent's files: what is accepted, and what a refusal says."""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path

import pytest

from p4kube.switch import config, keys
from p4kube.switch.config import Endpoint, Port
from p4kube.switch.errors import ConfigError

CONFIG = """\
name: lab
ports:
  - {interface: p0, number: 1}
  - {interface: p1, number: 2}
updateAddress: 10.77.0.1
keysFile: switch.keys
pinPath: /sys/fs/bpf/p4kube/lab
metrics: 127.0.0.1:9427
"""
KEYS = """\
updateKeys: {1: 000102030405060708090a0b0c0d0e0f, 7: 11111111111111111111111111111111}
flowSecret: %s
"""


def written(folder: Path, text: str, name: str = "switch.yaml", mode: int = 0o600) -> Path:
    path = folder / name
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_configuration_with_its_defaults(tmp_path: Path) -> None:
    read = config.load(written(tmp_path, CONFIG))
    assert read.ports == (Port("p0", 1), Port("p1", 2))
    assert (read.update_address, read.update_port, read.mode) == (IPv4Address("10.77.0.1"), 7777, "native")
    assert read.keys_file == tmp_path / "switch.keys"
    assert read.metrics_endpoint == Endpoint("127.0.0.1", 9427)
    assert read.program is None


@pytest.mark.parametrize(
    ("before", "after", "field"),
    [
        ("name: lab", "nam: lab", "nam"),
        ("name: lab\n", "", "name"),
        ("number: 2", "number: 510", "ports[1].number"),
        ("number: 2", "number: x", "ports[1].number"),
        ("number: 2", "number: 1", "ports: two have the number 1"),
        ("interface: p1", "interface: p0", "ports: two have the interface p0"),
        ("interface: p1", "interface: eth/0", "ports[1].interface"),
        ("10.77.0.1", "10.77.0", "updateAddress"),
        ("/sys/fs", "sys/fs", "pinPath"),
        ("127.0.0.1:9427", "9427", "metrics"),
        ("metrics:", "mode: fast\nmetrics:", "mode"),
        ("name: lab", "name: [lab", ":2:"),
    ],
)
def test_a_refusal_names_the_file_and_the_field(tmp_path: Path, before: str, after: str, field: str) -> None:
    path = written(tmp_path, CONFIG.replace(before, after, 1))
    with pytest.raises(ConfigError) as refusal:
        config.load(path)
    assert str(refusal.value).startswith(str(path))
    assert field in str(refusal.value)


def test_a_missing_file_is_a_refusal_too(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.yaml: cannot be read: No such file"):
        config.load(tmp_path / "absent.yaml")


def test_keys_become_words_of_the_data_plane(tmp_path: Path) -> None:
    read = keys.load(written(tmp_path, KEYS % ("ab" * 32), "keys"))
    assert read.words()[1] == (0x0706050403020100, 0x0F0E0D0C0B0A0908)
    assert read.words()[7] == (0x1111111111111111, 0x1111111111111111)
    assert read.secret().addend0 == 0xBABABABABABABAB
    assert "1111" not in repr(read)


@pytest.mark.parametrize(
    ("text", "mode", "says"),
    [
        (KEYS % ("ab" * 32), 0o640, "chmod 600"),
        (KEYS % ("ab" * 31), 0o600, "flowSecret"),
        ((KEYS % ("ab" * 32)).replace("0f,", "0,"), 0o600, "updateKeys"),
        ((KEYS % ("ab" * 32)).replace("7:", "256:"), 0o600, "updateKeys"),
        (f"updateKeys: {{}}\nflowSecret: {'ab' * 32}\n", 0o600, "updateKeys"),
    ],
)
def test_keys_that_are_refused(tmp_path: Path, text: str, mode: int, says: str) -> None:
    path = written(tmp_path, text, "keys", mode)
    with pytest.raises(ConfigError, match=says) as refusal:
        keys.load(path)
    assert str(path) in str(refusal.value)
