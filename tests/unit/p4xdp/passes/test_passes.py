"""What each pass is for; that it changes nothing else is tested in tests/property/test_passes.py."""

from __future__ import annotations

from dataclasses import replace

from p4xdp.ir import nodes as ir
from p4xdp.ir.fold import FALSE, TRUE, binary, const, negate
from p4xdp.passes import merge_states, optimize, propagate, remove_dead, tidy_branches

B8 = ir.Bits(8)
SPEC = ir.Var("standard_metadata.egress_spec", ir.Bits(9))
X, Y, Z = (ir.Var(n, B8) for n in "xyz")
ON = ir.Var("on", ir.BOOL)
H = ir.Header("h", "h_t", (ir.HeaderField("f", B8, 0),), 8)
F = ir.FieldRef(H, H.fields[0])
R = ir.Register("r", B8, 4)


def c(value: int) -> ir.Const:
    return const(value, B8)


def put(place: ir.Place, value: ir.Expr | int) -> ir.Assign:
    return ir.Assign(place, c(value) if isinstance(value, int) else value)


def keep(value: ir.Expr) -> ir.Statement:
    """A use of `value` that no pass may remove."""
    return ir.RegisterWrite(R, const(0, ir.Bits(32)), value)


def program(*ingress: ir.Statement, states: tuple[ir.State, ...] | None = None) -> ir.Program:
    parser = ir.Parser("P", states or (ir.State("start", (), "accept"),))
    variables = (SPEC, X, Y, Z, ON)
    return ir.Program("t.p4", variables, (H,), parser, (), ingress, (), (), (), (), (R,), (), ("NoError",))


# --------------------------------------------------------------------------- propagate


def test_constants_and_copies_reach_their_uses() -> None:
    done = propagate(program(put(X, 3), put(Y, ir.Load(X)), keep(binary("+", ir.Load(Y), c(1)))))
    assert done.ingress[-1] == keep(c(4))


def test_a_copy_ends_when_its_source_changes() -> None:
    body = (put(Y, ir.Load(X)), put(X, binary("+", ir.Load(X), c(1))), keep(ir.Load(Y)))
    assert propagate(program(*body)).ingress == body


def test_what_both_branches_agree_on_holds_after() -> None:
    branches = ir.If(ir.Load(ON), (put(X, 1), put(Y, 5)), (put(X, 1), put(Y, 6)))
    done = propagate(program(branches, keep(ir.Load(X)), keep(ir.Load(Y))))
    assert done.ingress[1:] == (keep(c(1)), keep(ir.Load(Y)))


def test_a_branch_knows_its_condition() -> None:
    equal = binary("&&", binary("==", ir.Load(X), c(7)), ir.IsValid(H))
    inner = ir.If(ir.IsValid(H), (keep(ir.Load(X)),), (keep(c(9)),))
    (s,) = propagate(program(ir.If(equal, (inner,)))).ingress
    assert isinstance(s, ir.If) and s.then == (keep(c(7)),)


def test_leaving_a_block_carries_facts_to_its_end() -> None:
    early = ir.If(ir.Load(ON), (put(X, 1), ir.Leave("b")))
    done = propagate(program(ir.Block("b", (early, put(X, 2))), keep(ir.Load(X))))
    assert done.ingress[-1] == keep(ir.Load(X))
    agreeing = ir.Block("b", (early, put(X, 1)))
    assert propagate(program(agreeing, keep(ir.Load(X)))).ingress[-1] == keep(c(1))


def test_code_that_is_not_reached_goes() -> None:
    body = ir.Block("b", (ir.If(FALSE, (keep(c(1)),)), ir.Leave("b"), keep(c(2))))
    assert propagate(program(body)).ingress == (ir.Block("b", (ir.Leave("b"),)),)


def test_action_data_do_not_outlive_the_action() -> None:
    data = ir.Var("t.a.v", B8)
    table = ir.Table("t", (), (ir.Action("a", (data,), (put(X, ir.Load(data)),)),), ir.ActionCall(0, (1,)))
    done = propagate(program(ir.ApplyTable(table), keep(ir.Load(X))))
    assert done.ingress[-1] == keep(ir.Load(X))


# --------------------------------------------------------------------------- dead code


def test_what_nobody_reads_goes_with_what_only_that_read() -> None:
    body = (ir.RegisterRead(X, R, const(0, ir.Bits(32))), put(Y, ir.Load(X)), put(Z, 1), keep(ir.Load(Z)))
    done = remove_dead(program(*body))
    assert done.ingress == body[2:]
    assert [v.name for v in done.variables] == [SPEC.name, "z"]
    assert done.headers == ()


def test_results_of_a_table_that_nobody_reads_are_not_kept() -> None:
    table = ir.Table("t", (), (ir.Action("a", (), ()),), ir.ActionCall(0))
    (s,) = remove_dead(program(ir.ApplyTable(table, hit=ON))).ingress
    assert isinstance(s, ir.ApplyTable) and s.hit is None


# --------------------------------------------------------------------------- branches


def test_nested_conditions_are_one() -> None:
    a, b = ir.Load(ON), ir.IsValid(H)
    (s,) = tidy_branches(program(ir.If(a, (ir.If(b, (keep(c(1)),)),)))).ingress
    assert s == ir.If(binary("&&", a, b), (keep(c(1)),))


def test_an_empty_branch_is_turned_round_and_empty_statements_go() -> None:
    a = ir.Load(ON)
    done = tidy_branches(
        program(ir.If(a, (), (keep(c(1)),)), ir.If(a, ()), ir.Switch(ir.Load(X), ()), ir.Atomic(()))
    )
    assert done.ingress == (ir.If(negate(a), (keep(c(1)),)),)


def test_an_early_return_becomes_else() -> None:
    body = ir.Block("b", (ir.If(ir.Load(ON), (keep(c(1)), ir.Leave("b"))), keep(c(2))))
    assert tidy_branches(program(body)).ingress == (ir.If(ir.Load(ON), (keep(c(1)),), (keep(c(2)),)),)


def test_a_constant_condition_leaves_a_branch() -> None:
    assert tidy_branches(program(ir.If(TRUE, (keep(c(1)),), (keep(c(2)),)))).ingress == (keep(c(1)),)


# --------------------------------------------------------------------------- parser states


def test_chains_of_states_are_one_and_unreached_states_go() -> None:
    states = (
        ir.State("start", (ir.Extract(H),), "next"),
        ir.State("next", (put(X, 1),), "accept"),
        ir.State("lost", (), "accept"),
    )
    (s,) = merge_states(program(states=states)).parser.states
    assert s == ir.State("start", (ir.Extract(H), put(X, 1)), "accept")


def test_a_decided_select_is_a_plain_transition() -> None:
    cases = (
        ir.SelectCase((ir.KeySet("exact", 1),), "reject"),
        ir.SelectCase((ir.KeySet("mask", 2, 2),), "accept"),
        ir.SelectCase((ir.KeySet("any"),), "reject"),
    )
    (s,) = merge_states(program(states=(ir.State("start", (), ir.Select((c(6),), cases)),))).parser.states
    assert s.transition == "accept"


def test_a_loop_of_one_state_stays() -> None:
    states = (ir.State("start", (ir.Extract(H),), "start"),)
    assert merge_states(program(states=states)).parser.states == states


def test_optimize_leaves_nothing_of_a_program_that_does_nothing() -> None:
    idle = program(put(X, 1), ir.If(binary("==", ir.Load(X), c(1)), (put(Y, 2),)))
    assert optimize(idle).ingress == ()
    assert optimize(replace(idle, ingress=())).tables == ()
