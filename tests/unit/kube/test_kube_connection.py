"""kubeconfig and in-cluster credentials, and the errors for what cannot be used."""

from __future__ import annotations

import pytest
import yaml

from p4kube.kube.connection import TokenFile, in_cluster
from p4kube.kube.errors import ConfigError
from p4kube.kube.kubeconfig import from_kubeconfig
from p4kube.kube.testing import FakeClock


def write(path, user=None, cluster=None, **top):
    config = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u", "namespace": "ns"}}],
        "clusters": [{"name": "k", "cluster": {"server": "http://127.0.0.1:1/", **(cluster or {})}}],
        "users": [{"name": "u", "user": user or {}}],
        **top,
    }
    file = path / "config"
    file.write_text(yaml.safe_dump(config))
    return file


def test_token_and_namespace(tmp_path):
    connection = from_kubeconfig(write(tmp_path, {"token": "t"}), FakeClock())
    assert (connection.server, connection.token(), connection.namespace) == ("http://127.0.0.1:1", "t", "ns")


async def test_token_files_are_read_again_and_survive_a_missing_file(tmp_path):
    (tmp_path / "token").write_text("one\n")
    clock = FakeClock()
    connection = from_kubeconfig(write(tmp_path, {"tokenFile": "token"}), clock)
    (tmp_path / "token").write_text("two")
    assert connection.token() == "one"
    await clock.advance(61)
    assert connection.token() == "two"
    (tmp_path / "token").unlink()
    await clock.advance(61)
    assert connection.token() == "two"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"user": {"exec": {"command": "x"}}}, r"users\[u\].user.exec"),
        ({"user": {"auth-provider": {"name": "x"}}}, "auth-provider"),
        ({"cluster": {"server": "127.0.0.1"}}, r"clusters\[k\].server"),
        ({"current-context": ""}, "use-context"),
        ({"current-context": "x"}, "no entry named 'x'"),
        ({"clusters": None}, "clusters: no entry named 'k'"),
        ({"users": 3}, "not a kubeconfig"),
        ({"cluster": {"server": "https://h", "certificate-authority-data": "!"}}, "not base64"),
        ({"cluster": {"server": "https://h", "certificate-authority": "nowhere"}}, "certificates"),
        ({"user": {"tokenFile": "nowhere"}}, "cannot read the bearer token"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path, change, message):
    with pytest.raises(ConfigError, match=message) as caught:
        from_kubeconfig(write(tmp_path, **change), FakeClock())
    assert str(tmp_path) in str(caught.value)


def test_a_missing_kubeconfig_is_named(tmp_path):
    with pytest.raises(ConfigError, match="nowhere: cannot read the kubeconfig"):
        from_kubeconfig(tmp_path / "nowhere", FakeClock())


def test_outside_of_a_pod_the_way_out_is_told(tmp_path):
    with pytest.raises(ConfigError, match="--kubeconfig"):
        in_cluster(FakeClock(), tmp_path, {})


def test_an_empty_token_file_is_an_error(tmp_path):
    (tmp_path / "token").write_text("\n")
    with pytest.raises(ConfigError, match="empty"):
        TokenFile(tmp_path / "token", FakeClock())
