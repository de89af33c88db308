"""References inside commands and variables, and the downward API."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from p4kube.lab.environment import MissingReference, expand, field_value
from p4kube.lab.podspec import ObjectMeta, Pod, PodSpec

POD = Pod(
    ObjectMeta(name="web-0", namespace="shop", uid="u", labels={"app": "web"}),
    PodSpec(containers=[], node_name="node1"),
)
HOST, ADDRESS = IPv4Address("10.77.101.2"), IPv4Address("10.78.1.2")


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("--name=$(NAME)", "--name=web"),
        ("$(MISSING)", "$(MISSING)"),
        ("$$(NAME)", "$(NAME)"),
        ("$NAME ${NAME}", "$NAME ${NAME}"),
        ("$(NAME)$(NAME)", "webweb"),
    ],
)
def test_expansion(text: str, expanded: str) -> None:
    assert expand(text, {"NAME": "web"}) == expanded


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata.name", "web-0"),
        ("metadata.labels['app']", "web"),
        ("metadata.annotations['none']", ""),
        ("spec.nodeName", "node1"),
        ("status.hostIP", "10.77.101.2"),
        ("status.podIP", "10.78.1.2"),
    ],
)
def test_downward_api(path: str, value: str) -> None:
    assert field_value(POD, path, HOST, ADDRESS) == value


def test_unknown_field_is_named() -> None:
    with pytest.raises(MissingReference, match=r"spec\.magic"):
        field_value(POD, "spec.magic", HOST, ADDRESS)
