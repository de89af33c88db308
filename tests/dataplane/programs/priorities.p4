// Entries with priorities added at run time: ternary, range and optional keys. XDP has no map for these.
#include <core.p4>
#include <v1model.p4>

#include "ethernet.p4"

header request_t {
    bit<8>  a;
    bit<16> b;
    bit<8>  r;
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

control PacketIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {
    action answer(bit<8> value) { hdr.q.r = value; }

    table rules {
        key = {
            hdr.q.a: ternary;
            hdr.q.b: range;
            sm.ingress_port: optional;
        }
        actions = { answer; NoAction; }
        size = 4;
    }

    apply {
        sm.egress_spec = 1;
        rules.apply();
    }
}

#include "empty_parts.p4"
