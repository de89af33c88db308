"""The text being written, and access to variables and headers with what is known about them.

State words `m0`, `m1`, … hold a bit per header for valid and one for touched. `data` is the packet's first
byte, `cur` the parser's position, `s` the scratch memory (0 until looked up), `rl` is set once the packet's
layout has to change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from p4xdp.ir import nodes as ir
from p4xdp.source import NOWHERE, Span, Unsupported
from p4xdp.targets.xdp import rawbytes
from p4xdp.targets.xdp.expressions import render, render_flat
from p4xdp.targets.xdp.facts import Facts, join, refine
from p4xdp.targets.xdp.plan import PACKET_LENGTH, TIME_VARIABLES, Findings, HeaderPlan, Plan
from p4xdp.targets.xdp.words import c_name, c_type, check_width, literal


class Code:
    """Lines of one C function. `facts` is None where no path leads."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.found = Findings()
        nothing = dict.fromkeys(plan.headers, False)
        self.facts: Facts | None = Facts(nothing, dict(nothing), dict(nothing))
        self.lines: list[str] = []
        self.variables: dict[str, tuple[str, ir.Bits]] = {}
        self._declared = {var.name: var for var in plan.program.variables}
        self.exits: dict[str, Facts | None] = {}
        self.targets: dict[str, str] = {}
        self.in_atomic: Literal["lock", "exchange"] | None = None
        self.special: Callable[[ir.Statement], bool] | None = None
        self._span = NOWHERE
        self._depth = 1
        self._serial = 0

    # ------------------------------------------------------------------ text

    def at(self, span: Span) -> None:
        """The lines that follow come from `span`."""
        if span.length:
            self._span = span

    def line(self, text: str) -> None:
        """A line of C, with the place in the P4 source: the verifier quotes the line it complains about.

        That is more than #line could do, as clang before 17 loses its file names on the way to BTF.
        """
        known = self._span is not NOWHERE and text[-1:] in ";{:"
        place = f"  /* {self._span} */" if known else ""
        self.lines.append("  " * self._depth + text + place)

    @contextmanager
    def braces(self, opening: str, closing: str = "}") -> Iterator[None]:
        self.line(f"{opening} {{".lstrip())
        self._depth += 1
        yield
        self._depth -= 1
        self.line(closing)

    def fresh(self, prefix: str) -> str:
        self._serial += 1
        return f"{prefix}{self._serial}"

    def fault(self, reason: str) -> str:
        """A statement that drops the packet because of something that the program cannot see."""
        return f"{{ fault = {reason}; goto aborted; }}"

    def unless_within(self, pointer: str, otherwise: str) -> None:
        """Runs `otherwise`, which jumps away, if `pointer` is beyond the packet's end.

        In assembly, since clang must not know what is decided here: it would test for the packet's end again
        in place of a validity bit, and the verifier learns from both and not that they go together.
        """
        label = self.fresh("beyond")
        self.line(f'asm goto("if %0 > %1 goto %l2" : : "r"({pointer}), "r"(data_end) : : {label});')
        self.line(f"if (0) {{ {label}: {otherwise} }}")

    # ------------------------------------------------------------------ control flow

    def known(self) -> Facts:
        if self.facts is None:
            raise AssertionError("code is emitted where no path leads")
        return self.facts

    @contextmanager
    def branch(self, opening: str) -> Iterator[None]:
        """A braced body that may or may not run: facts are joined after it."""
        before = self.known().fork()
        with self.braces(opening):
            yield
        self.facts = join(self.facts, before)

    def refined(self, facts: Facts, condition: ir.Expr, holds: bool) -> Facts:
        forked = facts.fork()
        refine(forked, condition, holds, self.plan.rules)
        return forked

    # ------------------------------------------------------------------ expressions

    def expr(self, expr: ir.Expr) -> str:
        """C text of `expr`; call `prepare` first if a statement comes of it."""
        return render(expr, self)

    def flat(self, value: ir.Expr) -> str:
        """C text of a boolean to be kept in a variable: without branches (see `render_flat`), unless the
        verifier has to see both values to know with the one that a header is there."""
        facts = self.known()
        if self.refined(facts, value, True).resident == facts.resident:
            return render_flat(value, self)
        return render(value, self)

    def prepare(self, *exprs: ir.Expr) -> None:
        """Reads the clock if one of `exprs` needs it and it has not been read on this path."""
        facts = self.known()
        if facts.clock is not True and any(self._needs_time(expr) for expr in exprs):
            name = self.name(ir.Var(TIME_VARIABLES[0], ir.Bits(48)))
            test = "" if facts.clock is False else f"if (!{name}) "
            self.line(f"{test}{name} = now();")
            facts.clock = True

    def _needs_time(self, expr: ir.Expr) -> bool:
        match expr:
            case ir.Load(ir.Var(name)):
                return name in TIME_VARIABLES
            case ir.Const() | ir.IsValid() | ir.Load():
                return False
            case ir.Unary(_, operand) | ir.Slice(operand) | ir.Cast(operand):
                return self._needs_time(operand)
            case ir.Binary(_, left, right) | ir.Concat(left, right):
                return self._needs_time(left) or self._needs_time(right)
            case ir.Mux(condition, then, other):
                return any(self._needs_time(part) for part in (condition, then, other))
        return False

    def name(self, var: ir.Var) -> str:
        """The C variable that holds `var`, declared at the function's head."""
        entry = self.variables.get(var.name)
        if entry is None:
            var = self._declared.get(var.name, var)
            check_width(var.type.width, var.span, f"variable {var.name}")
            entry = (c_name("v", len(self.variables), var.name), var.type)
            self.variables[var.name] = entry
        return entry[0]

    def read(self, place: ir.Place, span: Span) -> str:
        if isinstance(place, ir.Var):
            return "packet_length" if place.name == PACKET_LENGTH else self.name(place)
        facts, plan = self.known(), self.plan.headers[place.header.name]
        touched = facts.touched.get(place.header.name)
        if touched is False:
            return literal(0, place.type.width)
        check_width(place.type.width, span, f"field {place.name}")
        text = rawbytes.load(self.pointer(plan), place.field.offset, place.type.width, plan.size * 8)
        return text if touched else f"({self.test(plan.touched)} ? {text} : {literal(0, place.type.width)})"

    def is_valid(self, header: ir.Header) -> str:
        known = self.known().valid.get(header.name)
        if known is not None:
            return literal(int(known), 1)
        return f"({self.test(self.plan.headers[header.name].valid)} ? 1ull : 0ull)"

    # ------------------------------------------------------------------ headers

    def test(self, bit: tuple[int, int]) -> str:
        return f"(m{bit[0]} & {1 << bit[1]:#x}ull)"

    def pointer(self, plan: HeaderPlan) -> str:
        """C text of the address of a touched header's bytes."""
        slot = f"(s + {plan.slot})"
        if not plan.extracted:
            return slot
        if plan.fixed is None:
            return plan.pointer
        packet = f"(data + {plan.fixed})"
        if not plan.shadow:
            return packet
        known = self.known().resident.get(plan.header.name)
        if known is not None:
            return packet if known else slot
        return f"({self.test(plan.resident)} ? {packet} : some{slot})"

    def address(self, plan: HeaderPlan) -> str:
        """Like `pointer`, worked out only once if it has to be."""
        text = self.pointer(plan)
        if "?" not in text:
            return text
        name = self.fresh("at")
        self.line(f"u8 *const {name} = {text};")
        return name

    def touch(self, header: ir.Header, span: Span) -> None:
        """Gives `header` bytes (all zero) in scratch memory unless it has some."""
        facts, plan = self.known(), self.plan.headers[header.name]
        touched = facts.touched.get(header.name)
        if touched is True:
            return
        if self.in_atomic:
            raise Unsupported(span, f"{header.name} may be invalid here: the XDP target writes only valid "
                                    f"headers inside @atomic")  # fmt: skip
        self.found.shadow.add(header.name)
        self.found.scratch = True
        if touched is None:
            with self.branch(f"if (!{self.test(plan.touched)})"):
                self._allocate(plan)
        else:
            self._allocate(plan)
        self.known().touched[header.name] = True

    def _allocate(self, plan: HeaderPlan) -> None:
        self.need_scratch()
        slot = f"(s + {plan.slot})"
        for text in rawbytes.zero(slot, -(-plan.header.width // 64) * 8):
            self.line(text)
        if plan.extracted and plan.fixed is None:
            self.line(f"{plan.pointer} = {slot};")
        self.line(f"m{plan.touched[0]} |= {1 << plan.touched[1]:#x}ull;")

    def need_scratch(self) -> None:
        facts = self.known()
        if facts.scratch is not True:
            test = "" if facts.scratch is False else "if (!s) "
            self.line(f"{test}s = scratch_memory();")
            self.line(f"if (!s) {self.fault('FAULT_MAP')}")
            facts.scratch = True

    def set_valid(self, header: ir.Header, span: Span) -> None:
        facts, plan = self.known(), self.plan.headers[header.name]
        known = facts.valid.get(header.name)
        if known is True:
            return
        opening = "" if known is False else f"if (!{self.test(plan.valid)})"
        with self.branch(opening) if opening else self.braces(""):
            self.touch(header, span)
            self.line(f"m{plan.valid[0]} |= {1 << plan.valid[1]:#x}ull;")
            if plan.emitted is not None:
                self.change_layout()
        after = self.known()
        after.valid[header.name] = after.touched[header.name] = True

    def set_invalid(self, header: ir.Header) -> None:
        facts, plan = self.known(), self.plan.headers[header.name]
        known = facts.valid.get(header.name)
        if known is False:
            return
        opening = "" if known is True else f"if ({self.test(plan.valid)})"
        with self.branch(opening) if opening else self.braces(""):
            self.line(f"m{plan.valid[0]} &= ~{1 << plan.valid[1]:#x}ull;")
            if plan.emitted is not None:
                self.change_layout()
        self.known().valid[header.name] = False

    def change_layout(self) -> None:
        self.found.relayout = True
        self.line("rl = 1;")

    def note(self, var: ir.Var, value: ir.Expr | None = None) -> None:
        """`var` gets `value` (None: something): what is known here is known wherever it is not zero."""
        if isinstance(value, ir.Const) and value.value == 0:
            return
        facts = self.known()
        if value is not None and value.type.width == 1:
            facts = self.refined(facts, value, True)
        extracted = frozenset(name for name, known in facts.resident.items() if known)
        self.found.nonzero[var.name] = self.found.nonzero.get(var.name, extracted) & extracted

    def store(self, place: ir.Place, value: str, span: Span, source: ir.Expr | None = None) -> None:
        """`place = value`, C text of `source` if it is that of an expression."""
        if isinstance(place, ir.Var):
            if place.name in TIME_VARIABLES or place.name == PACKET_LENGTH:
                raise Unsupported(span, f"the XDP target does not assign {place.name}")
            self.line(f"{self.name(place)} = {value};")
            self.note(place, source)
        else:
            self.store_bits(place, place.type.width - 1, 0, value, span)

    def store_bits(self, place: ir.FieldRef, high: int, low: int, value: str, span: Span) -> None:
        """Writes bits `high` to `low` of a field where its header lies."""
        check_width(place.type.width, span, f"field {place.name}")
        plan, width = self.plan.headers[place.header.name], high - low + 1
        name = self.fresh("t")
        with self.braces(""):
            self.line(f"const {c_type(width)} {name} = {value};")
            self.touch(place.header, span)
            offset = place.field.offset + place.type.width - 1 - high
            to = self.address(plan)
            for text in rawbytes.store(to, offset, width, name):
                self.line(text)
