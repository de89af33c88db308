// P4Kube: an in-network load balancer for Kubernetes. P4_16 for v1model.
//
//   parse -> update for this switch?  yes: authenticate, order, apply, answer
//                 | no
//            to a VIP?                yes: choose the node, rewrite the destination
//                 | no
//            a node's reply?          yes: rewrite the source to the VIP
//                 |
//            route -> deparse
//
// What is not IPv4, not addressed to the switch, not for a known network, or out of hops is left to the
// switch's own kernel.
#include <core.p4>
#include <v1model.p4>

#include "include/sizes.p4"
#include "include/layout.p4"
#include "include/headers.p4"
#include "include/parser.p4"
#include "include/checksum.p4"
#include "control/state.p4"
#include "control/ports.p4"
#include "control/nodes.p4"
#include "control/connections.p4"
#include "control/direct.p4"
#include "control/nat.p4"
#include "control/balance.p4"
#include "control/routing.p4"
#include "control/siphash.p4"
#include "control/update.p4"

control PacketVerify(inout headers_t hdr, inout metadata_t meta) {
    apply { }
}

control PacketIngress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {
    // The addresses at which this switch takes updates.
    table update_addresses {
        key = { hdr.ipv4.destination: exact; }
        actions = { NoAction; }
        default_action = NoAction();
        size = 16;
    }

    apply {
        bool for_us;
        bool update = false;
        ForUs.apply(hdr, sm, for_us);
        if (for_us && hdr.udp.isValid() && hdr.udp.destination_port == UPDATE_PORT) {
            update = update_addresses.apply().hit;
        }
        if (update) {
            Update.apply(hdr, meta, sm);
        } else if (!for_us || !hdr.ipv4.isValid()) {
            sm.egress_spec = CPU_PORT;
        } else if (hdr.ipv4.ttl <= 1) {
            events.count(EVENT_TTL_EXPIRED);
            sm.egress_spec = CPU_PORT;
        } else {
            if (hdr.tcp.isValid() || hdr.udp.isValid()) {
                Balance.apply(hdr, meta, sm);
            }
            if (!meta.dropped) {
                Routing.apply(hdr, meta, sm);
            }
        }
        if (meta.dropped) {
            mark_to_drop(sm);
        }
    }
}

control PacketEgress(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t sm) {
    apply { }
}

control PacketCompute(inout headers_t hdr, inout metadata_t meta) {
    apply { }
}

V1Switch(PacketParser(), PacketVerify(), PacketIngress(), PacketEgress(), PacketCompute(), PacketDeparser()) main;
