// Which node a flow belongs to when its slot is not stable, or when it is UDP.
//
// A flow is known by its client's address and port and by the service port: 60 bits, permuted with a
// secret. Part of the permuted key is the cell, the rest stands in the cell, so an entry is never taken
// for another flow's. The rules:
//
//   first packet (SYN)          -> the slot's owner, recorded while the slot has a previous owner
//   known flow                  -> the node recorded
//   unknown flow, TCP           -> the previous owner if there is one (and recorded), else the owner
//   unknown flow, UDP           -> the owner, recorded
//   cannot be recorded          -> the previous owner, where unknown flows go
//   the node recorded is no longer a member of the service port -> the owner
#ifndef P4KUBE_CONNECTIONS
#define P4KUBE_CONNECTIONS

#define FLOW_TAG 63:24
#define FLOW_NODE 23:10
#define FLOW_CLOSING 9:9
#define FLOW_EXPIRY 8:0

// The secret permutation of a flow's 60-bit key.
bit<60> permute(in bit<60> key, in secret_t secret) {
    bit<60> x = (key ^ secret.addend0) * (secret.multiplier0 | 1);
    x = ((x ^ (x >> 32)) + secret.addend1) * (secret.multiplier1 | 1);
    return x ^ (x >> 29);
}

// Is there a UDP flow of this key to this node? What a node sends keeps its flow alive as well.
control KnownDatagram(in ipv4_address_t node, in standard_metadata_t sm, in bit<60> flow, out bool known) {
    apply {
        bit<9> now = sm.ingress_global_timestamp[FLOW_TICK];
        bit<40> tag = flow[59:20];
        bit<32> cell0 = (bit<32>)flow[19:0];
        bit<32> cell1 = (bit<32>)(flow[19:0] ^ flow[39:20] ^ flow[59:40]);
        bit<64> entry0;
        bit<64> entry1;
        flows0.read(entry0, cell0);
        flows1.read(entry1, cell1);
        bool ours0 = entry0[FLOW_TAG] == tag && entry0[FLOW_NODE] != 0;
        bit<64> entry = entry1;
        if (ours0) {
            entry = entry0;
        }
        bit<9> left = entry[FLOW_EXPIRY] - now;
        bit<64> backend;
        nodes.read(backend, (bit<32>)entry[FLOW_NODE]);
        known = entry[FLOW_TAG] == tag && entry[FLOW_NODE] != 0 && left <= FLOW_UDP_TICKS && backend[NODE_ADDRESS] == node;
        if (known && left != FLOW_UDP_TICKS) {
            entry[FLOW_EXPIRY] = now + FLOW_UDP_TICKS;
            if (ours0) {
                flows0.write(cell0, entry);
            } else {
                flows1.write(cell1, entry);
            }
        }
    }
}

control Connections(in headers_t hdr, in standard_metadata_t sm, in bit<60> flow, in service_id_t service, in bit<32> slot, out node_id_t node) {
    apply {
        bit<9> now = sm.ingress_global_timestamp[FLOW_TICK];
        bit<40> tag = flow[59:20];
        bit<32> cell0 = (bit<32>)flow[19:0];
        bit<32> cell1 = (bit<32>)(flow[19:0] ^ flow[39:20] ^ flow[59:40]);
        bit<64> entry0;
        bit<64> entry1;
        flows0.read(entry0, cell0);
        flows1.read(entry1, cell1);

        bool ours0 = entry0[FLOW_TAG] == tag && entry0[FLOW_NODE] != 0;
        bool ours1 = entry1[FLOW_TAG] == tag && entry1[FLOW_NODE] != 0;
        bit<9> left0 = entry0[FLOW_EXPIRY] - now;
        bit<9> left1 = entry1[FLOW_EXPIRY] - now;
        bool live0 = entry0[FLOW_NODE] != 0 && left0 <= FLOW_TCP_TICKS;
        bool live1 = entry1[FLOW_NODE] != 0 && left1 <= FLOW_TCP_TICKS;

        bool tcp = hdr.tcp.isValid();
        bit<9> longest = FLOW_UDP_TICKS;
        if (tcp) {
            longest = FLOW_TCP_TICKS;
        }
        bool first = tcp && hdr.tcp.flags[4:4] == 0 && hdr.tcp.flags[1:1] == 1;
        bit<1> closing = 0;
        if (tcp) {
            closing = hdr.tcp.flags[0:0] | hdr.tcp.flags[2:2];
        }
        bool known = !first && (ours0 && left0 <= longest || ours1 && left1 <= longest);
        node_id_t current = slot[SLOT_CURRENT];
        node_id_t previous = slot[SLOT_PREVIOUS];

        node = current;
        bit<9> lifetime = longest;
        if (known) {
            // A flow that was closing stays so, whatever its last packets are.
            if (ours0) {
                node = entry0[FLOW_NODE];
                closing = closing | entry0[FLOW_CLOSING];
            } else {
                node = entry1[FLOW_NODE];
                closing = closing | entry1[FLOW_CLOSING];
            }
            events.count(EVENT_FLOW_PINNED);
        } else if (tcp && !first && previous != 0) {
            node = previous;
        }
        if (closing == 1) {
            lifetime = FLOW_CLOSING_TICKS;
        } else if (first) {
            // Who sends nothing but SYNs does not fill the table for long.
            lifetime = FLOW_OPENING_TICKS;
        }

        bit<64> word;
        members.read(word, (bit<32>)(service ++ node[MEMBER_CELL_NODE]));
        word = word >> node[MEMBER_BIT_NODE];
        if (word[0:0] == 0) {
            node = current;
        }

        if (known || previous != 0 || !tcp || ours0 || ours1) {
            bit<64> entry = tag ++ node ++ closing ++ (now + lifetime);
            if (ours0) {
                if (entry0 != entry) {
                    flows0.write(cell0, entry);
                }
            } else if (ours1) {
                if (entry1 != entry) {
                    flows1.write(cell1, entry);
                }
            } else if (!live0) {
                flows0.write(cell0, entry);
            } else if (!live1) {
                flows1.write(cell1, entry);
            } else {
                events.count(EVENT_FLOW_TABLE_FULL);
                // Where unknown flows go anyway. A previous owner is a member: it is cleared first.
                if (!known && previous != 0 && (first || !tcp)) {
                    node = previous;
                }
            }
        }
    }
}

#endif
