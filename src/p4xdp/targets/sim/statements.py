"""IR statements as Python source lines.

The whole program becomes one function, so that storage is Python local variables. `Block` becomes a
`while True:` that always breaks, `Leave` a break; a Leave across several blocks sets `leaving` to the
depth of the block it ends, and each block on the way breaks on.
"""

from __future__ import annotations

from collections.abc import Iterable

from p4xdp.ir.nodes import (
    Advance,
    ApplyTable,
    Assign,
    AssignSlice,
    Atomic,
    Block,
    Body,
    Count,
    Emit,
    Expr,
    Extract,
    FieldRef,
    Header,
    If,
    Leave,
    LogMessage,
    Lookahead,
    Place,
    RegisterRead,
    RegisterWrite,
    SetValidity,
    Statement,
    Switch,
    Table,
    Var,
    Verify,
)
from p4xdp.source import Unsupported
from p4xdp.targets.sim.expressions import ExpressionWriter, mask, wrap

PARSER_LABEL = "parser"  # no lowered label is a plain word: leaving it ends the parser
MAX_BLOCKS = 20  # CPython's limit of nested loops in a function


class StatementWriter:
    """Collects lines. `errors` numbers the members of `error`; `names` gives every storage its variable."""

    def __init__(self, names: dict[str, str], errors: dict[str, int], parser_error: str) -> None:
        self.lines: list[str] = []
        self.indent = 1
        self._names = names
        self._errors = errors
        self._parser_error = parser_error
        self._blocks: list[str] = []
        self._crossed: list[bool] = []
        self._temporaries = 0
        self.expressions = ExpressionWriter(self._place, self._validity, self._spill)

    # ------------------------------------------------------------------ names and lines

    def line(self, text: str) -> None:
        self.lines.append(" " * self.indent + text)

    def _place(self, place: Place) -> str:
        return self._names[place.name]

    def _validity(self, header: Header) -> str:
        return self._names[header.name]

    def temporary(self) -> str:
        self._temporaries += 1
        return f"t{self._temporaries}"

    def _spill(self, text: str) -> str:
        name = self.temporary()
        self.line(f"{name} = {text}")
        return name

    def expr(self, expr: Expr) -> str:
        return self.expressions.write(expr)

    # ------------------------------------------------------------------ control flow

    def body(self, body: Body) -> None:
        start = len(self.lines)
        for statement in body:
            self.statement(statement)
        if len(self.lines) == start:
            self.line("pass")

    def nested(self, body: Body) -> None:
        self.indent += 1
        self.body(body)
        self.indent -= 1

    def block(self, label: str, body: Body) -> None:
        self.enter(label)
        self.body(body)
        self.leave_block()

    def enter(self, label: str) -> None:
        self.line("while True:")
        self.indent += 1
        self._blocks.append(label)
        self._crossed.append(False)

    def leave_block(self, loop: bool = False) -> None:
        """Ends the innermost block; with `loop`, its end goes round again."""
        if not loop:
            self.line("break")
        self.indent -= 1
        self._blocks.pop()
        if self._crossed.pop():
            self.line("if leaving:")
            self.line(f" if leaving == {len(self._blocks)}: leaving = 0")
            self.line(" break")

    def leave(self, label: str) -> None:
        depth = self._blocks.index(label) + 1
        if depth < len(self._blocks):
            for i in range(depth, len(self._blocks)):
                self._crossed[i] = True
            self.line(f"leaving = {depth}")
        self.line("break")

    def reject(self, error: str) -> None:
        self.line(f"{self._parser_error} = {self._errors[error]}")
        self.leave(PARSER_LABEL)

    # ------------------------------------------------------------------ statements

    def statement(self, s: Statement) -> None:
        match s:
            case Assign():
                self.line(f"{self._place(s.place)} = {self.expr(s.value)}")
            case AssignSlice():
                self._assign_slice(s)
            case SetValidity():
                self.line(f"{self._validity(s.header)} = {self.expr(s.valid)}")
            case If():
                self._if(s)
            case Switch():
                self._switch(s)
            case Block():
                if len(self._blocks) >= MAX_BLOCKS:
                    raise Unsupported(s.span, f"more than {MAX_BLOCKS} returns nest here; return less deeply")
                self.block(s.label, s.body)
            case Leave():
                self.leave(s.label)
            case Atomic():  # one packet at a time: everything is atomic
                for inner in s.body:
                    self.statement(inner)
            case ApplyTable():
                self._apply(s)
            case RegisterRead() | RegisterWrite() | Count():
                self._stateful(s)
            case Extract():
                self._extract(s)
            case Advance():
                self._advance(self.expr(s.bits))
            case Lookahead():
                self._lookahead(s)
            case Verify():
                self.line(f"if not {self.expr(s.condition)}:")
                self.indent += 1
                self.reject(s.error)
                self.indent -= 1
            case Emit():
                self._emit(s.header)
            case LogMessage():
                arguments = "".join(f"{self.expr(a)}, " for a in s.arguments)
                self.line(f"log({s.text!r}, ({arguments}))")

    def _assign_slice(self, s: AssignSlice) -> None:
        place, width = self._place(s.place), s.high - s.low + 1
        others = mask(s.place.type.width) & ~(mask(width) << s.low)
        value = self.expr(s.value)
        if s.value.type.signed:
            value = f"({value} & {mask(width):#x})"
        text = f"{place} & {others:#x} | {value} << {s.low}"
        self.line(f"{place} = {wrap(text, s.place.type) if s.place.type.signed else text}")

    def _if(self, s: If) -> None:
        self.line(f"if {self.expr(s.condition)}:")
        self.nested(s.then)
        if s.other:
            self.line("else:")
            self.nested(s.other)

    def _switch(self, s: Switch) -> None:
        subject = self.expr(s.subject)
        if len(s.cases) > 1 and not subject.isidentifier():
            subject = self._spill(subject)
        keyword = "if"
        for values, body in s.cases:
            test = f"== {values[0]}" if len(values) == 1 else f"in {{{', '.join(map(str, values))}}}"
            self.line(f"{keyword} {subject} {test}:")
            self.nested(body)
            keyword = "elif"
        if not s.cases:
            self.body(s.default)
        elif s.default:
            self.line("else:")
            self.nested(s.default)

    # ------------------------------------------------------------------ tables and externs

    def _apply(self, s: ApplyTable) -> None:
        table = s.table
        hit, action, data = self.temporary(), self.temporary(), self.temporary()
        keys = "".join(f"{self.expressions.unsigned(k.expr)}, " for k in table.keys)
        self.line(f"{hit}, {action}, {data} = {self._names['table ' + table.name]}(({keys}))")
        for place, value in ((s.hit, hit), (s.action_run, action)):
            if place is not None:
                self.line(f"{self._place(place)} = {value}")
        self._dispatch(table, action, data)

    def _dispatch(self, table: Table, action: str, data: str) -> None:
        keyword = "if"
        for index, a in enumerate(table.actions):
            if not a.body:
                continue
            self.line(f"{keyword} {action} == {index}:")
            keyword = "elif"
            self.indent += 1
            if a.parameters:
                self.line("".join(f"{self._place(p)}, " for p in a.parameters) + f"= {data}")
            self.body(a.body)
            self.indent -= 1

    def _stateful(self, s: RegisterRead | RegisterWrite | Count) -> None:
        index = self.expr(s.index)
        extern = s.counter if isinstance(s, Count) else s.register
        name = self._names[f"extern {extern.name}"]
        bounds = ""
        if s.index.type.signed:
            bounds = f"0 <= {index} < {extern.size}"
        elif 1 << s.index.type.width > extern.size:
            bounds = f"{index} < {extern.size}"
        if isinstance(s, RegisterRead):
            text = f"{name}[{index}]"
            self.line(f"{self._place(s.target)} = {f'{text} if {bounds} else 0' if bounds else text}")
            return
        prefix = f"if {bounds}: " if bounds else ""
        if isinstance(s, RegisterWrite):
            self.line(f"{prefix}{name}[{index}] = {self.expr(s.value)}")
        else:
            self.line(f"{prefix}{name}.count({index}, packet_length)")

    # ------------------------------------------------------------------ packets

    def _need(self, bits: str) -> None:
        """Rejects if the packet has fewer bits left; nothing is taken then."""
        self.line(f"if position + {bits} > length:")
        self.indent += 1
        self.reject("PacketTooShort")
        self.indent -= 1

    def _advance(self, bits: str) -> None:
        self._need(bits)
        self.line(f"position += {bits}")

    def _extract(self, s: Extract) -> None:
        header, width = s.header, s.header.width
        self._advance(str(width))
        self.line(f"{self._validity(header)} = 1")
        if not header.fields:
            return
        self.line(f"taken = packet >> length - position & {mask(width):#x}")
        for f in header.fields:
            shift = width - f.offset - f.type.width
            value = f"taken >> {shift}" if shift else "taken"
            text = wrap(value, f.type) if f.type.signed else f"{value} & {mask(f.type.width):#x}"
            self.line(f"{self._place(FieldRef(header, f))} = {text}")

    def _lookahead(self, s: Lookahead) -> None:
        type = s.target.type
        self._need(str(type.width))
        text = f"packet >> length - position - {type.width}"
        self.line(f"{self._place(s.target)} = {wrap(text, type)}")

    def _emit(self, header: Header) -> None:
        parts: Iterable[str] = (
            f"({self._place(FieldRef(header, f))} & {mask(f.type.width):#x})"
            f" << {header.width - f.offset - f.type.width}"
            for f in header.fields
        )
        self.line(f"if {self._validity(header)}:")
        self.line(f" emitted = emitted << {header.width} | {' | '.join(parts) or '0'}")
        self.line(f" emitted_bits += {header.width}")


def storage_names(
    variables: Iterable[Var], headers: Iterable[Header], tables: Iterable[str], externs: Iterable[str]
) -> dict[str, str]:
    """A Python variable for each storage (`header` alone is its validity), table and extern, by IR name."""
    names: dict[str, str] = {}
    for prefix, group in (
        ("x", [v.name for v in variables]),
        ("v", [h.name for h in headers]),
        ("f", [f"{h.name}.{f.name}" for h in headers for f in h.fields]),
        ("lookup", [f"table {t}" for t in tables]),
        ("extern", [f"extern {e}" for e in externs]),
    ):
        for name in group:
            if name not in names:
                readable = "".join(c if c.isalnum() else "_" for c in name.split(".", 1)[-1])
                names[name] = f"{prefix}{len(names)}_{readable}"
    return names
