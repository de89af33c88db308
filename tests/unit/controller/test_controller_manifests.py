"""The manifests grant what the controller asks for, and nothing that it does not."""

from __future__ import annotations

import re
from importlib.resources import files

import yaml

from p4kube.controller.pools import parse_pool
from p4kube.kube.resources import ENDPOINT_SLICES, EVENTS, LEASES, NODES, SERVICES, VIP_POOLS
from p4kube.kube.testing import things
from p4kube.kube.testing.api import parse

MANIFESTS = files("p4kube.controller") / "manifests"
GROUPS = {
    resource.plural: resource.group
    for resource in (SERVICES, NODES, ENDPOINT_SLICES, LEASES, EVENTS, VIP_POOLS)
}


def granted():
    verbs = set()
    for document in yaml.safe_load_all((MANIFESTS / "rbac.yaml").read_text()):
        for rule in document.get("rules", ()):
            for group in rule["apiGroups"]:
                for resource in rule["resources"]:
                    verbs |= {(group, resource, verb) for verb in rule["verbs"]}
    return verbs


def used(requests):
    verbs = set()
    for request in requests:
        verb, path = request.split()
        plural, _, name, subresource = parse(path)
        words = {"POST": "create", "PATCH": "patch", "WATCH": "watch", "GET": "get" if name else "list"}
        verbs.add((GROUPS[plural], f"{plural}/{subresource}" if subresource else plural, words[verb]))
    return verbs


async def test_every_verb_is_granted_and_every_granted_verb_used(rig):
    rig.web("80:30080", "9:30009/SCTP")
    async with rig.running():
        for _ in range(3):
            rig.api.change("services", "default", "web", spec={"ports": things.service("x")["spec"]["ports"]})
            await rig.clock.advance(10)
            rig.api.change(
                "services", "default", "web", spec={"ports": things.service("x", "9:9/SCTP")["spec"]["ports"]}
            )
            await rig.clock.advance(10)
        await rig.clock.advance(60)
    assert used(rig.api.requests) == granted()


def test_the_crd_accepts_what_the_controller_reads_and_no_names():
    crd = yaml.safe_load((MANIFESTS / "vippool-crd.yaml").read_text())
    (version,) = crd["spec"]["versions"]
    assert crd["metadata"]["name"] == f"{VIP_POOLS.plural}.{VIP_POOLS.group}"
    assert (version["name"], crd["spec"]["scope"]) == (VIP_POOLS.version, "Cluster")
    spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    pattern = re.compile(spec["addresses"]["items"]["pattern"])
    for entry in ("192.0.2.0/24", "192.0.2.1-192.0.2.9", "192.0.2.7"):
        assert pattern.fullmatch(entry) and not parse_pool("p", [entry], True)[1]
    for entry in ("fd00::/64", "192.0.2.0/33", "a-b", "192.0.2.1-", ""):
        assert not pattern.fullmatch(entry) and parse_pool("p", [entry], True)[1]
