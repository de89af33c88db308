"""Configuration files for P4Kube's own parts, and the objects that the lab applies."""

from __future__ import annotations

from pathlib import Path

import yaml

from p4kube.lab import bootstrap, configs
from p4kube.lab.layout import Layout
from p4kube.lab.state import Files


def test_switch_ports_follow_the_cables(tmp_path: Path) -> None:
    document = configs.switch(Layout(2), Files(tmp_path))
    assert [(port["interface"], port["number"]) for port in document["ports"]] == [
        ("p0", 1),
        ("pcp", 2),
        ("pn1", 3),
        ("pn2", 4),
    ]


def test_switch_and_controller_agree(tmp_path: Path) -> None:
    files = Files(tmp_path)
    switch, (known,) = configs.switch(Layout(1), files), configs.controller(files)["switches"]
    assert (known["address"], known["port"]) == (switch["updateAddress"], switch["updatePort"])
    assert known["keysFile"] == switch["keysFile"]


def test_keys_are_fresh_secret_and_stay_text(tmp_path: Path) -> None:
    files = Files(tmp_path)
    configs.write_all(Layout(1), files)
    assert files.switch_keys.stat().st_mode & 0o777 == 0o600
    document = yaml.safe_load(files.switch_keys.read_text())
    assert len(bytes.fromhex(document["updateKeys"][1])) == 16
    assert len(bytes.fromhex(document["flowSecret"])) == 32
    assert configs.keys() != configs.keys()


def test_role_is_given_to_the_controllers_user() -> None:
    role = {"kind": "Role", "metadata": {"name": "leases", "namespace": "p4kube"}}
    binding = bootstrap.binding_for_user(role)
    assert binding["kind"] == "RoleBinding"
    assert binding["metadata"] == {"name": "lab:leases", "namespace": "p4kube"}
    assert binding["roleRef"]["name"] == "leases"
    assert binding["subjects"][0] == {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "User",
        "name": "p4kube-controller",
    }
