"""A whole IR program as the source of one Python function: `process(packet bytes, port, time)`."""

from __future__ import annotations

from p4xdp.device import DROP_PORT
from p4xdp.ir.nodes import Expr, KeySet, Parser, Program, Select, SelectCase, State, Var
from p4xdp.targets.sim.expressions import mask
from p4xdp.targets.sim.statements import PARSER_LABEL, StatementWriter, storage_names

EGRESS_SPEC = "standard_metadata.egress_spec"
PARSER_ERROR = "standard_metadata.parser_error"


def generate(program: Program) -> str:
    """Source of `build(externs, log) -> process`, where `externs` maps "table NAME" to a lookup function
    and "extern NAME" to a register's list or a counter, and `process(data, port, time)` returns
    (egress port, packet), or None if the packet was dropped."""
    variables = _variables(program)
    names = storage_names(
        variables,
        program.headers,
        (t.name for t in program.tables),
        [*(r.name for r in program.registers), *(c.name for c in program.counters)],
    )
    errors = {e: i for i, e in enumerate(program.errors)}
    writer = StatementWriter(names, errors, names[PARSER_ERROR])
    writer.indent = 0
    writer.line("def build(externs, log):")
    for key, name in names.items():
        if key.startswith(("table ", "extern ")):
            writer.line(f" {name} = externs[{key!r}]")
    writer.line(" def process(data, ingress_port, time):")
    writer.indent = 2
    _start(writer, program, variables, names)
    _parser(writer, program.parser)
    writer.body(program.verify)
    writer.body(program.ingress)
    _egress(writer, program, names)
    writer.body(program.compute)
    writer.line("emitted = emitted_bits = 0")
    writer.body(program.deparser)
    writer.line("return egress_port, emitted, emitted_bits, position")
    writer.indent = 1
    writer.line("return process")
    return "\n".join(writer.lines) + "\n"


def _variables(program: Program) -> list[Var]:
    """All of them once, also those that only appear as action parameters."""
    found = {v.name: v for v in program.variables}
    for table in program.tables:
        for action in table.actions:
            found.update((p.name, p) for p in action.parameters if p.name not in found)
    for name, width in ((EGRESS_SPEC, 9), (PARSER_ERROR, 32)):
        if name not in found:
            raise ValueError(f"the IR program lacks {name} (bit<{width}>)")
    return list(found.values())


def _start(writer: StatementWriter, program: Program, variables: list[Var], names: dict[str, str]) -> None:
    """Everything zero and invalid, then what v1model fills in."""
    storage = [names[v.name] for v in variables]
    storage += [names[h.name] for h in program.headers]
    storage += [names[f"{h.name}.{f.name}"] for h in program.headers for f in h.fields]
    for i in range(0, len(storage), 40):
        writer.line(" = ".join(storage[i : i + 40]) + " = 0")
    writer.line("leaving = position = 0")
    writer.line("packet_length = len(data)")
    writer.line("length = packet_length * 8")
    writer.line("packet = int.from_bytes(data, 'big')")
    for field, text, width in (
        ("ingress_port", "ingress_port", 9),
        ("packet_length", "packet_length", 32),
        ("ingress_global_timestamp", "time", 48),
        ("instance_type", "0", 32),
    ):
        if (name := names.get(f"standard_metadata.{field}")) is not None:
            writer.line(f"{name} = {text} & {mask(width):#x}")


def _egress(writer: StatementWriter, program: Program, names: dict[str, str]) -> None:
    """The traffic manager between ingress and egress: BMv2 resets egress_spec before egress, which may
    drop by it again."""
    spec = names[EGRESS_SPEC]
    writer.line(f"if {spec} == {DROP_PORT}: return None")
    writer.line(f"egress_port = {spec}")
    if (port := names.get("standard_metadata.egress_port")) is not None:
        writer.line(f"{port} = egress_port")
    if (stamp := names.get("standard_metadata.egress_global_timestamp")) is not None:
        writer.line(f"{stamp} = time & {mask(48):#x}")
    writer.line(f"{spec} = 0")
    writer.body(program.egress)
    writer.line(f"if {spec} == {DROP_PORT}: return None")


# --------------------------------------------------------------------------- parser


def _parser(writer: StatementWriter, parser: Parser) -> None:
    numbers = {state.name: i for i, state in enumerate(parser.states)}
    writer.line("state = 0")
    writer.enter(PARSER_LABEL)
    for number, state in enumerate(parser.states):
        writer.line(f"if state == {number}:")
        writer.indent += 1
        _state(writer, state, numbers, number)
        writer.indent -= 1
    writer.leave_block(loop=True)


def _state(writer: StatementWriter, state: State, numbers: dict[str, int], number: int) -> None:
    writer.body(state.body)
    if isinstance(state.transition, str):
        _goto(writer, state.transition, numbers, number)
        return
    select = state.transition
    keys = []
    for key in select.keys:
        name = writer.temporary()
        writer.line(f"{name} = {writer.expressions.unsigned(key)}")
        keys.append(name)
    keyword = "if"
    for case in select.cases:
        test = _test(case, keys, select)
        writer.line(f"{keyword} {test}:" if test else "else:" if keyword == "elif" else "if True:")
        writer.indent += 1
        _goto(writer, case.state, numbers, number)
        writer.indent -= 1
        keyword = "elif"
        if not test:
            return
    writer.line("else:" if select.cases else "if True:")
    writer.indent += 1
    writer.reject("NoMatch")
    writer.indent -= 1


def _test(case: SelectCase, keys: list[str], select: Select) -> str:
    components = zip(case.keysets, keys, select.keys, strict=True)
    tests = (keyset_test(keyset, name, key) for keyset, name, key in components)
    return " and ".join(t for t in tests if t)


def keyset_test(keyset: KeySet, name: str, key: Expr) -> str:
    """The Python condition that `name` lies in `keyset`; empty if it always does."""
    match keyset.kind:
        case "exact":
            return f"{name} == {keyset.value}"
        case "mask":
            wanted = keyset.value & keyset.mask & mask(key.type.width)
            return f"{name} & {keyset.mask:#x} == {wanted:#x}" if keyset.mask else ""
        case "range":
            return f"{keyset.value} <= {name} <= {keyset.mask}"
        case "any":
            return ""


def _goto(writer: StatementWriter, target: str, numbers: dict[str, int], current: int) -> None:
    """States stand in order, so going forward needs no jump."""
    if target in ("accept", "reject"):
        writer.leave(PARSER_LABEL)
        return
    writer.line(f"state = {numbers[target]}")
    if numbers[target] <= current:
        writer.line("continue")
