"""The parser: a label per state in topological order, bounds checked at every extract.

Nothing is copied out of the packet: an extract proves that the header's bytes are there and notes where.
"""

from __future__ import annotations

from p4xdp.ir import nodes as ir
from p4xdp.source import Span, Unsupported
from p4xdp.targets.xdp import rawbytes
from p4xdp.targets.xdp.code import Code
from p4xdp.targets.xdp.facts import Facts, join
from p4xdp.targets.xdp.plan import PARSER_ERROR
from p4xdp.targets.xdp.statements import emit_body
from p4xdp.targets.xdp.tables import keyset_test
from p4xdp.targets.xdp.words import c_name, c_type

_END = "parsed"
_LONGEST = 1 << 14


def emit_parser(code: Code) -> None:
    """The whole parser, ending where accept, reject and errors meet."""
    program = code.plan.program
    parser = program.parser
    order = _topological(parser)
    labels = {state.name: c_name("state", i, state.name) for i, state in enumerate(parser.states)}
    run = _ParserRun(code, {state.name: None for state in order}, labels)
    run.entry[order[0].name] = code.facts
    code.special = run.statement
    for state in order:
        code.facts = run.entry[state.name]
        if code.facts is None:
            continue
        code.at(state.span)
        code.line(f"{labels[state.name]}:;")
        emit_body(code, state.body)
        if code.facts is not None:
            run.transition(state.transition)
    code.facts, code.special = run.end, None
    code.line(f"{_END}:;")


def _topological(parser: ir.Parser) -> list[ir.State]:
    """States that the start reaches, each before its successors. Raises Unsupported for a loop."""
    states = {state.name: state for state in parser.states}
    order: list[ir.State] = []
    mark: dict[str, int] = {}

    def visit(name: str, span: Span) -> None:
        if name not in states or mark.get(name) == 2:
            return
        if mark.get(name) == 1:
            raise Unsupported(span, f"the parser loops at state {name}: the XDP target needs it unrolled")
        mark[name] = 1
        transition = states[name].transition
        if isinstance(transition, str):
            visit(transition, states[name].span)
        else:
            for case in transition.cases:
                visit(case.state, case.span)
        mark[name] = 2
        order.append(states[name])

    visit(parser.states[0].name, parser.states[0].span)
    return order[::-1]


class _ParserRun:
    """Facts on the way: at the entry of each state and at the parser's end."""

    def __init__(self, code: Code, entry: dict[str, Facts | None], labels: dict[str, str]) -> None:
        self.code = code
        self.entry = entry
        self.labels = labels
        self.end: Facts | None = None

    def go(self, state: str) -> None:
        code = self.code
        if state in self.labels:
            self.entry[state] = join(self.entry[state], code.known().fork())
            code.line(f"goto {self.labels[state]};")
        else:
            self.end = join(self.end, code.known().fork())
            code.line(f"goto {_END};")

    def reject(self, error: str, condition: str) -> None:
        """Ends the parser with `error` if `condition` holds."""
        self.code.line(f"if ({condition}) {{ {self._ending(error)} }}")

    def _need(self, pointer: str) -> None:
        """Ends the parser unless the packet goes on to `pointer`."""
        self.code.unless_within(pointer, self._ending("PacketTooShort"))

    def _ending(self, error: str) -> str:
        """Statements that end the parser with `error`."""
        code = self.code
        number = code.plan.program.errors.index(error)
        self.end = join(self.end, code.known().fork())
        variable = ir.Var(PARSER_ERROR, ir.Bits(32))
        code.note(variable)
        place = code.name(variable)
        return f"{place} = {number}; goto {_END};"

    def transition(self, transition: str | ir.Select) -> None:
        code = self.code
        if isinstance(transition, str):
            self.go(transition)
            return
        code.at(transition.span)
        code.prepare(*transition.keys)
        with code.braces(""):
            for number, key in enumerate(transition.keys):
                code.line(f"const {c_type(key.type.width)} key{number} = {code.expr(key)};")
            for case in transition.cases:
                tests = [
                    keyset_test(keyset, f"key{number}", key.type)
                    for number, (keyset, key) in enumerate(zip(case.keysets, transition.keys, strict=False))
                ]
                condition = " && ".join(test for test in tests if test)
                if not condition:
                    self.go(case.state)
                    break
                with code.braces(f"if ({condition})"):
                    self.go(case.state)
            else:
                self.reject("NoMatch", "1")
        code.facts = None

    def statement(self, statement: ir.Statement) -> bool:
        """Emits what only parsers have."""
        code = self.code
        match statement:
            case ir.Extract(header):
                self._extract(header)
            case ir.Advance():
                self._advance(statement)
            case ir.Lookahead(target, span):
                width = target.type.width
                size = -(-width // 8)
                self._need(f"{_position(code)} + {size}")
                code.store(target, rawbytes.load(_position(code), 0, width, size * 8), span)
            case ir.Verify(condition, error):
                code.prepare(condition)
                self.reject(error, f"!{code.expr(condition)}")
            case _:
                return False
        return True

    def _extract(self, header: ir.Header) -> None:
        code, plan = self.code, self.code.plan.headers[header.name]
        facts, found = code.known(), code.found
        self._need(f"{_position(code)} + {plan.size}")
        before = frozenset(name for name, known in facts.resident.items() if known)
        found.implied[header.name] = found.implied.get(header.name, before) & before
        found.offsets.setdefault(header.name, set()).add(facts.offset)
        self._keep_order(header)
        if plan.fixed is None:
            code.line(f"{plan.pointer} = {_position(code)};")
        for word, bit in dict.fromkeys((plan.valid, plan.touched, plan.resident)):
            code.line(f"m{word} |= {1 << bit:#x}ull;")
        code.line(f"cur = {_position(code)} + {plan.size};")
        for known in (facts.valid, facts.touched, facts.resident):
            known[header.name] = True
        facts.offset = None if facts.offset is None else facts.offset + plan.size

    def _keep_order(self, header: ir.Header) -> None:
        """Notes a change of layout if `header` cannot stay where it is until it is emitted."""
        code, plan = self.code, self.code.plan.headers[header.name]
        facts = code.known()
        if plan.emitted is None or facts.touched.get(header.name) is not False:
            code.change_layout()
            return
        for name, other in code.plan.headers.items():
            if other.extracted and other.emitted is not None and other.emitted > plan.emitted:
                known = facts.touched.get(name)
                if known is True:
                    code.change_layout()
                elif known is None:
                    with code.braces(f"if ({code.test(other.touched)})"):
                        code.change_layout()

    def _advance(self, statement: ir.Advance) -> None:
        code, bits = self.code, statement.bits
        facts = code.known()
        code.change_layout()
        if isinstance(bits, ir.Const):
            if bits.value % 8:
                raise Unsupported(statement.span, "the XDP target advances by whole bytes")
            size = bits.value // 8
            self._need(f"{_position(code)} + {size}")
            code.line(f"cur = {_position(code)} + {size};")
            facts.offset = None if facts.offset is None else facts.offset + size
            return
        code.prepare(bits)
        name = code.fresh("skip")
        with code.braces(""):
            code.line(f"const u64 {name} = opaque((u64){code.expr(bits)} >> 3);")
            self.reject("PacketTooShort", f"{name} >= {_LONGEST}")
            code.line(f"u8 *to = {_position(code)} + ({name} & {_LONGEST - 1});")
            self._need("to")
            code.line("cur = to;")
        facts.offset = None


def _position(code: Code) -> str:
    offset = code.known().offset
    return "cur" if offset is None else f"(data + {offset})"
