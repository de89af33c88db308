// Corners of the language: generic functions, constant structs, type declarations, instances as constructor
// arguments, structs in headers, tuples, header equality with literals, shadowing of names by @name.
#include <core.p4>
#include <v1model.p4>

#include "ethernet.p4"

typedef bit<16> word_t;
type bit<8> level_t;

struct limits_t {
    word_t low;
    word_t high;
}

const limits_t LIMITS = { 10, 0x1000 };
const bit<8> COUNT = 3;
const int SHIFT = 4;

enum Colour { RED, GREEN, BLUE }

struct point_t {
    bit<4> x;
    bit<4> y;
}

header item_t {
    bit<8>  code;
    point_t point;
    word_t  word;
    bool    flag;
    bit<7>  rest;
}

struct headers_t {
    ethernet_t ethernet;
    item_t     item;
    item_t     other;
}

struct metadata_t {
    Colour  colour;
    level_t level;
}

T pick<T>(in bool first, in T a, in T b) {
    if (first) {
        return a;
    } else {
        return b;
    }
}

parser PacketParser(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {
    state start {
        packet.extract(hdr.ethernet);
        item_t ahead = packet.lookahead<item_t>();
        meta.level = (level_t)ahead.code;
        transition select(ahead.code, ahead.point.x) {
            (0x80 &&& 0x80, 0xf): reject;
            _: item;
        }
    }
    state item {
        packet.extract(hdr.item);
        transition accept;
    }
}

control Store(in word_t value, out word_t old)(register<word_t> cells, bit<32> at) {
    apply {
        cells.read(old, at);
        cells.write(at, value);
    }
}

control PacketIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {
    register<word_t>(4) shared;
    Store(shared, 1) first;
    Store(shared, 2) second;
    bit<8> calls = 0;

    action count(in bit<8> by) {
        calls = calls + by;
    }

    action paint(Colour colour) {
        meta.colour = colour;
    }

    @name("colours")
    table palette {
        key = { hdr.item.word: exact @name("word"); }
        actions = { paint; }
        const entries = {
            1: paint(Colour.GREEN);
            2: paint(Colour.BLUE);
        }
        default_action = paint(Colour.RED);
    }

    apply {
        sm.egress_spec = 1;
        count(1);
        if (hdr.item.code == 1) {
            tuple<bit<16>, bool> both = { hdr.item.word, hdr.item.flag };
            hdr.item.flag = !both[1];
            hdr.item.word = pick(both[1], LIMITS.low, LIMITS.high) + (word_t)COUNT;
            count(COUNT);
        } else if (hdr.item.code == 2) {
            word_t old;
            first.apply(hdr.item.word, old);
            second.apply(old, hdr.item.word);
        } else if (hdr.item.code == 3) {
            palette.apply();
            if (meta.colour == Colour.BLUE) {
                hdr.item.point = { 4w1, hdr.item.point.x };
            } else if (meta.colour == Colour.GREEN) {
                hdr.item.point.y = hdr.item.point.y << 1;
            }
        } else if (hdr.item.code == 4) {
            hdr.other = { 7, { 1, 2 }, 0x0304, true, 5 };
            if (hdr.other == { 7, { 1, 2 }, 0x0304, true, 5 } && hdr.item != hdr.other) {
                hdr.other.rest = (bit<7>)(hdr.item.word >> SHIFT);
            }
        } else if (hdr.item.code == 5) {
            hdr.item.word = hdr.item.word[7:0] ++ (bit<8>)meta.level;
            hdr.item.word[15:12] = 0xe;
            hdr.item.flag = hdr.item.word == 0xe505 || hdr.item.rest == 1;
        }
        hdr.item.code = calls;
    }
}

#include "empty_parts.p4"
