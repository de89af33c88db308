// Constructor parameters of every kind, passed on to inner instances: enums, errors, bools, numbers.
#include <core.p4>
#include <v1model.p4>

#include "ethernet.p4"

enum Mode { PLAIN, TWICE }

header request_t {
    bit<8>  code;
    bit<16> r;
}

struct headers_t {
    ethernet_t ethernet;
    request_t  q;
}

struct metadata_t {
}

parser PacketParser(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {
    state start {
        packet.extract(hdr.ethernet);
        packet.extract(hdr.q);
        transition accept;
    }
}

control Inner(inout bit<16> r)(Mode mode, bool on, HashAlgorithm algorithm, bit<4> high, CounterType type, error e) {
    counter(4, type) counted;

    apply {
        if (mode == Mode.TWICE) {
            r = r + 0x100;
        }
        if (on) {
            r = r + 1;
        }
        if (e == error.NoMatch) {
            r[15:12] = high;
        }
        bit<16> v;
        hash(v, algorithm, 16w0, { r }, 32w0x10000);
        r = v;
        counted.count(1);
    }
}

control Outer(inout bit<16> r)(Mode mode, int n) {
    Inner(mode, n > 3, HashAlgorithm.csum16, n, CounterType.bytes, error.NoMatch) inner;

    apply {
        inner.apply(r);
    }
}

control PacketIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {
    Outer(Mode.TWICE, 5) five;
    Outer(Mode.PLAIN, 0x12) two;
    Inner(Mode.PLAIN, false, HashAlgorithm.xor16, 3, CounterType.packets, error.NoError) other;

    apply {
        sm.egress_spec = 1;
        switch (hdr.q.code) {
            1: { five.apply(hdr.q.r); }
            2: { two.apply(hdr.q.r); }
            3: { other.apply(hdr.q.r); }
        }
    }
}

#include "empty_parts.p4"
