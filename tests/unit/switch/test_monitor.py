"""What netlink messages say, and how often neighbours are asked for."""

from __future__ import annotations

import struct

from p4kube.switch.kernel import NeighbourKey, Part
from p4kube.switch.monitor import parts_of
from p4kube.switch.netlink import mac_number
from p4kube.switch.probing import Pacer


def datagram(*kinds: int) -> bytes:
    """Messages of these types with five bytes of body, padded to four as netlink does."""
    return b"".join(struct.pack("=IHHII5s3x", 21, kind, 0, 0, 0, b"hello") for kind in kinds)


def test_messages_tell_what_may_have_changed() -> None:
    assert parts_of(datagram(28)) is Part.NEIGHBOURS
    assert parts_of(datagram(24, 29)) == Part.ROUTES | Part.NEIGHBOURS
    assert parts_of(datagram(16)) is Part.ALL, "a link takes its routes and neighbours with it"
    assert parts_of(datagram(20)) is Part.ROUTES
    assert parts_of(datagram(3)) is Part.NONE
    assert parts_of(b"") is Part.NONE


def test_what_cannot_be_understood_may_be_anything() -> None:
    assert parts_of(struct.pack("=IHHII", 3, 28, 0, 0, 0)) is Part.ALL


def test_a_neighbour_is_not_asked_for_again_too_soon_and_not_all_at_once() -> None:
    keys = {NeighbourKey(1, address) for address in range(5)}
    pacer = Pacer(again=5, at_once=3)
    assert len(pacer.due(keys, 0)) == 3
    assert len(pacer.due(keys, 1)) == 2
    assert pacer.due(keys, 2) == ()
    assert len(pacer.due(keys, 5)) == 3
    assert pacer.due(set(), 6) == ()


def test_mac_numbers() -> None:
    assert mac_number("02:00:00:00:77:0a") == 0x02000000770A
    assert mac_number(None) == 0
    assert mac_number("00:00:00:00:00:00") == 0
    assert mac_number("80:00:00:48:fe:80:00:00:00:00:00:00:00:02:c9:03:00:11:22:33") == 0, "InfiniBand"
