"""The kubeconfig file format (`client.authentication.k8s.io`, `v1 Config`), the parts that need no plugin."""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import ssl
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from p4kube.kube.clock import Clock
from p4kube.kube.connection import Connection, TokenFile
from p4kube.kube.errors import ConfigError


class Cluster(msgspec.Struct, rename="kebab"):
    """`clusters[].cluster`."""

    server: str = ""
    certificate_authority: str = ""
    certificate_authority_data: str = ""
    insecure_skip_tls_verify: bool = False
    tls_server_name: str = ""


class User(msgspec.Struct, rename="kebab"):
    """`users[].user`."""

    client_certificate: str = ""
    client_certificate_data: str = ""
    client_key: str = ""
    client_key_data: str = ""
    token: str = ""
    token_file: str = msgspec.field(default="", name="tokenFile")
    exec: dict[str, Any] | None = None
    auth_provider: dict[str, Any] | None = None
    username: str = ""


class Context(msgspec.Struct):
    """`contexts[].context`."""

    cluster: str = ""
    user: str = ""
    namespace: str = ""


class NamedCluster(msgspec.Struct):
    name: str
    cluster: Cluster


class NamedUser(msgspec.Struct):
    name: str
    user: User


class NamedContext(msgspec.Struct):
    name: str
    context: Context


class Kubeconfig(msgspec.Struct, rename="kebab"):
    """One file; `KUBECONFIG` with several paths is not merged."""

    current_context: str = ""
    clusters: list[NamedCluster] | None = None
    users: list[NamedUser] | None = None
    contexts: list[NamedContext] | None = None


Named = TypeVar("Named", NamedCluster, NamedUser, NamedContext)


def from_kubeconfig(path: Path, clock: Clock, context_name: str = "") -> Connection:
    """The connection that `context_name`, or else the file's current-context, describes.

    Raises ConfigError naming the file and the field for whatever cannot be used.
    """
    try:
        config = msgspec.yaml.decode(path.read_bytes(), type=Kubeconfig)
    except OSError as error:
        raise ConfigError(f"{path}: cannot read the kubeconfig: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{path}: not a kubeconfig: {error}") from error
    wanted = context_name or config.current_context
    if not wanted:
        raise ConfigError(f"{path}: current-context is empty; set it with `kubectl config use-context`")
    context = _named(path, "contexts", config.contexts, wanted).context
    cluster = _named(path, "clusters", config.clusters, context.cluster).cluster
    user = _named(path, "users", config.users, context.user).user if context.user else User()
    if not cluster.server.startswith(("https://", "http://")):
        raise ConfigError(
            f"{path}: clusters[{context.cluster}].server: expected a URL, got {cluster.server!r}"
        )
    _refuse_plugins(path, context.user, user)
    return Connection(
        server=cluster.server.rstrip("/"),
        ssl=_ssl_context(path, cluster, user) if cluster.server.startswith("https://") else None,
        server_name=cluster.tls_server_name or None,
        token=_token(path, user, clock),
        namespace=context.namespace or "default",
    )


def _named(path: Path, field: str, entries: list[Named] | None, name: str) -> Named:
    for entry in entries or []:
        if entry.name == name:
            return entry
    raise ConfigError(f"{path}: {field}: no entry named {name!r}")


def _refuse_plugins(path: Path, name: str, user: User) -> None:
    for field, used in (
        ("exec", user.exec),
        ("auth-provider", user.auth_provider),
        ("username", user.username),
    ):
        if used:
            raise ConfigError(
                f"{path}: users[{name}].user.{field}: this kind of login is not supported; "
                "use a client certificate, token or tokenFile (for example of a service account)"
            )


def _token(path: Path, user: User, clock: Clock) -> Callable[[], str | None]:
    if user.token_file:
        return TokenFile(path.parent / user.token_file, clock)
    token = user.token or None
    return lambda: token


def _ssl_context(path: Path, cluster: Cluster, user: User) -> ssl.SSLContext:
    context = ssl.create_default_context()
    try:
        if cluster.insecure_skip_tls_verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        elif cluster.certificate_authority_data:
            authority = _decoded(path, "certificate-authority-data", cluster.certificate_authority_data)
            context = ssl.create_default_context(cadata=authority.decode("ascii"))
        elif cluster.certificate_authority:
            context = ssl.create_default_context(cafile=str(path.parent / cluster.certificate_authority))
        with contextlib.ExitStack() as stack:
            certificate = stack.enter_context(
                _as_file(path, "client-certificate", user.client_certificate, user.client_certificate_data)
            )
            key = stack.enter_context(_as_file(path, "client-key", user.client_key, user.client_key_data))
            if certificate:
                context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot use the certificates: {error}") from error
    return context


def _decoded(path: Path, field: str, text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ConfigError(f"{path}: {field}: not base64: {error}") from error


@contextlib.contextmanager
def _as_file(path: Path, field: str, name: str, data: str) -> Iterator[str | None]:
    """Inline data as a file that exists (mode 0600) only while OpenSSL reads it, which takes only files."""
    if not data:
        yield str(path.parent / name) if name else None
        return
    descriptor, temporary = tempfile.mkstemp(prefix="p4kube-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(_decoded(path, f"{field}-data", data))
        yield temporary
    finally:
        Path(temporary).unlink()
