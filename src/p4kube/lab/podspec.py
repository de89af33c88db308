"""The fields of core/v1 Pod that the process kubelet reads, as msgspec Structs.

Names and meanings are those of the Kubernetes API reference; what is not listed is ignored.
"""

from __future__ import annotations

import msgspec

IntOrString = int | str


class ObjectMeta(msgspec.Struct, rename="camel", frozen=True):
    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    deletion_grace_period_seconds: int | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class KeySelector(msgspec.Struct, frozen=True):
    """ConfigMapKeySelector and SecretKeySelector."""

    key: str
    name: str = ""
    optional: bool = False


class FieldSelector(msgspec.Struct, rename="camel", frozen=True):
    field_path: str


class EnvVarSource(msgspec.Struct, rename="camel", frozen=True):
    field_ref: FieldSelector | None = None
    config_map_key_ref: KeySelector | None = None
    secret_key_ref: KeySelector | None = None


class EnvVar(msgspec.Struct, rename="camel", frozen=True):
    name: str
    value: str = ""
    value_from: EnvVarSource | None = None


class ContainerPort(msgspec.Struct, rename="camel", frozen=True):
    container_port: int
    name: str = ""


class HttpHeader(msgspec.Struct, frozen=True):
    name: str
    value: str = ""


class HttpGet(msgspec.Struct, rename="camel", frozen=True):
    port: IntOrString
    path: str = "/"
    host: str = ""
    scheme: str = "HTTP"
    http_headers: list[HttpHeader] = []


class TcpSocket(msgspec.Struct, frozen=True):
    port: IntOrString
    host: str = ""


class Exec(msgspec.Struct, frozen=True):
    command: list[str] = []


class Sleep(msgspec.Struct, frozen=True):
    seconds: int


class Handler(msgspec.Struct, rename="camel", frozen=True):
    """LifecycleHandler."""

    exec: Exec | None = None
    http_get: HttpGet | None = None
    sleep: Sleep | None = None


class Lifecycle(msgspec.Struct, rename="camel", frozen=True):
    pre_stop: Handler | None = None


class Probe(msgspec.Struct, rename="camel", frozen=True):
    """Times are in seconds; the defaults are the API's."""

    exec: Exec | None = None
    http_get: HttpGet | None = None
    tcp_socket: TcpSocket | None = None
    initial_delay_seconds: int = 0
    timeout_seconds: int = 1
    period_seconds: int = 10
    success_threshold: int = 1
    failure_threshold: int = 3
    termination_grace_period_seconds: int | None = None


class KeyToPath(msgspec.Struct, frozen=True):
    key: str
    path: str


class NamedSource(msgspec.Struct, rename="camel", frozen=True):
    """ConfigMapVolumeSource and SecretVolumeSource, alone and as projections."""

    name: str = ""
    secret_name: str = ""
    optional: bool = False
    items: list[KeyToPath] = []


class TokenSource(msgspec.Struct, rename="camel", frozen=True):
    """ServiceAccountTokenProjection."""

    path: str
    audience: str = ""
    expiration_seconds: int = 3600


class DownwardFile(msgspec.Struct, rename="camel", frozen=True):
    path: str
    field_ref: FieldSelector | None = None


class DownwardSource(msgspec.Struct, frozen=True):
    items: list[DownwardFile] = []


class HostPath(msgspec.Struct, frozen=True):
    path: str


class Source(msgspec.Struct, frozen=True):
    """VolumeProjection: one of them is set."""

    config_map: NamedSource | None = msgspec.field(name="configMap", default=None)
    secret: NamedSource | None = None
    service_account_token: TokenSource | None = msgspec.field(name="serviceAccountToken", default=None)
    downward_api: DownwardSource | None = msgspec.field(name="downwardAPI", default=None)


class Projected(msgspec.Struct, frozen=True):
    sources: list[Source] = []


class Volume(msgspec.Struct, frozen=True):
    """A volume; of a kind that is not listed here nothing is set, and the folder stays empty."""

    name: str
    config_map: NamedSource | None = msgspec.field(name="configMap", default=None)
    secret: NamedSource | None = None
    downward_api: DownwardSource | None = msgspec.field(name="downwardAPI", default=None)
    projected: Projected | None = None
    host_path: HostPath | None = msgspec.field(name="hostPath", default=None)

    def sources(self) -> list[Source]:
        """Where the volume's files come from."""
        if self.projected is not None:
            return self.projected.sources
        return [Source(self.config_map, self.secret, None, self.downward_api)]


class VolumeMount(msgspec.Struct, rename="camel", frozen=True):
    name: str
    mount_path: str
    sub_path: str = ""
    read_only: bool = False


class Container(msgspec.Struct, rename="camel", frozen=True):
    name: str
    image: str = ""
    command: list[str] = []
    args: list[str] = []
    working_dir: str = ""
    env: list[EnvVar] = []
    volume_mounts: list[VolumeMount] = []
    ports: list[ContainerPort] = []
    readiness_probe: Probe | None = None
    liveness_probe: Probe | None = None
    startup_probe: Probe | None = None
    lifecycle: Lifecycle | None = None
    restart_policy: str | None = None

    def port_number(self, port: IntOrString) -> int | None:
        """A probe's port as a number: given as one, or as the name of a container port."""
        if isinstance(port, int):
            return port
        for each in self.ports:
            if each.name == port:
                return each.container_port
        return int(port) if port.isdigit() else None


class ReadinessGate(msgspec.Struct, rename="camel", frozen=True):
    condition_type: str


class PodSpec(msgspec.Struct, rename="camel", frozen=True):
    containers: list[Container]
    init_containers: list[Container] = []
    restart_policy: str = "Always"
    node_name: str = ""
    host_network: bool = False
    hostname: str = ""
    service_account_name: str = ""
    termination_grace_period_seconds: int = 30
    active_deadline_seconds: int | None = None
    readiness_gates: list[ReadinessGate] = []
    volumes: list[Volume] = []


class Condition(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """PodCondition and NodeCondition. Times are RFC 3339, to the second."""

    type: str
    status: str
    last_transition_time: str | None = None
    last_heartbeat_time: str | None = None
    reason: str = ""
    message: str = ""


class KnownStatus(msgspec.Struct, rename="camel", frozen=True):
    """The part of a pod's status that others may have written."""

    phase: str = "Pending"
    conditions: list[Condition] = []
    start_time: str | None = None


class Pod(msgspec.Struct, frozen=True):
    metadata: ObjectMeta
    spec: PodSpec
    status: KnownStatus = KnownStatus()

    @property
    def name(self) -> str:
        return f"{self.metadata.namespace}/{self.metadata.name}"

    @property
    def grace(self) -> int:
        """Seconds between SIGTERM and SIGKILL when the pod is deleted."""
        given = self.metadata.deletion_grace_period_seconds
        return self.spec.termination_grace_period_seconds if given is None else given
