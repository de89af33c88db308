// What is copied when: arguments in and out, headers with their validity, structs, lists.
#include <core.p4>
#include <v1model.p4>

#include "ethernet.p4"

header two_t {
    bit<8> x;
    bit<8> y;
}

struct pair_t {
    bit<8> x;
    bit<8> y;
}

struct nested_t {
    pair_t  p;
    bit<16> z;
}

header operation_t {
    bit<8> code;
}

struct headers_t {
    ethernet_t  ethernet;
    operation_t operation;
    two_t       first;
    two_t       second;
    two_t       third;
}

struct metadata_t {
    nested_t one;
    nested_t two;
}

parser PacketParser(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {
    state start {
        packet.extract(hdr.ethernet);
        packet.extract(hdr.operation);
        packet.extract(hdr.first);
        packet.extract(hdr.second);
        transition accept;
    }
}

// The same storage given twice: both are copies, the last one copied out wins.
control Twice(inout bit<8> a, inout bit<8> b) {
    apply {
        a = a + 1;
        b = b + 16;
    }
}

// The `in` copy does not see what happens to `hdr`.
control Before(inout headers_t hdr, in bit<8> x, in two_t whole) {
    apply {
        hdr.first.x = 0;
        hdr.first.y = x;
        hdr.second.setInvalid();
        if (whole.isValid()) {
            hdr.third.setValid();
            hdr.third.x = whole.x;
            hdr.third.y = whole.y;
        }
    }
}

// An out parameter starts invalid.
control Fresh(out two_t h, out bit<8> was_valid) {
    apply {
        was_valid = 0;
        if (h.isValid()) {
            was_valid = 1;
        }
        h.setValid();
        h.x = 7;
        h.y = 8;
    }
}

// A parameter that is `in` can be written: only the copy changes.
bit<8> countdown(in bit<8> n) {
    return n - 1;
}

control Writes(in bit<8> n, out bit<8> r) {
    bit<8> local = n;
    apply {
        local = local + 1;
        r = local;
    }
}

control PacketIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {
    Writes() writes;

    action swap(inout bit<8> a, inout bit<8> b) {
        bit<8> t = a;
        a = b;
        b = t;
    }

    apply {
        sm.egress_spec = 1;
        switch (hdr.operation.code) {
            1: { Twice.apply(hdr.first.x, hdr.first.x); }
            2: { Before.apply(hdr, hdr.first.x, hdr.second); }
            3: {
                bit<8> was;
                Fresh.apply(hdr.second, was);
                hdr.first.x = was;
            }
            4: {
                hdr.third = hdr.first;
                hdr.first = hdr.second;
                hdr.second = hdr.third;
                hdr.third.setInvalid();
            }
            5: {
                hdr.second.setInvalid();
                hdr.first = hdr.second;
            }
            6: {
                hdr.first = { hdr.first.y, hdr.first.x };
                hdr.third = { x = 1, y = 2 };
            }
            7: {
                meta.one.p = { hdr.first.x, hdr.first.y };
                meta.one.z = 0x1234;
                meta.two = meta.one;
                meta.one.p = { meta.two.p.y, meta.two.p.x };
                hdr.third.setValid();
                hdr.third.x = meta.one.p.x;
                hdr.third.y = 0;
                if (meta.one == meta.two) { hdr.third.y = 1; }
                if (meta.one.z == meta.two.z) { hdr.third.y = hdr.third.y | 2; }
                if (hdr.first == hdr.second) { hdr.third.y = hdr.third.y | 4; }
            }
            8: { swap(hdr.first.x, hdr.second.y); }
            9: {
                // the storage of a local variable is used again: no value may survive
                bit<8> r;
                writes.apply(hdr.first.x, r);
                hdr.first.x = r;
                writes.apply(hdr.first.x, r);
                hdr.first.y = countdown(r);
            }
        }
    }
}

#include "empty_parts.p4"
