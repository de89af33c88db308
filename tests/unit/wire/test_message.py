"""Messages to bytes and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p4kube.wire.message import (
    LONG_BYTES,
    SHORT_BYTES,
    BadMessage,
    Message,
    Operation,
    Register,
    Status,
    decode,
    encode,
)  # fmt: skip

KEY = bytes(range(16))
u32, u64 = st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1)
entries = st.lists(
    st.tuples(st.sampled_from(list(Register)), st.integers(0, 2**24 - 1), u64), max_size=16
).map(tuple)
messages = st.builds(
    lambda op, *rest: Message(op, *rest[:5], () if op is Operation.HELLO else rest[5], *rest[6:]),
    st.sampled_from(list(Operation)), st.integers(0, 255), u32, u32, u64, u64, entries,
    st.sampled_from(list(Status)), st.booleans(),
)  # fmt: skip


@given(messages)
def test_decoding_is_the_inverse_of_encoding(message: Message) -> None:
    data = encode(message, KEY)
    assert len(data) == (SHORT_BYTES if message.operation is Operation.HELLO else LONG_BYTES)
    assert decode(data, KEY) == message


@given(messages, st.data())
def test_any_changed_bit_is_noticed(message: Message, data: st.DataObject) -> None:
    encoded = bytearray(encode(message, KEY))
    position = data.draw(st.integers(0, len(encoded) * 8 - 1))
    encoded[position // 8] ^= 1 << position % 8
    with pytest.raises(BadMessage, match="wrong MAC"):
        decode(bytes(encoded), KEY)


@given(st.binary(max_size=300))
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(BadMessage):
        decode(data, KEY)


def test_the_layout_is_that_of_the_specification() -> None:
    message = Message(
        Operation.WRITE, 7, 0x01020304, 0x05060708, 0x1112131415161718, 0x21, ((3, 0x0A0B0C, 0x99),)
    )
    body = bytes.fromhex("5034 01 02 07 00 0000 01020304 05060708 1112131415161718 0000000000000021")
    body += bytes.fromhex("03 0A0B0C 0000000000000099") + bytes(15 * 12)
    assert encode(message, KEY)[:-8] == body


def test_the_mac_is_siphash_2_4() -> None:
    """The vector of the SipHash paper, appendix A: key 00..0f, message 00..0e."""
    from p4kube.wire.siphash import mac

    assert mac(bytes(range(16)), bytes(range(15))) == (0xA129CA6149BE45E5).to_bytes(8, "little")


def test_too_many_entries_are_refused() -> None:
    with pytest.raises(ValueError, match="17 entries"):
        encode(Message(Operation.WRITE, 0, 0, 0, 0, 0, ((1, 1, 1),) * 17), KEY)
