// Ethernet, IPv4 without options and not a fragment, TCP or UDP, and updates. What is not recognised here
// has no transport header as far as the pipeline is concerned: it is routed, or left to the kernel.
#ifndef P4KUBE_PARSER
#define P4KUBE_PARSER

parser PacketParser(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {
    state start {
        packet.extract(hdr.ethernet);
        transition select(hdr.ethernet.ether_type) {
            ETHERTYPE_IPV4: parse_ipv4;
            default: accept;
        }
    }

    state parse_ipv4 {
        packet.extract(hdr.ipv4);
        transition select(hdr.ipv4.version ++ hdr.ipv4.ihl, hdr.ipv4.flags[0:0], hdr.ipv4.fragment_offset, hdr.ipv4.protocol) {
            (0x45, 0, 0, PROTOCOL_TCP): parse_tcp;
            (0x45, 0, 0, PROTOCOL_UDP): parse_udp;
            default: accept;
        }
    }

    state parse_tcp {
        packet.extract(hdr.tcp);
        meta.source_port = hdr.tcp.source_port;
        meta.destination_port = hdr.tcp.destination_port;
        transition accept;
    }

    state parse_udp {
        packet.extract(hdr.udp);
        meta.source_port = hdr.udp.source_port;
        meta.destination_port = hdr.udp.destination_port;
        transition select(hdr.udp.destination_port, hdr.udp.length) {
            (UPDATE_PORT, UPDATE_SHORT_LENGTH): parse_short_update;
            (UPDATE_PORT, UPDATE_LONG_LENGTH): parse_long_update;
            default: accept;
        }
    }

    state parse_short_update {
        packet.extract(hdr.update);
        packet.extract(hdr.mac);
        transition accept;
    }

    state parse_long_update {
        packet.extract(hdr.update);
        packet.extract(hdr.entry0);
        packet.extract(hdr.entry1);
        packet.extract(hdr.entry2);
        packet.extract(hdr.entry3);
        packet.extract(hdr.entry4);
        packet.extract(hdr.entry5);
        packet.extract(hdr.entry6);
        packet.extract(hdr.entry7);
        packet.extract(hdr.entry8);
        packet.extract(hdr.entry9);
        packet.extract(hdr.entry10);
        packet.extract(hdr.entry11);
        packet.extract(hdr.entry12);
        packet.extract(hdr.entry13);
        packet.extract(hdr.entry14);
        packet.extract(hdr.entry15);
        packet.extract(hdr.mac);
        transition accept;
    }
}

control PacketDeparser(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.ethernet);
        packet.emit(hdr.ipv4);
        packet.emit(hdr.tcp);
        packet.emit(hdr.udp);
        packet.emit(hdr.update);
        packet.emit(hdr.entry0);
        packet.emit(hdr.entry1);
        packet.emit(hdr.entry2);
        packet.emit(hdr.entry3);
        packet.emit(hdr.entry4);
        packet.emit(hdr.entry5);
        packet.emit(hdr.entry6);
        packet.emit(hdr.entry7);
        packet.emit(hdr.entry8);
        packet.emit(hdr.entry9);
        packet.emit(hdr.entry10);
        packet.emit(hdr.entry11);
        packet.emit(hdr.entry12);
        packet.emit(hdr.entry13);
        packet.emit(hdr.entry14);
        packet.emit(hdr.entry15);
        packet.emit(hdr.mac);
    }
}

#endif
