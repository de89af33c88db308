"""Tables: keys, actions, default, entries, properties (specification, section 13.2)."""

from __future__ import annotations

from p4xdp.source import P4Error
from p4xdp.syntax import ast
from p4xdp.types import model
from p4xdp.types.keysets import KeysetChecker
from p4xdp.types.model import Type
from p4xdp.types.program import Bound, ResolvedCall
from p4xdp.types.relations import is_scalar

_EXACT = frozenset({"exact", "selector"})


class TableChecker(KeysetChecker):
    def table(self, node: ast.TableDeclaration) -> None:
        for key in node.keys:
            with self.recorded():
                self._key(key)
        listed: dict[str, ast.ActionRef] = {}
        for ref in node.actions:
            with self.recorded():
                self._listed_action(ref, listed)
        if not node.actions:
            raise P4Error(node.span, f"table {node.name} needs 'actions = {{ … }}'")
        if node.default_action is not None:
            with self.recorded():
                self._chosen_action(node.default_action, listed, node, "the default action")
        for entry in node.entries:
            with self.recorded():
                self._entry(entry, listed, node)
        for prop in node.properties:
            with self.recorded():
                self._property(prop)
        self.scopes.declare(node.name, node)

    def _key(self, key: ast.KeyElement) -> None:
        type_ = self.infer(key.expression)
        if key.match_kind not in self.typed.match_kinds:
            hint = self.suggestion(key.match_kind, self.typed.match_kinds)
            known = ", ".join(self.typed.match_kinds)
            raise P4Error(key.span, f"unknown match kind '{key.match_kind}'{hint}; there is {known}")
        if not is_scalar(type_) and not isinstance(type_, model.Varbit):
            raise P4Error(key.span, f"a key is a number, bool, enum or error, not {type_}")

    # ----------------------------------------------------------------- actions

    def _action(self, ref: ast.ActionRef) -> ast.ActionDeclaration:
        found = self.named(ref.name)[0]
        if not isinstance(found, ast.ActionDeclaration):
            raise P4Error(ref.span, f"'{ref.name.name}' is not an action")
        self.typed.declarations[ref.name] = found
        return found

    def _listed_action(self, ref: ast.ActionRef, listed: dict[str, ast.ActionRef]) -> None:
        action = self._action(ref)
        if ref.name.name in listed:
            raise P4Error(ref.span, f"action '{ref.name.name}' is in the list twice")
        listed[ref.name.name] = ref
        parameters = self.action_parameters(action)
        bound = tuple(p for p in parameters if p.direction)
        if not bound and not ref.arguments:
            return
        given = ref.arguments or ()
        if len(given) != len(bound):
            names = ", ".join(p.name for p in bound) or "none"
            message = (
                f"action '{action.name}' needs arguments here for its parameters with direction ({names})"
            )
            raise P4Error(ref.span, message)
        pairs = self.pair(bound, given, action.name, ref.span)
        arguments = self.arguments(pairs, set(), {}, action.name, ref.span)
        self.typed.calls[ref] = ResolvedCall("action", action, arguments, model.VOID)

    def _chosen_action(
        self,
        ref: ast.ActionRef,
        listed: dict[str, ast.ActionRef],
        table: ast.TableDeclaration,
        role: str,
    ) -> None:
        """The default action or an entry's: one of the list, with all its arguments."""
        action = self._action(ref)
        if not any(self.typed.declarations.get(r.name) is action for r in listed.values()):
            message = (
                f"{role} must be one of the actions of table {table.name}; add {action.name} to 'actions'"
            )
            raise P4Error(ref.span, message)
        self._check_arguments(ref, action, listed, role)

    def _check_arguments(
        self, ref: ast.ActionRef, action: ast.ActionDeclaration, listed: dict[str, ast.ActionRef], role: str
    ) -> None:
        parameters = self.action_parameters(action)
        data = tuple(p for p in parameters if not p.direction)
        given = ref.arguments or ()
        inherited: tuple[Bound, ...] = ()
        if len(given) == len(data) < len(parameters):
            call = self.typed.calls.get(listed[action.name]) if action.name in listed else None
            inherited = call.arguments if call is not None else ()
            parameters = data
        pairs = self.pair(parameters, given, action.name, ref.span)
        arguments = self.arguments(pairs, set(), {}, action.name, ref.span)
        for bound in arguments:
            if not bound.parameter.direction:
                self.require_compile_time(bound, f"{action.name} in {role}")
        self.typed.calls[ref] = ResolvedCall("action", action, inherited + arguments, model.VOID)

    # ----------------------------------------------------------------- entries and properties

    def _entry(
        self, entry: ast.TableEntry, listed: dict[str, ast.ActionRef], table: ast.TableDeclaration
    ) -> None:
        if not table.keys:
            raise P4Error(entry.span, f"table {table.name} has no key, so it can have no entries")
        types: list[Type] = [self.typed.types.get(k.expression, model.VOID) for k in table.keys]
        if model.VOID in types:
            return  # its key was reported
        self.keysets(entry.keysets, types, entry.span, f"table {table.name}")
        if len(entry.keysets) == len(table.keys):
            for keyset, key in zip(entry.keysets, table.keys, strict=True):
                self._entry_key(keyset, key.match_kind)
        self._chosen_action(entry.action, listed, table, "an entry's action")
        if entry.priority is not None:
            self.number(entry.priority, "the priority of an entry")

    def _entry_key(self, keyset: ast.Expression, kind: str) -> None:
        match keyset:
            case ast.AnyValue():
                if kind in _EXACT:
                    raise P4Error(keyset.span, f"a key matched '{kind}' needs a value, not '_'")
            case ast.Mask():
                if kind not in ("ternary", "lpm"):
                    raise P4Error(keyset.span, f"a key matched '{kind}' takes no mask")
                self._known(keyset.value)
                self._known(keyset.mask)
                if kind == "lpm" and not self._is_prefix(keyset.mask):
                    raise P4Error(
                        keyset.mask.span, "a mask of an lpm key has its ones at the top, without gaps"
                    )
            case ast.Range():
                if kind != "range":
                    raise P4Error(keyset.span, f"a key matched '{kind}' takes no range")
                self._known(keyset.low)
                self._known(keyset.high)
            case _:
                self._known(keyset)

    def _known(self, e: ast.Expression) -> None:
        if not self.compile_time(e):
            raise P4Error(e.span, "the key of an entry must be known at compile time")

    def _is_prefix(self, mask: ast.Expression) -> bool:
        value, type_ = self.constant(mask), self.typed.types[mask]
        if not isinstance(value, int) or not isinstance(type_, model.Bits):
            return True
        inverted = ~value & ((1 << type_.width) - 1)
        return inverted & (inverted + 1) == 0

    def _property(self, prop: ast.TableProperty) -> None:
        if prop.name == "size":
            self.number(prop.value, "the size of a table", 1)
            return
        type_ = self.infer(prop.value)
        if prop.name in ("implementation", "counters", "meters") and not isinstance(type_, model.Extern):
            raise P4Error(prop.value.span, f"'{prop.name}' takes an instance of an extern, not {type_}")
