#include <core.p4>
#define V1MODEL_VERSION 20200408
#include <v1model.p4>

typedef bit<48> mac_t;
typedef bit<32> ip4_t;
type bit<9> Port_t;
enum bit<16> EtherType { IPV4 = 0x0800, ARP = 0x0806, VLAN = 16w0x8100 }
enum Color { red, green, blue }
error { BadTtl, BadVersion }
const bit<8> TTL = 64;
const int N = 4;
const bit<16> MASKS = (bit<16>)((1 << N) - 1);
const Color C = Color.green;
header ethernet_t { mac_t dst; mac_t src; EtherType type_; }
header vlan_t { bit<3> pcp; bit<1> dei; bit<12> vid; bit<16> type_; }
@name("ip") header ipv4_t { bit<4> version; bit<4> ihl; bit<8> tos; bit<16> len; bit<16> id; bit<3> flags; bit<13> frag; bit<8> ttl; bit<8> proto; bit<16> csum; ip4_t src; ip4_t dst; }
header opt_t { bit<8> len; varbit<320> data; }
header_union u_t { vlan_t v; ipv4_t i; }
struct inner_t { bit<8> a; bool b; }
struct meta_t { bit<32> idx; inner_t inner; Color color; @field_list(1) bit<16> l4; Port_t port; }
struct headers_t { ethernet_t eth; vlan_t[N] vlans; ipv4_t ip; opt_t opt; u_t u; }
struct pair_t<T> { T first; T second; }
struct digest_t { bit<32> a; bit<9> p; }

bit<16> fold(in bit<32> s) {
    bit<32> t = (s & 0xffff) + (s >> 16);
    return t[15:0] + t[31:16];
}
T max<T>(in T a, in T b) { return a; }

parser Sub(packet_in pkt, out vlan_t v)(bit<16> magic) {
    value_set<bit<16>>(4) pvs;
    state start {
        pkt.extract(v);
        transition select(v.type_) { magic: accept; pvs: accept; _: reject; }
    }
}
parser P(packet_in pkt, out headers_t hdr, inout meta_t meta, inout standard_metadata_t sm) {
    Sub(0x8100) sub;
    bit<8> count = 0;
    state start {
        meta.idx = 0;
        pkt.extract(hdr.eth);
        verify(hdr.eth.isValid(), error.BadTtl);
        transition select(hdr.eth.type_) {
            EtherType.VLAN: vlan;
            EtherType.IPV4: ip;
            EtherType.ARP &&& 0xff00: other;
            default: accept;
        }
    }
    state vlan {
        pkt.extract(hdr.vlans.next);
        count = count + 1;
        transition select(hdr.vlans.last.type_, hdr.vlans.lastIndex) {
            (0x8100, 0 .. 2): vlan;
            (0x0800, _): ip;
            (_, _): accept;
        }
    }
    state ip {
        bit<4> ver = pkt.lookahead<bit<4>>();
        bit<8> b8 = pkt.lookahead<bit<8>>();
        verify(ver == 4, error.BadVersion);
        pkt.extract(hdr.ip);
        if (hdr.ip.ihl > 5) { pkt.extract(hdr.opt, (bit<32>)(((bit<16>)hdr.ip.ihl - 5) << 5)); }
        pkt.advance(8);
        transition select(hdr.ip.isValid()) { true: accept; false: reject; }
    }
    state other { sub.apply(pkt, hdr.vlans[0]); transition accept; }
}
control V(inout headers_t hdr, inout meta_t meta) { apply {
    verify_checksum(hdr.ip.isValid(), { hdr.ip.version, hdr.ip.ihl, hdr.ip.tos, hdr.ip.len }, hdr.ip.csum, HashAlgorithm.csum16);
} }
control Inner(inout headers_t hdr, out bit<32> x)(bit<32> size, counter<bit<9>> c) {
    register<bit<32>, bit<32>>(size) reg;
    apply { reg.read(x, 0); reg.write(1, x + 1); c.count(3); if (x == size) { return; } x = size; }
}
counter<bit<9>>(512, CounterType.packets) port_counter;
control I(inout headers_t hdr, inout meta_t meta, inout standard_metadata_t sm) {
    Inner(16, port_counter) in1;
    Inner(c = port_counter, size = 32) in2;
    direct_counter(CounterType.bytes) dc;
    direct_meter<bit<2>>(MeterType.bytes) dm;
    meter<bit<4>>(16, MeterType.packets) m;
    action_selector(HashAlgorithm.crc16, 32w1024, 32w10) sel;
    bit<2> color_ = 0;
    action drop() { mark_to_drop(sm); }
    action fwd(mac_t dst, PortId_t port) {
        sm.egress_spec = port; hdr.eth.dst = dst; hdr.ip.ttl = hdr.ip.ttl - 1; dc.count();
        hdr.ip.ttl = hdr.ip.ttl |-| 1;
    }
    action bound(inout bit<8> v, in bit<8> d, bit<8> data) { v = v + d + data; }
    action multi(bit<8> data) { bound(hdr.ip.ttl, 3, data); drop(); exit; }
    table lpm_t {
        key = { hdr.ip.dst: lpm @name("dst"); }
        actions = { fwd; drop; @defaultonly NoAction; multi; bound(hdr.ip.ttl, hdr.ip.tos); }
        default_action = bound(hdr.ip.ttl, hdr.ip.tos, 7);
        size = 1024;
        counters = dc;
        const entries = {
            0x0a000000 &&& 0xff000000: fwd(0x010203040506, 3);
            32w0x0b000001: drop;
            default: drop();
        }
    }
    @hidden table tern {
        key = { hdr.ip.src: ternary; hdr.ip.proto: range; hdr.ip.isValid(): exact; meta.color: exact; sm.ingress_port: optional; }
        actions = { drop; NoAction; }
        const default_action = NoAction();
        implementation = sel;
        entries = {
            const priority=10: (0x0a000000 &&& 0xff, 1..6, true, Color.red, 5): drop();
            priority=(N*5): (_, _, false, Color.blue, _): NoAction();
        }
        largest_priority_wins = false;
    }
    table nokey { actions = { drop; NoAction; } default_action = drop; }
    apply {
        @atomic { meta.idx = meta.idx + 1; }
        bit<32> x; bit<16> h;
        in1.apply(hdr, x); in2.apply(x = x, hdr = hdr);
        if (lpm_t.apply().hit) { meta.l4 = 1; } else if (!tern.apply().hit && nokey.apply().miss) { x = 1; }
        switch (nokey.apply().action_run) { drop: { exit; } NoAction: {} default: { x = 2; } }
        switch (meta.l4) { 1: 2: { x = 3; } 16w5: {} default: { x = 0; } }
        hash(h, HashAlgorithm.crc16, (bit<16>)0, { hdr.ip.src, hdr.ip.dst, 8w1 }, (bit<16>)100);
        random(h, 0, 100);
        random<bit<16>>(h, 0, 100);
        m.execute_meter(4w3, color_);
        m.execute_meter<bit<2>>(3, color_);
        digest<digest_t>(1, { meta.idx, sm.ingress_port });
        digest(1, (digest_t){ a = meta.idx, p = sm.ingress_port });
        clone_preserving_field_list(CloneType.I2E, 32w5, 1);
        log_msg("x={} y={}", { x, h });
        log_msg("plain");
        assert(x == 1);
        hdr.vlans.push_front(1); hdr.vlans.pop_front(2); hdr.vlans[1].setInvalid(); hdr.vlans[0] = hdr.vlans[1];
        bit<32> sz = hdr.vlans.size;
        inner_t in_ = { 1, true };
        inner_t in3 = { b = false, a = 3 };
        pair_t<bit<8>> pr = { 1, 2 };
        pr.first = pr.second;
        meta.inner = in_;
        if (meta.inner == in3 || meta.inner == { 4, false }) { }
        meta.port = (Port_t)sm.ingress_port; sm.egress_spec = (bit<9>)meta.port;
        hdr.eth.type_ = EtherType.IPV4; hdr.vlans[0].type_ = hdr.eth.type_; h = EtherType.ARP; hdr.eth.type_ = (EtherType)h;
        bool bb = hdr.ip.src < hdr.ip.dst ? true : false;
        bit<8> s8 = bb ? 8w1 : 2;
        int<8> sg = -5; sg = sg >> 1; sg = (int<8>)s8; int<16> s16 = (int<16>)sg;
        h[7:0] = s8; h[3:0] = h[7:4]; h[11+:4] = 4w3;  h[7:0][3:0] = 2;
        bit<24> cc = s8 ++ h; cc = 8w0 ++ h[0:0] ++ 15w3;
        x = max<bit<32>>(x, 3); x = max(x, sz); x += 1; x <<= 2; x >>= 1; x |= 0x10;
        h = fold(x);
        for (bit<8> i = 0, bit<8> j = 3; i < 10; i = i + 1) { x = x + 1; if (x == 5) { break; } else { continue; } }
        for (bit<8> k in 1 .. 5) { x = x + (bit<32>)k; }
        ipv4_t copy = hdr.ip; copy.setValid(); hdr.ip = copy; hdr.u.v = hdr.vlans[0]; if (hdr.u.isValid()) { hdr.u.v.setInvalid(); }
        hdr.ip = {#};
        tuple<bit<8>, bit<16>> tt = { 1, 2 }; s8 = tt[0];
        x = (bit<32>)(hdr.ip.minSizeInBytes()); x = (bit<32>)ipv4_t.minSizeInBits();
        if (sm.parser_error == error.BadTtl) {}
        const bit<8> LOCAL = TTL + 1; s8 = LOCAL;
        meta = { ... }; 
        bit<8> unused = (bit<8>)(bit<1>)bb; 
    }
}
control E(inout headers_t hdr, inout meta_t meta, inout standard_metadata_t sm) { apply { } }
control U(inout headers_t hdr, inout meta_t meta) { apply {
    update_checksum(hdr.ip.isValid(), { hdr.ip.version, hdr.ip.ihl, hdr.ip.tos, hdr.ip.len }, hdr.ip.csum, HashAlgorithm.csum16);
} }
control D(packet_out pkt, in headers_t hdr) { apply { pkt.emit(hdr); pkt.emit(hdr.vlans); pkt.emit(hdr.eth); } }
V1Switch<headers_t, meta_t>(P(), V(), I(), E(), U(), D()) main;
