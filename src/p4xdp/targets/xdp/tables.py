"""Tables: the C declarations of their maps, and what applying one becomes.

An entry found is a pointer `e` to a value {u32 action; parameters}. Where no entry is found `e` points to the
slot of the default action, or is 0 if the default action is constant.
"""

from __future__ import annotations

from collections.abc import Callable

from p4xdp.ir import nodes as ir
from p4xdp.source import Unsupported
from p4xdp.targets.xdp import rawbytes
from p4xdp.targets.xdp.code import Code
from p4xdp.targets.xdp.facts import Facts, join
from p4xdp.targets.xdp.layout import ARRAY_KEY_BITS, NODE_BITS, NODE_CELLS, TableForm, trie_levels
from p4xdp.targets.xdp.manifest import CHILD, ActionLayout
from p4xdp.targets.xdp.words import c_type, literal

EmitBody = Callable[[Code, ir.Body], None]


def declarations(form: TableForm) -> list[str]:
    """The structures and the map of a table."""
    layout, name = form.layout, form.name
    lines = []
    if layout.kind == "hash":
        members = [_member("u", f"k{i}", key.size, key.offset) for i, key in enumerate(layout.keys)]
        lines += _structure(f"{name}_key", members, layout.key_size)
    if layout.pool_slots or layout.map:
        parts = [part for action in layout.actions for part in _action_members(action)]
        lines.append(f"struct {name}_value {{ union {{ u32 action; u64 whole[{layout.value_size // 8}];")
        lines += [f"  {part}" for part in parts]
        lines.append("}; };")
        lines.append(f'_Static_assert(sizeof(struct {name}_value) == {layout.value_size}, "layout");')
    if layout.kind == "hash":
        lines += [
            f"struct {{ UINT(type, HASH); UINT(max_entries, {layout.size});",
            f'  TYPE(key, struct {name}_key); TYPE(value, struct {name}_value); }} {name} SEC(".maps");',
        ]
    elif layout.kind == "lpm":
        lines += [
            f"struct {name}_key {{ u32 length; u8 data[{layout.key_size - 4}]; }};",
            f"struct {{ UINT(type, LPM_TRIE); UINT(max_entries, {layout.size});",
            "  UINT(map_flags, NO_PREALLOC);",
            f'  TYPE(key, struct {name}_key); TYPE(value, struct {name}_value); }} {name} SEC(".maps");',
        ]
    return lines


def _member(prefix: str, name: str, size: int, offset: int) -> tuple[int, int, str]:
    if size == 16:
        return offset, size, f"u64 {name}[2];"
    return offset, size, f"{prefix}{8 * size} {name};"


def _structure(name: str, members: list[tuple[int, int, str]], size: int) -> list[str]:
    """A structure with all padding spelled out, so that an initialiser clears it."""
    lines = [f"struct {name} {{"]
    end = 0
    for offset, length, text in members:
        if offset > end:
            lines.append(f"  u8 pad{end}[{offset - end}];")
        lines.append(f"  {text}")
        end = offset + length
    if size > end:
        lines.append(f"  u8 pad{end}[{size - end}];")
    lines.append(f'}}; _Static_assert(sizeof(struct {name}) == {size}, "layout");')
    return lines


def _action_members(action: ActionLayout) -> list[str]:
    if not action.parameters:
        return []
    members = [
        _member("u", f"p{i}", field.size, field.offset)[2] for i, field in enumerate(action.parameters)
    ]
    return [f"struct {{ u32 id{action.id}; {' '.join(members)} }} a{action.id};"]


def emit_apply(code: Code, statement: ir.ApplyTable, emit_body: EmitBody) -> None:
    form = code.plan.tables[statement.table.name]
    code.prepare(*(key.expr for key in form.table.keys))
    with code.braces(""):
        code.line("u64 hit = 0, action = 0;")
        if form.layout.map or form.layout.pool_slots:
            code.line(f"const struct {form.name}_value *e = 0;")
        _find(code, form)
        if statement.hit is not None:
            code.store(statement.hit, "hit", statement.span)
        if statement.action_run is not None:
            code.store(statement.action_run, "(action - 1)", statement.span)
        _run(code, form, emit_body)


def _find(code: Code, form: TableForm) -> None:
    """Leaves `hit`, `action` and `e`, and parameters that are constants."""
    layout, name = form.layout, form.name
    if layout.kind == "trie":
        _walk_trie(code, form)
    elif layout.kind == "array":
        keys = [(code.expr(key.expr), key.expr.type.width) for key in form.table.keys]
        text, total = keys[0]
        for other, width in keys[1:]:
            text, total = f"({text} << {width} | {other})", total + width
        code.line(f"const u64 cell = opaque({text}) & {(1 << total) - 1:#x}ull;")
        code.line(f"const u64 slot = *(volatile u32 *)&state.{name}_index[cell];")
        code.line("hit = slot != 0;")
        code.line(f"if (hit) e = {_value(form, 'slot')};")
    elif layout.kind == "hash":
        _hash_key(code, form)
        code.line(f"e = map_lookup(&{name}, &key);")
        code.line("hit = e != 0;")
    elif layout.kind == "lpm":
        _prefix_key(code, form)
        code.line(f"e = map_lookup(&{name}, &key);")
        code.line("hit = e != 0;")
    elif layout.kind == "const":
        _match_constants(code, form)
    with code.braces("if (!hit)") if layout.kind != "none" else code.braces(""):
        if form.default_const:
            _set_call(code, form, form.table.default)
        else:
            code.line(f"e = {_value(form, f'*(volatile u32 *)&state.{name}_default')};")
    if layout.kind in ("array", "trie", "hash", "lpm") or not form.default_const:
        code.line("if (e) action = e->action;" if _maybe_null(form) else "action = e->action;")


def _value(form: TableForm, slot: str) -> str:
    """C text of a slot's address. Made opaque, since clang would add the state's offset anew at each use."""
    place = f"&state.{form.name}_pool[{slot} & {form.layout.pool_slots - 1}]"
    return f"(const struct {form.name}_value *)some((u8 *){place})"


def _walk_trie(code: Code, form: TableForm) -> None:
    """One load for the first 16 bits of the key, and one for each four bits that some prefix goes on."""
    layout, name = form.layout, form.name
    width = layout.keys[0].width
    levels = trie_levels(width)
    rest = levels * NODE_BITS
    key = code.expr(form.table.keys[0].expr)
    padding = max(0, rest + ARRAY_KEY_BITS - width) if levels else 0
    padded = f"{key} << {padding}" if padding else key
    code.line(f"const u64 key = opaque({padded}) & {(1 << width + padding) - 1:#x}ull;")
    code.line(f"u64 slot = *(volatile u32 *)&state.{name}_index[key >> {rest}];")
    for level in range(levels):
        shift = rest - NODE_BITS * (level + 1)
        digit = f"(key >> {shift} & {NODE_CELLS - 1})"
        node = f"(slot & {layout.nodes - 1}) << {NODE_BITS}"
        with code.braces(f"if (slot & {CHILD:#x}ull)"):
            code.line(f"slot = *(volatile u32 *)&state.{name}_nodes[{node} | {digit}];")
    code.line("hit = slot != 0;")
    code.line(f"if (hit) e = {_value(form, 'slot')};")


def _maybe_null(form: TableForm) -> bool:
    return form.default_const or form.layout.kind == "const"


def _hash_key(code: Code, form: TableForm) -> None:
    values = []
    for number, (key, place) in enumerate(zip(form.table.keys, form.layout.keys, strict=True)):
        text = code.expr(key.expr)
        if place.size == 16:
            values.append(f".k{number} = {{ (u64){text}, (u64)({text} >> 64) }}")
        else:
            values.append(f".k{number} = (u{8 * place.size}){text}")
    code.line(f"const struct {form.name}_key key = {{ {', '.join(values)} }};")


def _prefix_key(code: Code, form: TableForm) -> None:
    layout = form.layout
    total = sum(place.size * 8 for place in layout.keys[:-1]) + layout.keys[-1].width
    code.line(f"struct {form.name}_key key;")
    code.line(f"key.length = {total};")
    for number, (key, place) in enumerate(zip(form.table.keys, layout.keys, strict=True)):
        width = key.expr.type.width
        padding = place.size * 8 - width
        wide = c_type(width + padding)
        shift = f" << {padding}" if padding and key.kind == "lpm" else ""
        code.line(f"const {wide} key{number} = ({wide}){code.expr(key.expr)}{shift};")
        for text in rawbytes.store("key.data", 8 * place.offset, 8 * place.size, f"key{number}", 4):
            code.line(text)


def _match_constants(code: Code, form: TableForm) -> None:
    """Constant entries as a chain of tests, in order of priority (lpm: longest prefix first)."""
    table = form.table
    for number, key in enumerate(table.keys):
        code.line(f"const {c_type(key.expr.type.width)} key{number} = {code.expr(key.expr)};")
    opening = "if"
    for entry in _by_precedence(table):
        tests = [
            keyset_test(keyset, f"key{number}", key.expr.type)
            for number, (keyset, key) in enumerate(zip(entry.keysets, table.keys, strict=True))
        ]
        condition = " && ".join(test for test in tests if test) or "1"
        with code.braces(f"{opening} ({condition})"):
            code.line("hit = 1;")
            _set_call(code, form, entry.call)
        opening = "else if"


def _by_precedence(table: ir.Table) -> list[ir.Entry]:
    lpm = [place for place, key in enumerate(table.keys) if key.kind == "lpm"]
    needs_priority = any(key.kind not in ("exact", "lpm") for key in table.keys)
    if lpm and not needs_priority:
        return sorted(table.entries, key=lambda entry: -_prefix_length(entry.keysets[lpm[-1]]))
    return sorted(table.entries, key=lambda entry: entry.priority)


def _prefix_length(keyset: ir.KeySet) -> int:
    if keyset.kind == "any":
        return 0
    return keyset.mask.bit_count() if keyset.kind == "mask" else 1 << 16


def keyset_test(keyset: ir.KeySet, name: str, type_: ir.Bits) -> str:
    match keyset.kind:
        case "exact":
            return f"{name} == {literal(keyset.value, type_.width)}"
        case "mask":
            mask = literal(keyset.mask, type_.width)
            return f"({name} & {mask}) == {literal(keyset.value & keyset.mask, type_.width)}"
        case "range":
            if type_.signed:
                return ""
            low, high = literal(keyset.value, type_.width), literal(keyset.mask, type_.width)
            return f"{name} >= {low} && {name} <= {high}"
        case _:
            return ""


def _set_call(code: Code, form: TableForm, call: ir.ActionCall) -> None:
    code.line(f"action = {call.action + 1};")
    action = form.table.actions[call.action]
    for parameter, value in zip(action.parameters, call.arguments, strict=True):
        code.line(f"{code.name(parameter)} = {literal(value, parameter.type.width)};")
        code.note(parameter)


def _run(code: Code, form: TableForm, emit_body: EmitBody) -> None:
    """The action's parameters from the entry, and its body."""
    before = code.known()
    after: Facts | None = None if form.layout.kind == "const" and form.default_const else before
    with code.braces("switch (action)"):
        for number, action in enumerate(form.table.actions):
            if not _reachable(form, number):
                continue
            code.facts = before.fork()
            with code.braces(f"case {number + 1}:", "} break;"):
                _load_parameters(code, form, number, action)
                emit_body(code, action.body)
            after = join(after, code.facts)
        code.line("default:;" if after is not None else "default: __builtin_unreachable();")
    code.facts = after


def _reachable(form: TableForm, number: int) -> bool:
    """Whether an entry or the default can name the action at all."""
    if form.layout.kind in ("array", "trie", "hash", "lpm") or not form.default_const:
        return True
    return any(call.action == number for call in (form.table.default, *(e.call for e in form.table.entries)))


def _load_parameters(code: Code, form: TableForm, number: int, action: ir.Action) -> None:
    layout = form.layout.actions[number]
    if not layout.parameters or not (form.layout.map or form.layout.pool_slots):
        return
    constant = form.layout.kind == "const" or (form.default_const and form.table.default.action == number)
    with code.braces("if (e)") if constant else code.braces(""):
        for place, (parameter, field) in enumerate(zip(action.parameters, layout.parameters, strict=True)):
            source = f"e->a{layout.id}.p{place}"
            width = parameter.type.width
            if field.size == 16:
                source = f"((u128){source}[1] << 64 | {source}[0])"
            code.line(f"{code.name(parameter)} = ({c_type(width)}){source};")
            code.note(parameter)


def check_entries(table: ir.Table) -> None:
    """Refuses what `keyset_test` cannot say."""
    for entry in table.entries:
        for keyset, key in zip(entry.keysets, table.keys, strict=True):
            if keyset.kind == "range" and key.expr.type.signed:
                raise Unsupported(entry.span, "the XDP target has no ranges of signed numbers")
