"""The same client over real HTTP and TLS, against the same fake server."""

from __future__ import annotations

import asyncio
import base64
import ssl

import pytest
import yaml

from p4kube.kube.client import Client
from p4kube.kube.clock import SystemClock
from p4kube.kube.connection import Connection, in_cluster
from p4kube.kube.errors import ApiError, Unreachable
from p4kube.kube.kubeconfig import from_kubeconfig
from p4kube.kube.objects import ObjectMeta, Service
from p4kube.kube.reflector import Pace, Reflector
from p4kube.kube.resources import SERVICES
from p4kube.kube.store import Store
from p4kube.kube.testing import FakeApi, serve, things, until
from p4kube.kube.testing.api import Broken, Failure
from p4kube.kube.transport import HttpTransport

x509 = pytest.importorskip("cryptography.x509")


@pytest.fixture
def api() -> FakeApi:
    api = FakeApi()
    api.put("services", things.service("web"))
    return api


async def test_verbs_and_errors(api):
    async with serve(api) as url, HttpTransport(Connection(url)) as transport:
        client = Client(transport)
        assert (await client.get(SERVICES, "default", "web")).spec.ports[0].node_port == 30080
        patched = await client.patch(SERVICES, "default", "web", {"metadata": {"labels": {"a": "b"}}})
        assert patched.metadata.label("a") == "b"
        created = await client.create(SERVICES, Service(ObjectMeta(name="new", namespace="x")))
        assert created.metadata.uid
        with pytest.raises(ApiError) as missing:
            await client.get(SERVICES, "default", "nobody")
        assert missing.value.not_found and missing.value.reason == "NotFound"
        api.refuse("GET", "services", Failure(429, "TooManyRequests", retry_after="7"))
        with pytest.raises(ApiError) as busy:
            await client.get(SERVICES, "default", "web")
        assert busy.value.retry_after == 7
        # aiohttp tries a GET once more if a connection that it had kept open breaks.
        api.refuse("GET", "services", Broken(), times=2)
        with pytest.raises(Unreachable, match="GET /api/v1/namespaces/default/services/web"):
            await client.get(SERVICES, "default", "web")


async def test_a_refused_connection_is_unreachable():
    async with HttpTransport(Connection("http://127.0.0.1:9")) as transport:
        with pytest.raises(Unreachable):
            await Client(transport).get(SERVICES, "default", "web")


async def test_a_watch_over_http_with_events_larger_than_any_buffer(api):
    store = Store()
    async with serve(api) as url, HttpTransport(Connection(url)) as transport:
        reflector = Reflector(Client(transport), SERVICES, store, SystemClock(), pace=Pace(retry_base=0.001))
        task = asyncio.create_task(reflector.run())
        try:
            await until(lambda: api.streams("services"))
            big = things.service("big", annotations={"x": "y" * 3_000_000})
            api.put("services", big)
            for n in range(200):
                api.put("services", things.service(f"s{n}"))
            await until(lambda: len(store) == 202)
            api.streams("services")[0].drop()
            api.delete("services", "default", "big")
            await until(lambda: len(store) == 201)
            api.compact()
            api.put("services", things.service("later"))
            api.streams("services")[0].gone()
            await until(lambda: store.get("default", "later"))
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_tls_with_client_certificate_from_an_inline_kubeconfig(api, tmp_path):
    certificate, key = make_certificate()
    (tmp_path / "cert.pem").write_bytes(certificate)
    (tmp_path / "key.pem").write_bytes(key)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(tmp_path / "cert.pem"))
    tls.verify_mode = ssl.CERT_REQUIRED
    tls.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")

    def inline(data: bytes) -> str:
        return base64.b64encode(data).decode()

    async with serve(api, tls) as url:
        user = {"client-certificate-data": inline(certificate), "client-key-data": inline(key)}
        cluster = {"server": url, "certificate-authority-data": inline(certificate)}
        config = {
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
            "clusters": [{"name": "k", "cluster": cluster}],
            "users": [{"name": "u", "user": user}],
        }
        (tmp_path / "config").write_text(yaml.safe_dump(config))
        async with HttpTransport(from_kubeconfig(tmp_path / "config", SystemClock())) as transport:
            assert await Client(transport).get(SERVICES, "default", "web")


async def test_the_service_account_of_a_pod(api, tmp_path):
    certificate, key = make_certificate()
    for name, data in (("ca.crt", certificate), ("key.pem", key), ("token", b"secret"), ("namespace", b"ns")):
        (tmp_path / name).write_bytes(data)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(tmp_path / "ca.crt", tmp_path / "key.pem")
    async with serve(api, tls) as url:
        host, port = url.removeprefix("https://").split(":")
        variables = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}
        connection = in_cluster(SystemClock(), tmp_path, variables)
        assert connection.token() == "secret" and connection.namespace == "ns"
        async with HttpTransport(connection) as transport:
            assert await Client(transport).get(SERVICES, "default", "web")


def make_certificate() -> tuple[bytes, bytes]:
    """A self-signed certificate for 127.0.0.1 and its key, PEM."""
    import datetime
    import ipaddress

    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fake")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM), private
