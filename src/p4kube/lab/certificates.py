"""The lab's certificate authority and the identity of everyone who speaks to the API server."""

from __future__ import annotations

import base64
import datetime
import secrets
from collections.abc import Iterable
from ipaddress import IPv4Address
from pathlib import Path
from typing import NamedTuple

import msgspec
import yaml

from p4kube.lab import layout
from p4kube.lab.errors import LabError

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
except ImportError as _error:  # pragma: no cover - depends on the installation
    raise LabError("the lab needs the extra 'lab': pip install 'p4kube[lab]'") from _error

_LIFETIME = datetime.timedelta(days=365)
_API_NAMES = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kube-apiserver")


class Identity(msgspec.Struct, frozen=True):
    """Who a client certificate speaks for: a user and, by the certificate's O, its groups."""

    name: str
    user: str
    groups: tuple[str, ...] = ()


def identities(plan: layout.Layout) -> tuple[Identity, ...]:
    """Everyone who gets a client certificate and a kubeconfig of its own."""
    kubelets = tuple(
        Identity(f"kubelet-{node.name}", f"system:node:{node.name}", ("system:nodes",)) for node in plan.nodes
    )
    return (
        Identity("admin", "p4kube-admin", ("system:masters",)),
        Identity("kube-controller-manager", "system:kube-controller-manager"),
        Identity("kube-scheduler", "system:kube-scheduler"),
        Identity("kube-proxy", "system:kube-proxy"),
        Identity("kubelet-client", "kube-apiserver-kubelet-client", ("system:masters",)),
        Identity("p4kube-controller", "p4kube-controller"),
        *kubelets,
    )


class _Issued(NamedTuple):
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate


class Authority:
    """A certificate authority that lives for one lab, and writes what it issues into a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("p4kube-lab-ca")
        builder = _builder(name, name, key).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        builder = builder.add_extension(_usage(sign_certificates=True), critical=True)
        self._issued = _Issued(key, builder.sign(key, hashes.SHA256()))
        _write(folder, "ca", self._issued)

    @property
    def certificate_file(self) -> Path:
        return self.folder / "ca.crt"

    def server(self, name: str, addresses: Iterable[IPv4Address], names: Iterable[str]) -> None:
        """Write `name`.crt and `name`.key for a server reached under the given addresses and DNS names."""
        alternatives: list[x509.GeneralName] = [x509.DNSName(each) for each in names]
        alternatives += [x509.IPAddress(each) for each in addresses]
        self._issue(name, _name(name), ExtendedKeyUsageOID.SERVER_AUTH, alternatives)

    def client(self, identity: Identity) -> None:
        """Write the key pair of one client."""
        subject = _name(identity.user, identity.groups)
        self._issue(identity.name, subject, ExtendedKeyUsageOID.CLIENT_AUTH, [])

    def _issue(
        self,
        name: str,
        subject: x509.Name,
        purpose: x509.ObjectIdentifier,
        alternatives: list[x509.GeneralName],
    ) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(subject, self._issued.certificate.subject, key)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(sign_certificates=False), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        if alternatives:
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        _write(self.folder, name, _Issued(key, builder.sign(self._issued.key, hashes.SHA256())))


def issue_all(folder: Path, plan: layout.Layout) -> None:
    """Write the authority, the servers' and clients' key pairs, and the service account key into `folder`."""
    authority = Authority(folder)
    api_addresses = (IPv4Address("127.0.0.1"), layout.API_ADDRESS, layout.API_CLUSTER_IP)
    authority.server("kube-apiserver", api_addresses, _API_NAMES)
    for node in plan.nodes:
        authority.server(f"kubelet-server-{node.name}", [node.address], [node.name])
    for identity in identities(plan):
        authority.client(identity)
    key = ec.generate_private_key(ec.SECP256R1())
    _write_private(folder / "service-accounts.key", _private_pem(key))
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (folder / "service-accounts.pub").write_bytes(public)


def write_kubeconfig(path: Path, server: str, certificates: Path, identity: str) -> None:
    """A kubeconfig (mode 0600) for one identity, certificates included so that the file can be copied."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "p4kube-lab",
        "clusters": [
            {
                "name": "p4kube-lab",
                "cluster": {"server": server, "certificate-authority-data": _base64(certificates / "ca.crt")},
            }
        ],
        "users": [
            {
                "name": identity,
                "user": {
                    "client-certificate-data": _base64(certificates / f"{identity}.crt"),
                    "client-key-data": _base64(certificates / f"{identity}.key"),
                },
            }
        ],
        "contexts": [{"name": "p4kube-lab", "context": {"cluster": "p4kube-lab", "user": identity}}],
    }
    _write_private(path, yaml.safe_dump(document, sort_keys=False).encode())


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def _name(common_name: str, organizations: Iterable[str] = ()) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, each) for each in organizations]
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(secrets.randbits(120) | 1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + _LIFETIME)
    )


def _usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_encipherment=False,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(folder: Path, name: str, issued: _Issued) -> None:
    (folder / f"{name}.crt").write_bytes(issued.certificate.public_bytes(serialization.Encoding.PEM))
    _write_private(folder / f"{name}.key", _private_pem(issued.key))


def _write_private(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)
