"""The switch's own values in the data plane: update address and keys, flow secret, boot id.

Nothing is written that stands there already: a restarted agent must not disturb a running data plane.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from ipaddress import IPv4Address

import msgspec

from p4kube.switch.dataplane import DataPlane, Readable, action_of
from p4kube.switch.keys import Keys
from p4xdp.ir.nodes import KeySet

UPDATE_ADDRESSES, UPDATE_KEYS, IDENTITY, FLOW_SECRET, PORTS = (
    "update_addresses",
    "update_keys",
    "identity",
    "flow_secret",
    "ports",
)
_log = logging.getLogger(__name__)


def install(plane: DataPlane, update_address: IPv4Address, keys: Keys) -> int:
    """Makes the tables hold these values, and returns the boot id. Raises DeviceError.

    The secret goes in first and the address last: no update is taken before all is in place.
    """
    secret = msgspec.structs.astuple(keys.secret())
    if plane.table_default(FLOW_SECRET).arguments != secret:
        if boot_id(plane):
            _log.warning("the flow secret has changed: existing connections may reach other nodes")
        plane.table_set_default(FLOW_SECRET, "set_secret", secret)
    _make_equal(plane, UPDATE_KEYS, {id: ("set_key", words) for id, words in keys.words().items()})
    identity = boot_id(plane) or _new_boot_id(plane)
    _make_equal(plane, UPDATE_ADDRESSES, {int(update_address): ("NoAction", ())})
    return identity


def install_macs(plane: DataPlane, macs: Mapping[int, int]) -> None:
    """By port number, the address that frames for this switch have there. Raises DeviceError."""
    _make_equal(plane, PORTS, {number: ("set_own_mac", (mac,)) for number, mac in macs.items()})


def boot_id(plane: Readable) -> int:
    """0 if none was drawn yet, as in a program just loaded."""
    arguments = plane.table_default(IDENTITY).arguments
    return arguments[0] if arguments else 0


def _new_boot_id(plane: DataPlane) -> int:
    identity = secrets.randbits(64) or 1
    plane.table_set_default(IDENTITY, "set_boot_id", (identity,))
    return identity


def _make_equal(plane: DataPlane, table: str, wanted: Mapping[int, tuple[str, tuple[int, ...]]]) -> None:
    """For a table with one exact key: new entries first, so that old keys hold until the new ones do."""
    entries = plane.table_entries(table)
    present = {entry.keys[0].value: (action_of(entry), entry.arguments) for entry in entries}
    for key, call in wanted.items():
        if present.get(key) != call:
            plane.table_add(table, [KeySet("exact", key)], *call)
    for key in present.keys() - wanted.keys():
        plane.table_delete(table, [KeySet("exact", key)])
