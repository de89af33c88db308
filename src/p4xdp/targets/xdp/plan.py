"""Where everything lives: C names, bits and slots, fixed before text is emitted.

Emission finds out things that the plan needs (a header that may have to live outside the packet, the offsets
at which it is extracted), so the program is emitted with a first plan, and again with what was found, until
nothing new is found (`Findings`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from p4xdp.ir import nodes as ir
from p4xdp.ir.nodes import Header
from p4xdp.source import Unsupported
from p4xdp.targets.xdp.facts import Rules
from p4xdp.targets.xdp.layout import TableForm
from p4xdp.targets.xdp.options import XdpOptions
from p4xdp.targets.xdp.words import c_name

WORD_BITS = 31
"""Header bits per state word: as many as an immediate operand has."""

TIME_VARIABLES = ("standard_metadata.ingress_global_timestamp",)
EGRESS_TIME = "standard_metadata.egress_global_timestamp"
INGRESS_PORT = "standard_metadata.ingress_port"
EGRESS_PORT = "standard_metadata.egress_port"
EGRESS_SPEC = "standard_metadata.egress_spec"
PARSER_ERROR = "standard_metadata.parser_error"
PACKET_LENGTH = "standard_metadata.packet_length"
MULTICAST_GROUP = "standard_metadata.mcast_grp"


@dataclass(slots=True)
class Findings:
    """What an emission found out about the program."""

    shadow: set[str] = field(default_factory=set)
    offsets: dict[str, set[int | None]] = field(default_factory=dict)
    implied: dict[str, frozenset[str]] = field(default_factory=dict)
    nonzero: dict[str, frozenset[str]] = field(default_factory=dict)
    relayout: bool = False
    scratch: bool = False


@dataclass(frozen=True, slots=True)
class HeaderPlan:
    """`fixed` is the header's offset in the packet if it has one only; else a pointer variable says where it
    is. `shadow`: it may have to live in scratch memory, at `slot`. `emitted` is its place among the emits.
    `valid`, `touched` and `resident` (see `Facts`) are (word, bit) of the state words."""

    header: Header
    fixed: int | None
    extracted: bool
    shadow: bool
    slot: int
    emitted: int | None
    valid: tuple[int, int]
    touched: tuple[int, int]
    resident: tuple[int, int]
    pointer: str

    @property
    def size(self) -> int:
        return -(-self.header.width // 8)


@dataclass(frozen=True, slots=True)
class Plan:
    program: ir.Program
    options: XdpOptions
    headers: dict[str, HeaderPlan]
    rules: Rules
    emit_order: tuple[Header, ...]
    mask_words: int
    scratch_size: int
    relayout: bool
    locks: dict[str, int]
    exchanged: frozenset[str]
    tables: Mapping[str, TableForm]

    def has(self, variable: str) -> bool:
        """Whether the program mentions `variable` (standard metadata are listed only then)."""
        return any(var.name == variable for var in self.program.variables)


def statements(bodies: Sequence[ir.Body]) -> Iterator[ir.Statement]:
    """Every statement below `bodies`, tables' actions included where they are applied."""
    for body in bodies:
        for statement in body:
            yield statement
            yield from statements(children(statement))


def children(statement: ir.Statement) -> list[ir.Body]:
    match statement:
        case ir.If(_, then, other):
            return [then, other]
        case ir.Switch(_, cases, default):
            return [*(body for _, body in cases), default]
        case ir.Block(_, body) | ir.Atomic(body):
            return [body]
        case ir.ApplyTable(table):
            return [action.body for action in table.actions]
        case _:
            return []


def bodies(program: ir.Program) -> list[ir.Body]:
    """The program's bodies in the order in which a packet meets them."""
    parser = [state.body for state in program.parser.states]
    return [*parser, program.verify, program.ingress, program.egress, program.compute, program.deparser]


def make_plan(
    program: ir.Program,
    options: XdpOptions,
    found: Findings,
    locks: dict[str, int],
    exchanged: frozenset[str],
    tables: Mapping[str, TableForm],
) -> Plan:
    """The plan that fits what `found` says. Raises Unsupported for headers XDP cannot carry."""
    emit_order = _emit_order(program.deparser)
    emitted = {header.name: place for place, header in enumerate(emit_order)}
    extracted: set[str] = set()
    changed: set[str] = set()
    made_valid: set[str] = set()
    for statement in statements(bodies(program)):
        match statement:
            case ir.Extract(header):
                extracted.add(header.name)
            case ir.SetValidity(header, valid):
                changed.add(header.name)
                if not (isinstance(valid, ir.Const) and not valid.value):
                    made_valid.add(header.name)
            case _:
                pass
    bits = _Bits()
    plans: dict[str, HeaderPlan] = {}
    slot = 0
    for index, header in enumerate(program.headers):
        name = header.name
        if header.width % 8 and (name in extracted or name in emitted):
            raise Unsupported(header.span, f"header {name} has {header.width} bits: XDP carries whole bytes")
        offsets = found.offsets.get(name, set())
        shadow = name in found.shadow
        valid_bit = bits.take()
        touched_bit = bits.take() if shadow or name in changed else valid_bit
        plans[name] = HeaderPlan(
            header,
            next(iter(offsets)) if len(offsets) == 1 else None,
            name in extracted,
            shadow,
            slot,
            emitted.get(name),
            valid_bit,
            touched_bit,
            bits.take() if shadow else touched_bit,
            c_name("p", index, name),
        )
        if shadow or name in emitted:
            slot += -(-header.width // 64) * 8
    implied = {n: names | {n} for n, names in found.implied.items() if n not in made_valid}
    rules = Rules(implied, found.nonzero, frozenset(extracted - changed))
    return Plan(
        program, options, plans, rules, emit_order, bits.words, slot, found.relayout, locks, exchanged, tables
    )


class _Bits:
    """Hands out bits of the state words."""

    def __init__(self) -> None:
        self._used = 0

    def take(self) -> tuple[int, int]:
        self._used += 1
        return divmod(self._used - 1, WORD_BITS)

    @property
    def words(self) -> int:
        return -(-self._used // WORD_BITS)


def _emit_order(body: ir.Body) -> tuple[Header, ...]:
    order: list[Header] = []
    for statement in body:
        match statement:
            case ir.Emit(header, span):
                if header in order:
                    raise Unsupported(span, f"{header.name} is emitted twice: the XDP target emits it once")
                order.append(header)
            case ir.Block(_, inner):
                order.extend(_emit_order(inner))
            case ir.LogMessage():
                pass
            case _:
                raise Unsupported(statement.span, "the XDP target's deparser has emit() calls only")
    return tuple(order)
