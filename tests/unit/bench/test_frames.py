"""Frames made by hand, against scapy's."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether

from p4kube.bench import frames, scene
from p4kube.bench.frames import BadFrame, Flow
from p4kube.bench.scene import Case
from p4kube.model import Protocol
from p4kube.switch.compilation import shipped
from p4xdp.device import OutputPacket
from p4xdp.driver import build_ir
from p4xdp.targets.sim import SimDevice


@pytest.mark.parametrize("protocol", list(Protocol))
@pytest.mark.parametrize("payload", [b"", b"odd", b"even"])
def test_a_frame_is_what_scapy_would_send(protocol: Protocol, payload: bytes) -> None:
    flow = Flow(protocol, scene.CLIENT.address, 41000, scene.VIP, 80)
    made = frames.frame(scene.CLIENT, flow, payload)
    read = Ether(made)
    transport = TCP if protocol is Protocol.TCP else UDP
    assert (read[IP].src, read[IP].dst, read[transport].dport) == (
        str(flow.source),
        str(flow.destination),
        80,
    )
    del read[IP].chksum, read[transport].chksum
    assert bytes(read) == made
    assert frames.read(made) == flow


def test_a_wrong_checksum_is_noticed() -> None:
    made = bytearray(scene.cases()[0].frame)
    made[-1] ^= 1
    with pytest.raises(BadFrame, match="wrong TCP checksum"):
        frames.read(bytes(made))
    made[-1] ^= 1
    made[22] -= 1
    with pytest.raises(BadFrame, match="wrong IPv4 checksum"):
        frames.read(bytes(made))


def test_every_case_takes_the_path_that_it_is_named_after(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scene, "SERVICES", 3)
    device = SimDevice(build_ir(shipped()))
    scene.fill(device, scene.writes())
    for case in scene.cases():
        for _ in range(2):
            scene.verify(case, device.send(case.sender.port, case.frame))


def test_a_packet_on_another_path_is_refused() -> None:
    case: Case = scene.cases()[0]
    with pytest.raises(BadFrame, match="0 packets came out"):
        scene.verify(case, [])
    with pytest.raises(BadFrame, match="left through port 2, not"):
        scene.verify(case, [OutputPacket(2, case.frame)])
    elsewhere = Flow(Protocol.TCP, IPv4Address("1.2.3.4"), 1, scene.NODES[0].address, 2)
    with pytest.raises(BadFrame):
        scene.verify(case, [OutputPacket(2, frames.frame(scene.CLIENT, elsewhere, b""))])
