"""Reads from a switch all that is reachable from its table of services."""

from __future__ import annotations

from collections.abc import Mapping

from p4kube.controller.link.connection import Connection
from p4kube.wire import cells, contract
from p4kube.wire.message import Cell, Register


async def read_back(connection: Connection) -> dict[Cell, int]:
    """Keys, their records, slots and node ports, the nodes, the memberships; zero cells among them.

    Raises Rebooted if the switch restarts meanwhile.
    """
    image = await connection.read([Cell(Register.SERVICE_KEYS, i) for i in range(contract.SERVICE_CELLS)])
    keys = [cell.index for cell, value in image.items() if value]
    image |= await connection.read([Cell(Register.SERVICE_RECORDS, i) for i in keys])
    image |= await connection.read([Cell(Register.NODES, i) for i in range(contract.NODE_CELLS)])
    image |= await connection.read(
        [Cell(Register.NODE_ADDRESSES, i) for i in range(contract.NODE_ADDRESS_CELLS)]
    )
    image |= await connection.read(_dependent_cells(image, keys))
    return image


def _dependent_cells(image: Mapping[Cell, int], keys: list[int]) -> list[Cell]:
    nodes = [cell.index for cell, value in image.items() if cell.register is Register.NODES and value]
    wanted: set[Cell] = set()
    for key in keys:
        record = cells.decode_record(image[Cell(Register.SERVICE_RECORDS, key)])
        region = range(record.base, min(record.base + (1 << record.log2), contract.SLOT_CELLS))
        wanted.update(Cell(Register.SLOTS, i) for i in region)
        wanted.update(cells.member_cell(record.service_id, node)[0] for node in nodes)
        try:
            frontend = cells.decode_frontend(image[Cell(Register.SERVICE_KEYS, key)])
        except ValueError:
            continue
        if frontend is not None:
            wanted.add(cells.node_port_cell(frontend.protocol, record.node_port))
    return sorted(wanted)
