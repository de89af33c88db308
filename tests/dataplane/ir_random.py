"""Random IR programs and packets for them: what the simulator and XDP have to agree on."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from p4xdp.device import Device
from p4xdp.ir import nodes as ir

from . import ir_build as b

WIDTHS = (1, 2, 7, 8, 9, 13, 16, 20, 31, 32, 33, 48, 60, 63, 64, 65, 100, 128)
TABLE_KEYS = [
    *(("exact", widths) for widths in ((4,), (33, 7), (100,), (3, 6), (16,), (128, 1))),
    *(("lpm", widths) for widths in ((9,), (13,), (18,), (32,), (48,), (128,), (7, 20), (64, 33, 9))),
]
ETHERNET = b.header("eth", dst=48, src=48, type=16)


class Generator:
    """Grows one program. Everything random comes from `random`."""

    def __init__(self, random: Random, *, relayout: bool) -> None:
        self.random = random
        self.relayout = relayout
        self.variables = [
            ir.Var(f"x{i}", ir.Bits(random.choice(WIDTHS), random.random() < 0.3)) for i in range(6)
        ]
        self.parsed = [self._header(f"h{i}") for i in range(3)]
        self.made = self._header("made")
        self.registers = [
            ir.Register(f"C.r{i}", self._type(), random.choice((1, 5, 16)))
            for i in range(3)
        ]  # fmt: skip
        self.counters = [ir.Counter("C.count", 4, random.choice(("packets", "bytes", "packets_and_bytes")))]
        self.tables: list[ir.Table] = []
        self.labels: list[str] = []
        self.serial = 0
        self.in_atomic = False
        self.in_action = False

    def _header(self, name: str) -> ir.Header:
        total = 8 * self.random.randrange(1, 21)
        widths: list[int] = []
        while (rest := total - sum(widths)) > 0:
            widths.append(min(self.random.choice(WIDTHS), rest))
        return b.header(name, **{f"f{i}": width for i, width in enumerate(widths)})

    @property
    def headers(self) -> list[ir.Header]:
        return [ETHERNET, *self.parsed, self.made] if self.relayout else [ETHERNET, *self.parsed]

    def places(self) -> list[ir.Place]:
        fields = [ir.FieldRef(header, field) for header in self.headers for field in header.fields]
        return [
            *self.variables,
            *self.variables,
            *fields,
            b.INGRESS_PORT,
            b.PACKET_LENGTH,
            b.TIME,
            b.PARSER_ERROR,
        ]

    # ------------------------------------------------------------------ expressions

    def expr(self, type_: ir.Bits, depth: int = 3) -> ir.Expr:
        random = self.random
        if depth == 0 or random.random() < 0.25:
            return self._leaf(type_)
        width, signed = type_.width, type_.signed
        choice = random.random()
        if choice < 0.5:
            return self._binary(type_, depth - 1)
        if choice < 0.6:
            return ir.Unary(random.choice(("~", "-")), self.expr(type_, depth - 1), type_)
        if choice < 0.7:
            return ir.Mux(
                self.condition(depth - 1), self.expr(type_, depth - 1), self.expr(type_, depth - 1), type_
            )
        if choice < 0.8 and width > 1 and not signed:
            left = random.randrange(1, width)
            return ir.Concat(
                self.expr(ir.Bits(left), depth - 1), self.expr(ir.Bits(width - left), depth - 1), type_
            )
        if choice < 0.9 and not signed and width < 100:
            low = random.randrange(0, 28)
            source = ir.Bits(width + low + random.randrange(0, 2), random.random() < 0.2)
            return ir.Slice(self.expr(source, depth - 1), low + width - 1, low, type_)
        return ir.Cast(self.expr(self._type(), depth - 1), type_)

    def _type(self) -> ir.Bits:
        return ir.Bits(self.random.choice(WIDTHS), self.random.random() < 0.3)

    def _leaf(self, type_: ir.Bits) -> ir.Expr:
        if self.random.random() < 0.3:
            value = self.random.getrandbits(type_.width)
            if self.random.random() < 0.3:
                value = self.random.choice((0, 1, (1 << type_.width) - 1))
            signed = type_.signed and value >> type_.width - 1
            return ir.Const(value - (1 << type_.width) if signed else value, type_)
        place = self.random.choice(self.places())
        return ir.Load(place) if place.type == type_ else ir.Cast(ir.Load(place), type_)

    def _binary(self, type_: ir.Bits, depth: int) -> ir.Expr:
        random = self.random
        ops: list[ir.BinaryOp] = ["+", "-", "&", "|", "^", "<<", ">>"]
        if type_.width <= 64:
            ops += ["*", "|+|", "|-|"] + ([] if type_.signed else ["/", "%"])
        elif not type_.signed:
            ops += ["|+|", "|-|"]
        op = random.choice(ops)
        if op in ("<<", ">>"):
            amount: ir.Expr = b.const(random.randrange(0, type_.width + 3), 8)
            if type_.width <= 64 and random.random() < 0.5:
                amount = self.expr(ir.Bits(random.choice((3, 6, 8, 16))), depth)
            return ir.Binary(op, self.expr(type_, depth), amount, type_)
        return ir.Binary(op, self.expr(type_, depth), self.expr(type_, depth), type_)

    def condition(self, depth: int = 2) -> ir.Expr:
        random = self.random
        choice = random.random()
        if depth == 0 or choice < 0.2:
            return ir.IsValid(random.choice(self.headers))
        if choice < 0.3:
            return ir.Unary("!", self.condition(depth - 1), ir.BOOL)
        if choice < 0.5:
            op: ir.BinaryOp = random.choice(("&&", "||"))
            return ir.Binary(op, self.condition(depth - 1), self.condition(depth - 1), ir.BOOL)
        type_ = self._type()
        compare: ir.BinaryOp = random.choice(("==", "!=", "<", "<=", ">", ">="))
        return ir.Binary(compare, self.expr(type_, depth - 1), self.expr(type_, depth - 1), ir.BOOL)

    # ------------------------------------------------------------------ statements

    def body(self, length: int, depth: int) -> ir.Body:
        return tuple(self.statement(depth) for _ in range(self.random.randrange(1, length + 1)))

    def target(self) -> ir.Place:
        places: list[ir.Place] = list(self.variables)
        if not self.in_atomic:
            places += [ir.FieldRef(h, f) for h in self.headers for f in h.fields]
        return self.random.choice(places)

    def statement(self, depth: int) -> ir.Statement:
        random = self.random
        choice = random.random()
        if depth > 0 and choice < 0.35:
            return self._nested(depth - 1)
        if choice < 0.6:
            place = self.target()
            return ir.Assign(place, self.expr(place.type))
        if choice < 0.68:
            place = self.target()
            low = random.randrange(place.type.width)
            high = random.randrange(low, place.type.width)
            return ir.AssignSlice(place, high, low, self.expr(ir.Bits(high - low + 1)))
        if choice < 0.76:
            return self._register(random.choice(self.registers), self.expr(ir.Bits(random.choice((2, 3, 8)))))
        if choice < 0.8 and self.labels:
            return ir.Leave(random.choice(self.labels))
        if self.in_atomic:
            place = random.choice(self.variables)
            return ir.Assign(place, self.expr(place.type))
        if choice < 0.84:
            return ir.Count(self.counters[0], self.expr(ir.Bits(random.choice((2, 3)))))
        if choice < 0.9 and self.relayout:
            return ir.SetValidity(random.choice(self.headers[1:]), b.const(random.randrange(2), 1))
        if choice < 0.95 and not self.in_action and len(self.tables) < 2:
            return self._apply()
        return ir.Assign(b.EGRESS_SPEC, b.const(random.choice((1, 2, 3, 510, 511)), 9))

    def _register(self, register: ir.Register, index: ir.Expr) -> ir.Statement:
        if self.random.random() < 0.5:
            place = self.target()
            if place.type == register.type:
                return ir.RegisterRead(place, register, index)
            self.variables.append(ir.Var(f"x{len(self.variables)}", register.type))
            return ir.RegisterRead(self.variables[-1], register, index)
        return ir.RegisterWrite(register, index, self.expr(register.type))

    def _nested(self, depth: int) -> ir.Statement:
        random = self.random
        choice = random.random()
        if choice < 0.5:
            other = self.body(3, depth) if random.random() < 0.5 else ()
            return ir.If(self.condition(), self.body(3, depth), other)
        if choice < 0.65:
            cases = tuple(
                ((value, value + 4), self.body(2, depth)) for value in range(random.randrange(1, 4))
            )
            return ir.Switch(self.expr(ir.Bits(3)), cases, self.body(2, depth))
        if choice < 0.85 or self.in_atomic or self.in_action:
            self.serial += 1
            label = f"label{self.serial}"
            self.labels.append(label)
            body = self.body(3, depth)
            self.labels.remove(label)
            return ir.Block(label, body)
        return self._atomic(depth)

    def _atomic(self, depth: int) -> ir.Statement:
        self.in_atomic = True
        if self.random.random() < 0.5:
            body = self.body(4, depth)
        else:
            register = self.random.choice(self.registers)
            index = b.const(self.random.randrange(register.size + 1), 8)
            self.variables.append(ir.Var(f"x{len(self.variables)}", register.type))
            cell = self.variables[-1]
            body = (
                ir.RegisterRead(cell, register, index),
                ir.Assign(cell, self.expr(register.type)),
                ir.If(self.condition(), (ir.RegisterWrite(register, index, ir.Load(cell)),)),
            )
        self.in_atomic = False
        return ir.Atomic(body)

    def _apply(self) -> ir.Statement:
        random, number = self.random, len(self.tables)
        self.in_action = True
        actions = []
        for i in range(2):
            parameters = tuple(
                ir.Var(f"C.a{number}{i}.p{j}", ir.Bits(random.choice(WIDTHS)))
                for j in range(random.randrange(3))
            )
            self.variables += parameters
            actions.append(ir.Action(f"C.a{number}{i}", parameters, self.body(3, 1)))
        self.in_action = False
        kind, widths = random.choice(TABLE_KEYS)
        keys = tuple(ir.TableKey(f"k{i}", self.expr(ir.Bits(w)), "exact") for i, w in enumerate(widths))
        if kind == "lpm":
            keys = (*keys[:-1], ir.TableKey("k", keys[-1].expr, "lpm"))
        hit, run = ir.Var(f"hit{number}", ir.BOOL), ir.Var(f"run{number}", ir.Bits(32))
        self.variables += [hit, run]
        table = ir.Table(
            f"C.t{number}", keys, tuple(actions), self.call(actions), random.random() < 0.5, size=64
        )
        self.tables.append(table)
        return ir.ApplyTable(table, hit, run)

    def call(self, actions: list[ir.Action] | tuple[ir.Action, ...]) -> ir.ActionCall:
        number = self.random.randrange(len(actions))
        values = tuple(self.random.getrandbits(p.type.width) for p in actions[number].parameters)
        return ir.ActionCall(number, values)

    # ------------------------------------------------------------------ programs and packets

    def program(self) -> ir.Program:
        egress = (ir.Assign(b.EGRESS_SPEC, b.const(self.random.choice((1, 2, 510)), 9)),)
        ingress = (*egress, *self.body(6, 3))
        states = [
            ir.State("start", (ir.Extract(ETHERNET),), b.select(
                ir.Slice(b.get(ETHERNET, "type"), 2, 0, ir.Bits(3)), {1: "s0", 2: "s1", 3: "s2"})),
            ir.State("s0", (*self._peek(), ir.Extract(self.parsed[0]), *self._peek()),
                     self._select("s0", {0: "s1", 1: "s2"})),
            ir.State("s1", (ir.Extract(self.parsed[1]), *self._peek()), self._select("s1", {0: "s2"})),
            ir.State("s2", (*self._peek(), ir.Extract(self.parsed[2]), *self._peek()), "accept"),
        ]  # fmt: skip
        emit = list(self.headers)
        if self.relayout and self.random.random() < 0.5:
            self.random.shuffle(emit)
        variables = [*self.variables, b.INGRESS_PORT, b.PACKET_LENGTH, b.TIME, b.PARSER_ERROR]
        return b.program(
            self.headers, states, ingress, variables=variables, emit=emit, tables=self.tables,
            registers=self.registers, counters=self.counters,
        )  # fmt: skip

    def _peek(self) -> ir.Body:
        """Now and then what only parsers do."""
        random = self.random
        choice = random.random()
        if choice < 0.2:
            return (ir.Lookahead(random.choice(self.variables)),)
        if choice < 0.3:
            return (ir.Verify(self.condition(), random.choice(b.ERRORS)),)
        if choice < 0.4 and self.relayout:
            bits: ir.Expr = b.const(8 * random.randrange(3), 8)
            if random.random() < 0.5:
                bits = ir.Concat(self.expr(b.bits(3), 1), b.const(0, 3), b.bits(6))
            return (ir.Advance(bits),)
        if choice < 0.5:
            place = random.choice(self.variables)
            return (ir.Assign(place, self.expr(place.type)),)
        return ()

    def _select(self, state: str, cases: dict[int, str]) -> ir.Select:
        header = self.parsed[int(state[1])]
        field = header.fields[0]
        low = ir.Slice(b.load(ir.FieldRef(header, field)), 0, 0, ir.Bits(1))
        return b.select(low, cases, self.random.choice(("accept", None)))

    def packet(self) -> bytes:
        data = bytearray(self.random.randbytes(self.random.choice((14, 15, 20, 30, 40, 60, 60, 90))))
        data[13] = self.random.choice((1, 1, 2, 3, 4))
        return bytes(data)


def fill(generator: Generator, tables: Sequence[ir.Table], devices: Sequence[Device]) -> None:
    """The same random entries and default actions for the tables of all devices."""
    random = generator.random
    for table in tables:
        for _ in range(8):
            keys = []
            for key in table.keys:
                width = key.expr.type.width
                value = random.choice((0, 1, 2, random.getrandbits(width))) & (1 << width) - 1
                if key.kind == "lpm":
                    length = random.randrange(width + 1)
                    mask = ((1 << length) - 1) << width - length
                    keys.append(ir.KeySet("mask", value & mask, mask))
                else:
                    keys.append(ir.KeySet("exact", value))
            call = generator.call(table.actions)
            for device in devices:
                device.table_add(table.name, keys, table.actions[call.action].name, call.arguments)
        if not table.default_const:
            call = generator.call(table.actions)
            for device in devices:
                device.table_set_default(table.name, table.actions[call.action].name, call.arguments)
