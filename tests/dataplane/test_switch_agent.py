"""The agent with the real data plane: client, switch and server in namespaces, the agent as a process."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from p4kube.lab import fabric, netns
from p4kube.switch import compilation, lock
from p4kube.switch import config as configuration
from p4kube.switch.errors import SwitchError
from p4kube.wire import message
from p4kube.wire.message import Message, Operation, Status

pytestmark = [pytest.mark.root, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]

CLI = (sys.executable, "-c", "from p4kube.cli import main; main()", "switch")
UPDATE_ADDRESS, UPDATE_PORT = "10.88.0.1", 7777
CLIENT, SERVER, BEHIND = "10.88.1.2", "10.88.2.2", "10.99.0.1"
KEY = secrets.token_bytes(16)


class Rig:
    """client (c0) -- p0 switch p1 -- (s0) server; BEHIND is a second address of the server, via it."""

    def __init__(self, folder: Path) -> None:
        mark = f"p4ka-{os.getpid()}"
        self.client, self.switch, self.server = f"{mark}-c", f"{mark}-s", f"{mark}-b"
        self.pins = Path(f"/sys/fs/bpf/{mark}")
        self.config = folder / "switch.yaml"
        self.log = folder / "agent.log"
        self._agents: list[subprocess.Popen[bytes]] = []
        keys = folder / "switch.keys"
        keys.touch(0o600)
        keys.write_text(yaml.safe_dump({"updateKeys": {3: KEY.hex()}, "flowSecret": secrets.token_hex(32)}))
        ports = [{"interface": name, "number": number} for number, name in enumerate(("p0", "p1"), start=1)]
        document = {
            "name": "test",
            "ports": ports,
            "updateAddress": UPDATE_ADDRESS,
            "updatePort": UPDATE_PORT,
            "keysFile": "switch.keys",
            "pinPath": str(self.pins),
            "metrics": "127.0.0.1:9427",
        }
        self.config.write_text(yaml.safe_dump(document))

    def configure(self, **changes: object) -> None:
        self.config.write_text(yaml.safe_dump({**yaml.safe_load(self.config.read_text()), **changes}))

    def build(self) -> None:
        for name in (self.client, self.switch, self.server):
            netns.create(name)
        netns.sysctl(self.switch, {"net.ipv4.ip_forward": "1"})
        # Announce a changed MAC at once, as hosts that take over an address do.
        netns.sysctl(self.server, {"net.ipv4.conf.default.arp_notify": "1"})
        netns.ip_batch(self.switch, [f"address add {UPDATE_ADDRESS}/32 dev lo"])
        self.connect(self.client, "p0", "c0", "10.88.1")
        self.connect(self.server, "p1", "s0", "10.88.2")
        netns.ip_batch(self.server, [f"address add {BEHIND}/32 dev lo"])

    def connect(self, host: str, port: str, interface: str, network: str) -> None:
        netns.ip_batch(
            self.switch,
            [
                f"link add {port} type veth peer name {interface} netns {host}",
                f"address add {network}.1/24 dev {port}",
                f"link set {port} up",
            ],
        )
        up = [f"address add {network}.2/24 dev {interface}", f"link set {interface} up"]
        netns.ip_batch(host, [*up, f"route add default via {network}.1"])
        fabric.as_wire(host, interface)

    def remove(self) -> None:
        for agent in self._agents:
            agent.kill()
            agent.wait()
        self.cli("detach")
        for pins in (self.pins, self.config.parent / "pins"):
            lock.lock_path(pins).unlink(missing_ok=True)
        for name in (self.client, self.switch, self.server):
            netns.destroy(name)

    # The agent

    def argv(self, *words: str) -> list[str]:
        return [*netns.nsenter(self.switch), *CLI, words[0], "--config", str(self.config), *words[1:]]

    def cli(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.argv(*words), capture_output=True, text=True, check=False, timeout=60)

    def start(self, *options: str) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            agent = subprocess.Popen(self.argv("run", *options), stderr=log)
        self._agents.append(agent)
        ready = len(self.logged("is ready"))
        wait_for(lambda: len(self.logged("is ready")) > ready or agent.poll() is not None, 60)
        assert agent.poll() is None, self.log.read_text()
        return agent

    def logged(self, text: str) -> list[str]:
        return [line for line in self.log.read_text().splitlines() if text in line]

    def status(self) -> dict[str, Any]:
        done = self.cli("status", "-o", "json")
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def metric(self, line: str) -> float:
        script = (
            "import urllib.request as u; print(u.urlopen('http://127.0.0.1:9427/metrics').read().decode())"
        )
        text = netns.call([*netns.nsenter(self.switch), sys.executable, "-c", script])
        return next(float(each.split()[-1]) for each in text.splitlines() if each.startswith(line + " "))

    # Traffic

    def ping(self, address: str, count: int = 1) -> bool:
        """Whether every ICMP echo request from the client is answered within half a second."""
        with netns.open_socket(self.client, socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
            raw.settimeout(0.5)
            raw.connect((address, 0))
            return all(echo(raw, sequence) for sequence in range(count))

    def forwarded_by_kernel(self) -> int:
        """Packets that the switch's kernel forwarded so far."""
        with netns.entered(self.switch):
            names, values = [
                line.split()
                for line in Path("/proc/thread-self/net/snmp").read_text().splitlines()
                if line[:3] == "Ip:"
            ]
        return int(values[names.index("ForwDatagrams")])

    def by_data_plane(self, address: str) -> bool:
        """Whether pings to the address arrive, and without the kernel's help."""
        before = self.forwarded_by_kernel()
        return self.ping(address, 5) and self.forwarded_by_kernel() == before


def echo(raw: socket.socket, sequence: int) -> bool:
    """One echo request and its reply (RFC 792)."""
    mark = struct.pack("!HH", os.getpid() & 0xFFFF, sequence)
    words = struct.unpack("!HH", mark)
    total = sum(words, 0x0800)
    total = (total & 0xFFFF) + (total >> 16)
    try:
        raw.send(struct.pack("!BBH", 8, 0, ~(total + (total >> 16)) & 0xFFFF) + mark)
        while True:
            reply = raw.recv(2048)[20:]
            if reply[:1] == b"\0" and reply[4:8] == mark:
                return True
    except OSError:
        return False


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped data plane, or the reason why there is none."""
    rig = Rig(tmp_path_factory.mktemp("compile"))
    try:
        return compilation.compiled(configuration.load(rig.config))
    except SwitchError as error:
        pytest.skip(f"the data plane does not compile here: {error}")


@pytest.fixture
def rig(tmp_path: Path, compiled: Path) -> Iterator[Rig]:
    rig = Rig(tmp_path)
    try:
        rig.build()
        yield rig
    finally:
        rig.remove()


class Stream:
    """A TCP connection from the client to the server that echoes, and never stops."""

    def __init__(self, rig: Rig) -> None:
        self._listener = netns.open_socket(rig.server, socket.AF_INET, socket.SOCK_STREAM)
        self._listener.bind((SERVER, 0))
        self._listener.listen()
        self._client = netns.open_socket(rig.client, socket.AF_INET, socket.SOCK_STREAM)
        self._client.settimeout(20)
        self._stop = threading.Event()
        self.rounds = 0
        self.worst = 0.0
        self.failure: Exception | None = None
        self._threads = [threading.Thread(target=part) for part in (self._echo, self._ask)]
        for thread in self._threads:
            thread.start()

    def _echo(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            while data := connection.recv(65536):
                connection.sendall(data)

    def _ask(self) -> None:
        try:
            with self._client:
                self._client.connect(self._listener.getsockname())
                while not self._stop.is_set():
                    began, sent = time.monotonic(), secrets.token_bytes(20_000)
                    self._client.sendall(sent)
                    back = bytearray()
                    while len(back) < len(sent):
                        back += self._client.recv(65536)
                    assert hashlib.sha256(back).digest() == hashlib.sha256(sent).digest()
                    self.rounds += 1
                    self.worst = max(self.worst, time.monotonic() - began)
        except Exception as error:
            self.failure = error

    def runs_on(self) -> None:
        """Waits until more has gone through."""
        target = self.rounds + 20
        wait_for(lambda: self.rounds >= target or self.failure is not None)
        assert self.failure is None, self.failure

    def end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)
        self._listener.close()


def hello(rig: Rig, boot_id: int = 0) -> Message:
    """Says HELLO to the data plane from the client's place, and returns the answer."""
    request = Message(Operation.HELLO, 3, 1, 0, boot_id, secrets.randbits(64))
    with netns.open_socket(rig.client, socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(5)
        udp.connect((UPDATE_ADDRESS, UPDATE_PORT))
        udp.send(message.encode(request, KEY))
        answer = message.decode(udp.recv(2048), KEY)
    assert (answer.nonce, answer.answer) == (request.nonce, True)
    return answer


def test_forwards_by_itself_and_answers_updates(rig: Rig) -> None:
    assert rig.ping(SERVER), "the namespaces are wired wrongly"
    rig.start()
    wait_for(lambda: rig.by_data_plane(SERVER))
    answer = hello(rig)
    status = rig.status()
    assert answer.status is Status.OK
    assert f"{answer.boot_id:016x}" == status["bootId"]
    assert [port["attached"] for port in status["ports"]] == [True, True]
    assert (status["epoch"], status["sequence"]) == (1, 0)
    assert status["events"]["update_hello"] == 1
    assert rig.metric('p4kube_switch_events_total{event="update_hello"}') == 1
    assert rig.metric("p4kube_switch_update_epoch") == 1
    assert rig.metric('p4kube_switch_table_entries{table="routes"}') == status["tables"]["routes"]
    # The switch's own addresses are its kernel's.
    assert rig.ping("10.88.1.1")
    assert rig.ping(UPDATE_ADDRESS)
    text = rig.cli("status")
    assert "attached" in text.stdout, text.stderr


def test_neither_crash_nor_restart_of_the_agent_disturb_a_connection(rig: Rig) -> None:
    agent = rig.start()
    wait_for(lambda: rig.by_data_plane(SERVER))
    before = rig.status()
    stream = Stream(rig)
    try:
        stream.runs_on()
        kernel = rig.forwarded_by_kernel()
        agent.send_signal(signal.SIGKILL)
        agent.wait()
        stream.runs_on()
        second = rig.start()
        stream.runs_on()
        # A restarted agent finds everything as it should be.
        assert rig.metric("p4kube_switch_table_changes_total") == 0
        second.send_signal(signal.SIGTERM)
        assert second.wait(20) == 0
        stream.runs_on()
        assert rig.forwarded_by_kernel() == kernel
    finally:
        stream.end()
    after = rig.status()
    assert after["bootId"] == before["bootId"]
    assert after["ports"] == before["ports"]
    assert stream.worst < 0.2, "something was lost: TCP waited for a retransmission"


def test_a_second_agent_is_refused(rig: Rig) -> None:
    first = rig.start()
    second = rig.cli("run")
    assert second.returncode == 1
    assert f"(pid {first.pid})" in second.stderr
    detach = rig.cli("detach")
    assert detach.returncode == 1
    assert rig.ping(SERVER)


def test_a_host_that_gets_another_mac_is_followed(rig: Rig) -> None:
    rig.start()
    wait_for(lambda: rig.by_data_plane(SERVER))
    netns.ip_batch(rig.server, ["link set s0 address 02:00:00:00:77:77"])
    wait_for(lambda: rig.by_data_plane(SERVER))


def test_routes_come_and_go(rig: Rig) -> None:
    rig.start()
    netns.ip_batch(rig.switch, [f"route add {BEHIND}/32 via {SERVER}"])
    wait_for(lambda: rig.by_data_plane(BEHIND))
    netns.ip_batch(rig.switch, [f"route replace unreachable {BEHIND}/32"])
    wait_for(lambda: not rig.ping(BEHIND))
    netns.ip_batch(rig.switch, [f"route del unreachable {BEHIND}/32", f"route add 10.99.0.0/16 via {SERVER}"])
    wait_for(lambda: rig.by_data_plane(BEHIND))


def test_an_interface_made_anew_is_a_port_again(rig: Rig) -> None:
    rig.start()
    wait_for(lambda: rig.by_data_plane(SERVER))
    netns.ip_batch(rig.switch, ["link del p1"])
    wait_for(lambda: [port["attached"] for port in rig.status()["ports"]] == [True, False])
    rig.connect(rig.server, "p1", "s0", "10.88.2")
    wait_for(lambda: rig.by_data_plane(SERVER))
    assert all(port["attached"] for port in rig.status()["ports"])


def test_detach_leaves_nothing_behind(rig: Rig) -> None:
    agent = rig.start("--detach")
    wait_for(lambda: rig.by_data_plane(SERVER))
    agent.send_signal(signal.SIGINT)
    assert agent.wait(20) == 0
    assert not rig.pins.exists()
    assert "xdp" not in netns.call(["ip", "-n", rig.switch, "link", "show"])
    assert rig.ping(SERVER)
    assert rig.cli("status").returncode == 3
    assert rig.cli("detach").returncode == 0


def test_detach_of_what_an_agent_left(rig: Rig) -> None:
    agent = rig.start()
    agent.send_signal(signal.SIGTERM)
    assert agent.wait(20) == 0
    assert "xdp" in netns.call(["ip", "-n", rig.switch, "link", "show"])
    assert "removed" in rig.cli("detach").stdout
    assert "xdp" not in netns.call(["ip", "-n", rig.switch, "link", "show"])


def test_a_wrong_configuration_is_exit_code_2(rig: Rig) -> None:
    rig.config.write_text(rig.config.read_text().replace("updatePort", "updateProt"))
    done = rig.cli("run")
    assert done.returncode == 2
    assert str(rig.config) in done.stderr
    assert "updateProt" in done.stderr
    rig.config.write_text(rig.config.read_text().replace("updateProt", "updatePort"))


def test_generic_mode_works_where_asked_for(rig: Rig) -> None:
    rig.configure(mode="generic")
    agent = rig.start()
    assert "xdpgeneric" in netns.call(["ip", "-n", rig.switch, "link", "show", "p0"])
    wait_for(lambda: rig.by_data_plane(SERVER))
    agent.send_signal(signal.SIGTERM)
    assert agent.wait(20) == 0
    rig.configure(mode="native")
    rig.start()
    assert "xdpgeneric" not in netns.call(["ip", "-n", rig.switch, "link", "show", "p0"])
    assert rig.by_data_plane(SERVER)


def test_a_pin_path_outside_the_bpf_file_system_is_refused(rig: Rig) -> None:
    rig.configure(pinPath=str(rig.config.parent / "pins"))
    done = rig.cli("run")
    assert done.returncode == 1
    assert "mount -t bpf" in done.stderr
    rig.configure(pinPath=str(rig.pins))


def test_programs_change_under_a_connection(rig: Rig, tmp_path: Path) -> None:
    """Another program of the same layout takes the maps over; one of another layout starts with its own."""
    agent = rig.start()
    wait_for(lambda: rig.by_data_plane(SERVER))
    boot_ids = [rig.status()["bootId"]]
    changed = tmp_path / "p4"
    shutil.copytree(compilation.shipped().parent, changed)
    sizes = changed / "include" / "sizes.p4"
    sizes.write_text(sizes.read_text().replace("FLOW_CELLS 1048576", "FLOW_CELLS 524288"))
    stream = Stream(rig)
    try:
        for change in ({"updatePort": 7778}, {"program": str(changed / "p4kube.p4")}):
            agent.send_signal(signal.SIGTERM)
            agent.wait(20)
            rig.configure(**change)
            agent = rig.start()
            stream.runs_on()
            boot_ids.append(rig.status()["bootId"])
            assert rig.by_data_plane(SERVER)
    finally:
        stream.end()
    assert boot_ids[0] == boot_ids[1] != boot_ids[2]
    assert stream.worst < 0.2, "something was lost: TCP waited for a retransmission"


def test_keys_are_read_again_on_sighup(rig: Rig) -> None:
    agent = rig.start()
    keys = rig.config.parent / "switch.keys"
    document = yaml.safe_load(keys.read_text())
    document["updateKeys"][4] = secrets.token_hex(16)
    keys.write_text(yaml.safe_dump(document))
    agent.send_signal(signal.SIGHUP)
    wait_for(lambda: bool(rig.logged("keys read from")))
    assert rig.status()["tables"]["update_keys"] == 2
    keys.write_text("updateKeys: {}")
    agent.send_signal(signal.SIGHUP)
    wait_for(lambda: bool(rig.logged("the keys are as before")))
    assert rig.status()["tables"]["update_keys"] == 2
