// The core library: what every P4_16 program may count on.
// Interface: P4_16 Language Specification 1.2.5, appendix "P4 core library".

#ifndef P4XDP_CORE_P4
#define P4XDP_CORE_P4

error {
    NoError,
    PacketTooShort,    // extract, lookahead or advance beyond the end of the packet
    NoMatch,           // select without a matching case
    StackOutOfBounds,  // next, last or a push beyond a header stack's ends
    HeaderTooShort,    // a varbit field longer than its greatest width
    ParserTimeout,
    ParserInvalidArgument
}

match_kind {
    exact,
    ternary,
    lpm
}

extern packet_in {
    // The next header of fixed size.
    void extract<T>(out T hdr);
    // The next header with one varbit field of that many bits.
    void extract<T>(out T variableSizeHeader, in bit<32> variableFieldSizeInBits);
    // The next bits, which stay in the packet.
    T lookahead<T>();
    void advance(in bit<32> sizeInBits);
    // In bytes.
    bit<32> length();
}

extern packet_out {
    // Headers that are valid, of a header, stack, union or struct.
    void emit<T>(in T hdr);
}

// Ends the parser with this error unless the check holds.
extern void verify(in bool check, in error toSignal);

extern bool static_assert(bool check, string message);
extern bool static_assert(bool check);

@noWarn("unused")
action NoAction() {}

#endif
