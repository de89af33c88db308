"""Slots change as little as the shares require, and keep every share within its tolerance."""

from hypothesis import given
from hypothesis import strategies as st

from p4kube import slots as rules
from p4kube.wire.cells import NO_NODE, Slot

weights = st.dictionaries(st.integers(1, 12), st.integers(0, 9), max_size=12)


def fresh(log2: int) -> list[Slot]:
    return [Slot(NO_NODE)] * (1 << log2)


def counts(slots: list[Slot]) -> dict[int, int]:
    result: dict[int, int] = {}
    for slot in slots:
        result[slot.current] = result.get(slot.current, 0) + 1
    return result


@given(weights)
def test_shares_are_within_tolerance(w: dict[int, int]) -> None:
    slots = rules.reassign(fresh(rules.wanted_log2(w)), w, w)
    assert rules.share_error(slots, w) <= rules.TOLERANCE
    assert all(w[n] > 0 for n in counts(slots) if n != NO_NODE)
    assert (NO_NODE in counts(slots)) == (not any(w.values()))


@given(weights, weights)
def test_a_change_moves_no_more_than_the_shares_require(
    before: dict[int, int], after: dict[int, int]
) -> None:
    slots = rules.reassign(fresh(9), before, before)
    held = counts(slots)
    changed = rules.reassign(slots, after, set(before) | set(after))
    moved = sum(a.current != b.current for a, b in zip(slots, changed, strict=True))
    goal = counts(changed)
    assert moved == sum(max(0, n - goal.get(node, 0)) for node, n in held.items())
    if any(after.values()):
        total = sum(after.values())
        floor_of = {n: 512 * w // total for n, w in after.items()}
        assert all(floor_of[n] <= goal.get(n, 0) <= floor_of[n] + 1 for n in after)
        # Of the two roundings each node has, it got the one nearer to what it held, room permitting.
        needless = sum(
            1 for n in after if goal.get(n, 0) > max(held.get(n, 0), floor_of[n]) and 512 * after[n] % total
        )
        wasted = sum(
            1 for n in after if goal.get(n, 0) == floor_of[n] < held.get(n, 0) and 512 * after[n] % total
        )
        assert not (needless and wasted)


@given(st.lists(weights.filter(lambda w: any(w.values())), min_size=1, max_size=8))
def test_flows_survive_any_series_of_changes(series: list[dict[int, int]]) -> None:
    """Plays the data plane's rule on one flow per slot and step; its node must not change while alive."""
    slots = rules.reassign(fresh(5), series[0], series[0])
    flows: list[tuple[int, int]] = [
        (i, s.current) for i, s in enumerate(slots)
    ]  # opened before anything moved
    recorded: dict[int, int] = {}
    everyone = {n for w in series for n in w}
    for w in series[1:]:
        slots = rules.reassign(slots, w, everyone)
        for number, (i, node) in enumerate(flows):
            slot = slots[i]
            goes_to = slot.current
            if slot.track:
                goes_to = recorded.get(number) or slot.previous or slot.current
                if slot.previous:
                    recorded[number] = goes_to
            assert goes_to == node
        opened = [(i, s.current) for i, s in enumerate(slots)]
        for number, (i, node) in enumerate(opened, start=len(flows)):
            if slots[i].previous:
                recorded[number] = node
        flows += opened


def test_a_dead_owner_is_replaced_without_a_transition() -> None:
    slots = [Slot(1), Slot(2), Slot(1, 3, True), Slot(3, 1, True)]
    after = rules.reassign(slots, {2: 1, 3: 1}, {2, 3})
    assert all(1 not in (s.current, s.previous) for s in after)
    assert not after[0].track


def test_without_an_owner_old_flows_stay_with_a_draining_node() -> None:
    assert rules.reassign([Slot(1), Slot(2)], {}, {1}) == [Slot(NO_NODE, 1, True), Slot(NO_NODE)]


def test_giving_a_slot_back_settles_it() -> None:
    assert rules.move(rules.move(Slot(1), 2), 1) == Slot(1, NO_NODE, True)
