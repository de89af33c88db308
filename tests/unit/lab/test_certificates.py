"""Identities of the lab's certificates, and kubeconfigs."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.x509.oid import NameOID

from p4kube.lab import certificates, layout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("certificates")
    certificates.issue_all(made, layout.Layout(2))
    return made


def _load(folder: Path, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / f"{name}.crt").read_bytes())


def _values(certificate: x509.Certificate, kind: x509.ObjectIdentifier) -> list[str]:
    return [str(each.value) for each in certificate.subject.get_attributes_for_oid(kind)]


@pytest.mark.parametrize(
    ("name", "user", "groups"),
    [
        ("admin", "p4kube-admin", ["system:masters"]),
        ("kubelet-node2", "system:node:node2", ["system:nodes"]),
        ("kube-proxy", "system:kube-proxy", []),
        ("p4kube-controller", "p4kube-controller", []),
    ],
)
def test_client_speaks_for_its_user_and_groups(folder: Path, name: str, user: str, groups: list[str]) -> None:
    certificate = _load(folder, name)
    assert _values(certificate, NameOID.COMMON_NAME) == [user]
    assert _values(certificate, NameOID.ORGANIZATION_NAME) == groups
    certificate.verify_directly_issued_by(_load(folder, "ca"))


def test_api_server_is_valid_under_all_its_addresses(folder: Path) -> None:
    names = _load(folder, "kube-apiserver").extensions.get_extension_for_class(x509.SubjectAlternativeName)
    addresses = {str(each) for each in names.value.get_values_for_type(x509.IPAddress)}
    assert addresses == {"127.0.0.1", "10.77.2.2", "10.79.0.1"}


def test_keys_are_for_the_owner_alone(folder: Path) -> None:
    keys = list(folder.glob("*.key"))
    assert keys and all(key.stat().st_mode & 0o077 == 0 for key in keys)


def test_key_fits_its_certificate(folder: Path) -> None:
    context = ssl.create_default_context(cafile=str(folder / "ca.crt"))
    context.load_cert_chain(folder / "admin.crt", folder / "admin.key")


def test_kubeconfig_carries_everything_inside(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    certificates.write_kubeconfig(path, "https://127.0.0.1:1", folder, "admin")
    document = yaml.safe_load(path.read_text())
    assert document["clusters"][0]["cluster"]["server"] == "https://127.0.0.1:1"
    assert set(document["users"][0]["user"]) == {"client-certificate-data", "client-key-data"}
    assert path.stat().st_mode & 0o077 == 0
