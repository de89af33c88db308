// Instances: constructor parameters, one instance applied many times, nesting, return and exit.
#include <core.p4>
#include <v1model.p4>

#include "ethernet.p4"

header cell_t {
    bit<8>  code;
    bit<8>  index;
    bit<16> value;
}

struct headers_t {
    ethernet_t ethernet;
    cell_t c;
}

struct metadata_t {
}

parser PacketParser(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {
    state start {
        packet.extract(hdr.ethernet);
        packet.extract(hdr.c);
        transition accept;
    }
}

control Bank(in bit<32> index, inout bit<16> value)(bit<32> size, bit<16> step) {
    register<bit<16>>(size) cells;

    apply {
        bit<16> old;
        cells.read(old, index);
        cells.write(index, old + value + step);
        value = old;
    }
}

control Nested(inout bit<16> value)(bool twice, bit<16> by) {
    apply {
        if (value == 0xffff) {
            return;
        }
        value = value + by;
        if (twice) {
            value = value + by;
        }
    }
}

control Outer(inout bit<16> value)(bit<16> by) {
    Nested(true, by) twice;
    Nested(false, by + 1) once;

    apply {
        twice.apply(value);
        once.apply(value);
        if (value > 0x1000) {
            return;
        }
        twice.apply(value);
    }
}

control Stops(inout bit<16> value) {
    apply {
        if (value == 1) {
            exit;
        }
        value = value + 0x100;
        if (value == 0x102) {
            return;
        }
        value = value + 0x100;
    }
}

control PacketIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {
    Bank(4, 1) small;
    Bank(16, 2) large;
    Outer(0x10) outer;

    apply {
        sm.egress_spec = 1;
        bit<32> index = (bit<32>)hdr.c.index;
        if (hdr.c.code == 1) {
            small.apply(index, hdr.c.value);
            small.apply(index, hdr.c.value);
            large.apply(index + 1, hdr.c.value);
        } else if (hdr.c.code == 2) {
            outer.apply(hdr.c.value);
        } else if (hdr.c.code == 3) {
            Stops.apply(hdr.c.value);
            sm.egress_spec = 2;
        }
    }
}

#include "empty_parts.p4"
