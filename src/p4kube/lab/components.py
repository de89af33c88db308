"""The programs that make the cluster: the command line of each, where it runs, in which order they start."""

from __future__ import annotations

import sys

import msgspec

from p4kube.lab import layout
from p4kube.lab.binaries import Binaries
from p4kube.lab.layout import Layout, Node
from p4kube.lab.programs import P4KUBE
from p4kube.lab.state import Files, LabConfig

# The controllers that a cluster without clouds, volumes and certificate requests can do without: each
# of them would hold watches and wake up for nothing.
_IDLE_CONTROLLERS = (
    "certificatesigningrequest-approving-controller",
    "certificatesigningrequest-cleaner-controller",
    "certificatesigningrequest-signing-controller",
    "cloud-node-lifecycle-controller",
    "device-taint-eviction-controller",
    "ephemeral-volume-controller",
    "horizontal-pod-autoscaler-controller",
    "kube-apiserver-serving-clustertrustbundle-publisher-controller",
    "legacy-serviceaccount-token-cleaner-controller",
    "node-ipam-controller",
    "node-route-controller",
    "persistentvolume-attach-detach-controller",
    "persistentvolume-binder-controller",
    "persistentvolume-expander-controller",
    "persistentvolume-protection-controller",
    "persistentvolumeclaim-protection-controller",
    "podcertificaterequest-cleaner-controller",
    "podgroup-protection-controller",
    "resourceclaim-controller",
    "resourcepoolstatusrequest-controller",
    "service-lb-controller",
    "storage-version-migrator-controller",
    "storageversion-garbage-collector-controller",
    "volumeattributesclass-protection-controller",
)


class Component(msgspec.Struct, frozen=True):
    """One program of the lab. `namespace` None means the machine's own (the relay alone)."""

    name: str
    argv: tuple[str, ...]
    namespace: str | None


def etcd(files: Files, binaries: Binaries) -> Component:
    return Component("etcd", (str(binaries.etcd), f"--data-dir={files.etcd}"), layout.CONTROL_PLANE)


def apiserver(files: Files, binaries: Binaries) -> Component:
    keys = files.certificates
    flags = (
        "--etcd-servers=http://127.0.0.1:2379",
        f"--advertise-address={layout.API_ADDRESS}",
        f"--secure-port={layout.API_PORT}",
        f"--service-cluster-ip-range={layout.SERVICE_NETWORK}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        f"--client-ca-file={keys}/ca.crt",
        f"--tls-cert-file={keys}/kube-apiserver.crt",
        f"--tls-private-key-file={keys}/kube-apiserver.key",
        f"--kubelet-certificate-authority={keys}/ca.crt",
        f"--kubelet-client-certificate={keys}/kubelet-client.crt",
        f"--kubelet-client-key={keys}/kubelet-client.key",
        "--kubelet-preferred-address-types=InternalIP",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={keys}/service-accounts.pub",
        f"--service-account-signing-key-file={keys}/service-accounts.key",
        "--profiling=false",
        "--enable-priority-and-fairness=false",
        "--max-requests-inflight=3000",
        "--max-mutating-requests-inflight=1000",
        "--shutdown-delay-duration=0s",
    )
    return Component("kube-apiserver", (str(binaries.k8s), "kube-apiserver", *flags), layout.CONTROL_PLANE)


def controller_manager(files: Files, binaries: Binaries) -> Component:
    keys = files.certificates
    flags = (
        f"--kubeconfig={files.kubeconfigs}/kube-controller-manager",
        f"--controllers=*,{','.join('-' + name for name in _IDLE_CONTROLLERS)}",
        f"--root-ca-file={keys}/ca.crt",
        f"--service-account-private-key-file={keys}/service-accounts.key",
        "--use-service-account-credentials=true",
        "--bind-address=127.0.0.1",
        "--leader-elect=false",
        # So that an API server that is gone for half a minute makes no node NotReady (default 50 s).
        "--node-monitor-grace-period=120s",
        "--profiling=false",
        "--kube-api-qps=200",
        "--kube-api-burst=400",
    )
    argv = (str(binaries.k8s), "kube-controller-manager", *flags)
    return Component("kube-controller-manager", argv, layout.CONTROL_PLANE)


def scheduler(files: Files, binaries: Binaries) -> Component:
    flags = (
        f"--kubeconfig={files.kubeconfigs}/kube-scheduler",
        "--bind-address=127.0.0.1",
        "--leader-elect=false",
        "--profiling=false",
        "--kube-api-qps=200",
        "--kube-api-burst=400",
    )
    return Component("kube-scheduler", (str(binaries.k8s), "kube-scheduler", *flags), layout.CONTROL_PLANE)


def proxy(node: Node, files: Files, binaries: Binaries) -> Component:
    flags = (
        f"--kubeconfig={files.kubeconfigs}/kube-proxy",
        f"--hostname-override={node.name}",
        "--proxy-mode=nftables",
        f"--cluster-cidr={layout.POD_NETWORK}",
        f"--healthz-bind-address={node.address}:10256",
        "--metrics-bind-address=127.0.0.1:10249",
        # The limit belongs to the whole machine, which is not ours to change.
        "--conntrack-max-per-core=0",
        "--conntrack-min=0",
        "--oom-score-adj=0",
        "--profiling=false",
    )
    return Component(f"kube-proxy-{node.name}", (str(binaries.k8s), "kube-proxy", *flags), node.namespace)


def kubelet(plan: Layout, files: Files, binaries: Binaries) -> Component:
    """All nodes' kubelets in one process: it opens each node's sockets in that node's namespace."""
    argv = (
        sys.executable,
        "-m",
        "p4kube.lab.kubelet",
        f"--state={files.folder}",
        f"--nodes={plan.node_count}",
        f"--agnhost={binaries.agnhost}",
    )
    return Component("kubelet", argv, layout.CONTROL_PLANE)


def relay(port: int) -> Component:
    argv = (
        sys.executable,
        "-m",
        "p4kube.lab.relay",
        f"--port={port}",
        f"--namespace={layout.CONTROL_PLANE}",
        f"--target={layout.API_ADDRESS}:{layout.API_PORT}",
    )
    return Component("relay", argv, None)


def switch_agent(files: Files) -> Component:
    argv = (*P4KUBE, "switch", "run", "--config", str(files.switch_config))
    return Component("switch-agent", argv, layout.SWITCH)


def controller(files: Files) -> Component:
    argv = (
        *(*P4KUBE, "controller", "run"),
        *("--kubeconfig", f"{files.kubeconfigs}/p4kube-controller"),
        *("--config", str(files.controller_config)),
    )
    return Component("controller", argv, layout.CONTROL_PLANE)


def before_api(files: Files, binaries: Binaries, port: int) -> tuple[Component, ...]:
    """What must run for the API to answer."""
    return (etcd(files, binaries), apiserver(files, binaries), relay(port))


def after_api(plan: Layout, config: LabConfig, files: Files, binaries: Binaries) -> tuple[Component, ...]:
    """What needs the API to start quickly."""
    own = [switch_agent(files)] if config.switch else []
    own += [controller(files)] if config.controller else []
    return (
        kubelet(plan, files, binaries),
        controller_manager(files, binaries),
        scheduler(files, binaries),
        *own,
        *(proxy(node, files, binaries) for node in plan.nodes),
    )


_ALIASES = {"apiserver": "kube-apiserver", "switch": "switch-agent", "p4kube-controller": "controller"}


def full_name(name: str) -> str:
    """A component's recorded name, from the name or the short form that a user gives."""
    return _ALIASES.get(name, name)
