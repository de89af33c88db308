"""Which node owns which slot of a service port, changed as little as the shares require.

A slot is owned by a node; a change of owner leaves the old one as `previous`, so that the data plane keeps
the flows of the old owner there (docs/protocol.md, "slots"). All functions are pure; sizes are powers of two.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from p4kube.wire.cells import NO_NODE, Slot

TOLERANCE = 0.02
MIN_LOG2 = 4
MAX_LOG2 = 16


def wanted_log2(weights: Mapping[int, int]) -> int:
    """log2 of the region in which every node's share is within TOLERANCE (relative) of its target.

    Rounding costs a node less than one slot, so the lightest node needs 1 / TOLERANCE slots.
    """
    positive = [w for w in weights.values() if w > 0]
    if not positive:
        return MIN_LOG2
    needed = sum(positive) / min(positive) / TOLERANCE
    if len(positive) == 1:
        needed = 1
    log2 = MIN_LOG2
    while (1 << log2) < needed and log2 < MAX_LOG2:
        log2 += 1
    return log2


def share_error(slots: Sequence[Slot], weights: Mapping[int, int]) -> float:
    """The worst relative difference between a node's part of the slots and its part of the weights."""
    total = sum(w for w in weights.values() if w > 0)
    counts = _count(slots)
    return max(
        (abs(counts.get(n, 0) * total / (len(slots) * w) - 1) for n, w in weights.items() if w > 0),
        default=0.0,
    )


def targets(size: int, weights: Mapping[int, int], held: Mapping[int, int]) -> dict[int, int]:
    """How many of `size` slots each node should own: its quota rounded up or down, whichever way keeps more
    of what it holds. The sum is `size` if any weight is positive."""
    total = sum(w for w in weights.values() if w > 0)
    if not total:
        return {}
    result = {n: size * w // total for n, w in weights.items() if w > 0}

    def urgency(node: int) -> tuple[bool, int, int]:
        return held.get(node, 0) <= result[node], -(size * weights[node] % total), node

    spare = size - sum(result.values())
    for node in sorted((n for n in result if size * weights[n] % total), key=urgency)[:spare]:
        result[node] += 1
    return result


def reassign(slots: Sequence[Slot], weights: Mapping[int, int], members: Iterable[int]) -> list[Slot]:
    """The slots after a change: `weights` has the nodes that take new connections (weight > 0), `members`
    all that may still serve old ones. Moves the fewest slots that give each node its target.

    With no positive weight no slot has an owner, so new connections are refused; old ones stay.
    """
    alive = set(members) | {n for n, w in weights.items() if w > 0}
    cleared = [_without_dead(slot, alive) for slot in slots]
    goal = targets(len(slots), weights, _count(cleared))
    if not goal:
        return [_orphan(slot) for slot in cleared]
    surplus = {n: held - goal.get(n, 0) for n, held in _count(cleared).items() if n != NO_NODE}
    deficit = {n: g - _count(cleared).get(n, 0) for n, g in goal.items()}
    deficit = {n: d for n, d in deficit.items() if d > 0}
    _give_back(cleared, surplus, deficit)
    _hand_over(cleared, surplus, deficit)
    return cleared


def move(slot: Slot, owner: int) -> Slot:
    """The slot with a new owner: unknown flows stay with whoever unknown flows belong to now."""
    if slot.current == owner:
        return slot
    if slot.current == NO_NODE:
        return Slot(owner, NO_NODE if slot.previous == owner else slot.previous, slot.track)
    unknown = slot.previous or slot.current
    if unknown == owner:
        return Slot(owner, NO_NODE, True)
    return Slot(owner, unknown, True)


def settle(slot: Slot, others_left: bool) -> Slot:
    """The slot once its transition is over: only recorded flows go elsewhere, if there is an elsewhere."""
    return Slot(slot.current, NO_NODE, slot.track and others_left)


def grow(slots: Sequence[Slot], log2: int) -> list[Slot]:
    """The same mapping of flows in a larger region: a flow's slot is its hash modulo the size."""
    copies = (1 << log2) // len(slots)
    return list(slots) * copies


def _count(slots: Iterable[Slot]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for slot in slots:
        counts[slot.current] = counts.get(slot.current, 0) + 1
    return counts


def _without_dead(slot: Slot, alive: set[int]) -> Slot:
    current, previous, track = slot.current, slot.previous, slot.track
    if previous not in alive:
        previous = NO_NODE
    if current not in alive:
        current = NO_NODE
        if not track:
            previous = NO_NODE
    return Slot(current, previous, track)


def _orphan(slot: Slot) -> Slot:
    unknown = slot.previous or slot.current
    return Slot(NO_NODE, unknown, slot.track or unknown != NO_NODE)


def _give_back(slots: list[Slot], surplus: dict[int, int], deficit: dict[int, int]) -> None:
    """First the slots whose previous owner may have them back: that ends a transition."""
    for i, slot in enumerate(slots):
        if not deficit:
            return
        if slot.previous in deficit and (slot.current == NO_NODE or surplus.get(slot.current, 0) > 0):
            _take(slots, i, slot.previous, surplus, deficit)


def _hand_over(slots: list[Slot], surplus: dict[int, int], deficit: dict[int, int]) -> None:
    takers = list(deficit)
    turn = 0
    for i, slot in enumerate(slots):
        if not deficit:
            return
        if slot.current == NO_NODE or surplus.get(slot.current, 0) > 0:
            while takers[turn % len(takers)] not in deficit:
                turn += 1
            _take(slots, i, takers[turn % len(takers)], surplus, deficit)
            turn += 1


def _take(slots: list[Slot], i: int, owner: int, surplus: dict[int, int], deficit: dict[int, int]) -> None:
    giver = slots[i].current
    if giver != NO_NODE:
        surplus[giver] -= 1
    slots[i] = move(slots[i], owner)
    deficit[owner] -= 1
    if not deficit[owner]:
        del deficit[owner]
