// Branches, masks, ranges, lookahead, a header stack filled in a loop, and every way a parser can fail.
// The answer begins with a report: parser_error, and which headers were found.
#include <core.p4>
#include <v1model.p4>

#include "ethernet.p4"

header report_t {
    bit<8> error_number;
    bit<8> found;
}

header kind_t {
    bit<8> kind;
}

header tag_t {
    bit<1>  more;
    bit<15> id;
}

header word_t {
    bit<32> value;
}

header pair_t {
    bit<4>  high;
    bit<12> low;
}

struct headers_t {
    ethernet_t ethernet;
    report_t report;
    kind_t   kind;
    tag_t[2] tags;
    word_t   word;
    pair_t   pair;
}

struct metadata_t {
    bit<8> ahead;
}

parser PacketParser(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {
    state start {
        packet.extract(hdr.ethernet);
        packet.extract(hdr.kind);
        transition select(hdr.kind.kind, sm.ingress_port) {
            (0x01, _): parse_tags;
            (0x10 &&& 0xf0, _): parse_word;
            (0x20 .. 0x2f, 3): parse_pair;
            (0x20 .. 0x2f, _): look;
            (0x30, _): skip;
            (0x40, _): checked;
            (0xff, _): reject;
        }
    }

    state parse_tags {
        packet.extract(hdr.tags.next);
        transition select(hdr.tags.last.more) {
            1: parse_tags;
            default: accept;
        }
    }

    state parse_word {
        packet.extract(hdr.word);
        transition accept;
    }

    state parse_pair {
        packet.extract(hdr.pair);
        transition accept;
    }

    state look {
        meta.ahead = packet.lookahead<bit<8>>();
        transition select(meta.ahead) {
            0xaa: parse_word;
            0xbb: parse_pair;
            default: accept;
        }
    }

    state skip {
        packet.advance(16);
        transition parse_pair;
    }

    state checked {
        packet.extract(hdr.pair);
        verify(hdr.pair.high == 4, error.HeaderTooShort);
        transition parse_word;
    }
}

control PacketIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {
    apply {
        bit<8> found = 0;
        if (hdr.kind.isValid()) { found[0:0] = 1; }
        if (hdr.tags[0].isValid()) { found[1:1] = 1; }
        if (hdr.tags[1].isValid()) { found[2:2] = 1; }
        if (hdr.word.isValid()) { found[3:3] = 1; }
        if (hdr.pair.isValid()) { found[4:4] = 1; }
        bit<8> number = 0;
        if (sm.parser_error == error.PacketTooShort) {
            number = 1;
        } else if (sm.parser_error == error.NoMatch) {
            number = 2;
        } else if (sm.parser_error == error.StackOutOfBounds) {
            number = 3;
        } else if (sm.parser_error == error.HeaderTooShort) {
            number = 4;
        }
        hdr.report.setValid();
        hdr.report = { number, found };
        sm.egress_spec = 1;
    }
}

#include "empty_parts.p4"
