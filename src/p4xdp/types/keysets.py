"""Sets of values: in the cases of a select and the keys of table entries (specification, section 8.15)."""

from __future__ import annotations

from p4xdp.source import P4Error, Span
from p4xdp.syntax import ast
from p4xdp.types import model
from p4xdp.types.model import Type
from p4xdp.types.relations import as_bits
from p4xdp.types.statements import StatementChecker


class KeysetChecker(StatementChecker):
    def keysets(self, sets: tuple[ast.Expression, ...], types: list[Type], span: Span, what: str) -> None:
        """Checks the components of one case against the types of the keys."""
        if len(sets) == 1 and isinstance(sets[0], ast.AnyValue):
            self.typed.types[sets[0]] = model.Set(types[0] if len(types) == 1 else model.Tuple(tuple(types)))
            return
        if len(sets) != len(types):
            keys = f"{len(types)} key{'s' * (len(types) != 1)}"
            raise P4Error(span, f"{what} has {keys}, this case {len(sets)}")
        for keyset, type_ in zip(sets, types, strict=True):
            self._keyset(keyset, type_)

    def _keyset(self, keyset: ast.Expression, type_: Type) -> None:
        match keyset:
            case ast.AnyValue():
                pass
            case ast.Mask():
                bits = self._as_number(type_, keyset.span, "&&&")
                self.check(keyset.value, bits, "the value masked")
                self.check(keyset.mask, bits, "a mask")
            case ast.Range():
                bits = self._as_number(type_, keyset.span, "..")
                self.check(keyset.low, bits, "the lower end of a range")
                self.check(keyset.high, bits, "the upper end of a range")
            case _:
                found = self.infer(keyset, type_)
                if not isinstance(found, model.Set):
                    self.convert(keyset, type_, "a case (like its key)")
                    return
                if found.element != type_:
                    raise P4Error(
                        keyset.span, f"this value_set holds {found.element}, but the key is {type_}"
                    )
        self.typed.types[keyset] = model.Set(type_)

    def _as_number(self, type_: Type, span: Span, op: str) -> model.Bits:
        bits = as_bits(type_.base if isinstance(type_, model.NewType) else type_)
        if bits is None:
            raise P4Error(span, f"'{op}' works on numbers; the key here is {type_}")
        return bits
