// Numbers without width, narrow and signed types, casts, slices: where a compiler may lose bits or a sign.
#include <core.p4>
#include <v1model.p4>

#include "ethernet.p4"

typedef bit<4> nibble_t;
type bit<16> id_t;

enum bit<4> Level {
    LOW = 1,
    HIGH = 14
}

const int BIG = 1 << 100;
const int NEGATIVE = -5;
const bit<8> WRAPPED = 8w200 + 100;
const int<8> LEAST = -128;
const bit<128> WIDE = (bit<128>)(BIG - 1);
const bit<8> SATURATED = 8w200 |+| 8w100;
const int<8> SATURATED_LOW = LEAST |-| 8s1;
const bit<16> JOINED = 8s0xff ++ 8w0x0f == 16s0xff0f ? 16w1 : 16w2;

header numbers_t {
    bit<8>  code;
    bit<8>  a;
    bit<8>  b;
    bit<64> r;
}

struct headers_t {
    ethernet_t ethernet;
    numbers_t  n;
}

struct metadata_t {
    int<8>  s;
    int<16> t;
    id_t    id;
}

parser PacketParser(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {
    state start {
        packet.extract(hdr.ethernet);
        packet.extract(hdr.n);
        transition accept;
    }
}

// A constructor's int is as wide as it needs to be, and takes the width of what it meets.
control Constructed(in bit<8> x, out bit<64> r)(int n) {
    apply {
        r = 0;
        r[63:24] = n << 8;
        r[15:8] = n - x;
        if (x < n) {
            r[0:0] = 1;
        }
        if (x == n + 1) {
            r[1:1] = 1;
        }
        if (-n < 0) {
            r[2:2] = 1;
        }
    }
}

bit<64> flags(in bit<8> n, in bool a, in bool b, in bool c, in bool d) {
    return (bit<64>)n << 4 | (bit<64>)((bit<1>)a ++ (bit<1>)b ++ (bit<1>)c ++ (bit<1>)d);
}

control PacketIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {
    Constructed(0x12345) wide;
    Constructed(5) narrow;
    Constructed(-1) negative;

    apply {
        sm.egress_spec = 1;
        bit<8> a = hdr.n.a;
        bit<8> b = hdr.n.b;
        int<8> sa = (int<8>)a;
        int<8> sb = (int<8>)b;
        bit<64> r = 0;
        switch (hdr.n.code) {
            1: { // unsigned, 8 bits
                r[7:0] = a + b;
                r[15:8] = a - b;
                r[23:16] = a * b;
                r[31:24] = -a;
                r[39:32] = a |+| b;
                r[47:40] = a |-| b;
                r[55:48] = ~a ^ b;
                r[63:56] = a << 3 >> 1;
            }
            2: { // signed, 8 bits
                r[7:0] = (bit<8>)(sa + sb);
                r[15:8] = (bit<8>)(sa - sb);
                r[23:16] = (bit<8>)(sa * sb);
                r[31:24] = (bit<8>)(-sa);
                r[39:32] = (bit<8>)(sa |+| sb);
                r[47:40] = (bit<8>)(sa |-| sb);
                r[55:48] = (bit<8>)(sa >> 1);
                r[63:56] = (bit<8>)(sa << 1);
            }
            3: { // comparisons
                r = flags(0, a < b, a <= b, a > b, a >= b);
                r = r << 8 | flags(0, sa < sb, sa <= sb, sa > sb, sa >= sb);
                r = r << 8 | flags(0, sa < 0, sa == -1, sa >= LEAST, sa > 127);
                r = r << 8 | flags(0, (bit<16>)a == 16w0x80, (int<16>)sa == -128, (bit<4>)a == 0, sa[7:7] == 1);
            }
            4: { // shifts by a run-time amount, up to beyond the width
                r[7:0] = a << b;
                r[15:8] = a >> b;
                r[23:16] = (bit<8>)(sa << b);
                r[31:24] = (bit<8>)(sa >> b);
                r[63:32] = 32w0x80000001 >> b;
            }
            5: { // shifts by constants of the width or more
                r[7:0] = a << 8;
                r[15:8] = (bit<8>)(sa >> 8);
                r[23:16] = (bit<8>)(sa >> 100);
                r[31:24] = (bit<8>)(sa >> 7);
                r[39:32] = a >> 9;
                r[47:40] = a << 32w0xffffffff;
                r[55:48] = (bit<8>)(8s64 << 1 >> 7);
            }
            6: { // casts that widen, narrow, and change the sign
                r[15:0] = (bit<16>)(int<16>)sa;
                r[31:16] = (bit<16>)(bit<8>)sa;
                r[47:32] = (bit<16>)(int<16>)(int<4>)sa;
                r[55:48] = (bit<8>)(int<8>)(int<3>)(bit<3>)a;
                bool odd = (bool)a[0:0];
                r[63:56] = (bit<8>)(bit<1>)odd ++ (nibble_t)b == 12w0x01f ? 8w1 : 8w2;
            }
            7: { // slices of slices, as values and to be written
                bit<64> v = 0x0123456789abcdef;
                r = v;
                r[47:16][23:8][7:0] = a;
                r[7:0][3:0] = b[7:4];
                r[63:56] = (a ++ b)[11:4];
                int<16> signed_word = -1;
                signed_word[11:4] = 0;
                r[55:40] = (bit<16>)(signed_word >> 4);
            }
            8: { // joined: the sign is that of the left part
                int<16> left = sa ++ b;
                bit<16> right = b ++ sa;
                r[31:0] = (bit<32>)(int<32>)left;
                r[47:32] = right;
                r[63:48] = (bit<16>)((int<16>)(4s0xf ++ 4w1));
            }
            9: { wide.apply(a, r); }
            10: { narrow.apply(a, r); }
            11: { negative.apply(a, r); }
            12: { // constants
                r[7:0] = WRAPPED;
                r[15:8] = (bit<8>)NEGATIVE;
                r[23:16] = WIDE[103:96];
                r[31:24] = (bit<8>)(BIG >> 97);
                r[39:32] = SATURATED;
                r[47:40] = (bit<8>)SATURATED_LOW;
                r[55:48] = (bit<8>)(17 / 5 * 10 + 17 % 5);
                r[63:56] = (bit<8>)JOINED;
            }
            13: { // a serializable enum is its number, also one that has no name
                Level level = (Level)a[3:0];
                r[3:0] = level;
                r[11:4] = (bit<8>)level + 1;
                if (level == Level.HIGH) { r[12:12] = 1; }
                if (level != Level.LOW) { r[13:13] = 1; }
                meta.id = (id_t)(a ++ b);
                if (meta.id == (id_t)16w0x0e02) { r[14:14] = 1; }
                r[47:32] = (bit<16>)meta.id;
            }
            14: { // division, by what is no power of two as well
                r[7:0] = a / 7;
                r[15:8] = a % 7;
                r[23:16] = a / 16;
                r[31:24] = a % 16;
                r[39:32] = a / 1;
                r[47:40] = a % 1;
                r[55:48] = a / 0xff;
            }
            15: { // operators that assign
                r = 0x1000;
                r += (bit<64>)a;
                r <<= 4;
                r |= 0xf;
                r -= 1;
                r ^= 0xff;
                r[63:60] = 1;
                r[63:60] += 0xf;
            }
            16: { // one bit
                bit<1> one = a[0:0];
                int<1> minus = (int<1>)one;
                r[0:0] = one + 1;
                r[1:1] = -one;
                r[9:2] = (bit<8>)(int<8>)minus;
                if (minus < 0) { r[10:10] = 1; }
                if (minus == -1) { r[11:11] = 1; }
                r[12:12] = one |+| one;
                r[13:13] = one * one;
                r[14:14] = ~one;
            }
            17: { // which operator binds first
                r[7:0] = a + b << 1;
                r[15:8] = a & b | 0x10;
                r[23:16] = a ^ b & 0x0f;
                r[31:24] = a - b - 1;
                r[39:32] = (a & 1) == 1 ? b : a;
                r[47:40] = -a + b;
                r[55:48] = ~a & b;
                r[63:56] = a == b || a > b && b > 3 ? 8w1 : 8w0;
            }
        }
        hdr.n.r = r;
    }
}

#include "empty_parts.p4"
