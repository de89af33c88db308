// Registers: read, write, bounds, widths, an atomic read-modify-write, the clock.
#include <core.p4>
#include <v1model.p4>

#include "ethernet.p4"

header command_t {
    bit<8>  operation;
    bit<8>  index;
    bit<64> value;
}

struct headers_t {
    ethernet_t ethernet;
    command_t command;
}

struct metadata_t {
}

register<bit<32>>(1) packets_seen;

parser PacketParser(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {
    state start {
        packet.extract(hdr.ethernet);
        packet.extract(hdr.command);
        transition accept;
    }
}

control PacketIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {
    register<bit<64>>(8) words;
    register<bit<9>>(256) narrow;
    register<int<16>>(4) signed_cells;
    register<bit<48>>(4) stamps;

    action store() {
        words.write((bit<32>)hdr.command.index, hdr.command.value);
    }

    apply {
        bit<32> index = (bit<32>)hdr.command.index;
        bit<32> seen;
        packets_seen.read(seen, 0);
        packets_seen.write(0, seen + 1);
        sm.egress_spec = 1;
        if (hdr.command.operation == 0) {
            store();
        } else if (hdr.command.operation == 1) {
            words.read(hdr.command.value, index);
        } else if (hdr.command.operation == 2) {
            bit<64> old;
            @atomic {
                words.read(old, index);
                if (old < hdr.command.value) {
                    words.write(index, hdr.command.value);
                }
            }
            hdr.command.value = old;
        } else if (hdr.command.operation == 3) {
            narrow.write(index, hdr.command.value[8:0]);
            bit<9> back;
            narrow.read(back, index);
            hdr.command.value = (bit<64>)back;
        } else if (hdr.command.operation == 4) {
            int<16> cell;
            signed_cells.read(cell, index);
            cell = cell - 3;
            signed_cells.write(index, cell);
            hdr.command.value = (bit<64>)(bit<16>)(cell >> 1);
        } else if (hdr.command.operation == 5) {
            bit<48> then;
            stamps.read(then, index);
            stamps.write(index, sm.ingress_global_timestamp);
            hdr.command.value = 16w0 ++ (sm.ingress_global_timestamp - then);
        }
    }
}

#include "empty_parts.p4"
