// TCP conversations whose packets look like replies of a Service and must not be rewritten: clients that
// talk to nodeIP:nodePort themselves, through the same switch, and nodes that happen to use a node port's
// number as the source port of a connection of their own (kube-proxy masquerades to any port). These exceptions
// are recorded, not the rule. UDP needs none: there every flow to a VIP is known.
#ifndef P4KUBE_DIRECT
#define P4KUBE_DIRECT

#define DIRECT_TAG 63:14
#define DIRECT_EXPIRY 13:0

// What a conversation between a client and a node port of a node is recorded under.
bit<64> direct_hash(in ipv4_address_t client, in bit<16> client_port, in ipv4_address_t node, in bit<16> node_port, in secret_t secret) {
    bit<64> x = ((client ++ client_port ++ node_port) ^ (secret.addend0 ++ 4w5)) * (secret.multiplier0 ++ 4w1);
    x = ((x ^ (x >> 32)) + (node ++ 32w0)) * (secret.multiplier1 ++ 4w9);
    return x ^ (x >> 29);
}

// Remember the conversation between a client and a node port. Not if it is a reset, which answers a
// packet that the client did not expect, and so tells nothing of whom it speaks to.
control DirectRecord(in headers_t hdr, in standard_metadata_t sm, in bit<64> hash, in bit<16> node_port) {
    apply {
        bit<32> node_port_cell = (bit<32>)node_port;
        bit<14> now = sm.ingress_global_timestamp[DIRECT_TICK];
        bit<8> seen;
        direct_seen.read(seen, node_port_cell);
        if (seen == 0) {
            direct_seen.write(node_port_cell, 1);
        }
        bit<32> cell0 = (bit<32>)hash[15:0];
        bit<32> cell1 = (bit<32>)hash[47:32];
        bit<64> entry0;
        bit<64> entry1;
        direct0.read(entry0, cell0);
        direct1.read(entry1, cell1);
        bit<14> left0 = entry0[DIRECT_EXPIRY] - now;
        bit<14> left1 = entry1[DIRECT_EXPIRY] - now;
        bit<64> entry = hash[DIRECT_TAG] ++ (now + DIRECT_TCP_TICKS);
        if (entry0[DIRECT_TAG] == hash[DIRECT_TAG]) {
            if (entry0 != entry) {
                direct0.write(cell0, entry);
            }
        } else if (entry1[DIRECT_TAG] == hash[DIRECT_TAG]) {
            if (entry1 != entry) {
                direct1.write(cell1, entry);
            }
        } else if (hdr.tcp.flags[2:2] == 1) {
            // Nothing to remember.
        } else if (entry0 == 0 || left0[13:13] == 1) {
            direct0.write(cell0, entry);
        } else if (entry1 == 0 || left1[13:13] == 1) {
            direct1.write(cell1, entry);
        } else {
            // Full: the conversation that was quiet for longer makes room.
            events.count(EVENT_DIRECT_TABLE_FULL);
            if (left0 <= left1) {
                direct0.write(cell0, entry);
            } else {
                direct1.write(cell1, entry);
            }
        }
    }
}

// Is this conversation recorded? With `forget`, it no longer is afterwards.
control DirectLookup(in bit<64> hash, in bit<16> node_port, in bool forget, out bool found) {
    apply {
        found = false;
        bit<8> seen;
        direct_seen.read(seen, (bit<32>)node_port);
        if (seen != 0) {
            bit<64> entry;
            direct0.read(entry, (bit<32>)hash[15:0]);
            if (entry[DIRECT_TAG] == hash[DIRECT_TAG]) {
                found = true;
                if (forget) {
                    direct0.write((bit<32>)hash[15:0], 0);
                }
            }
            direct1.read(entry, (bit<32>)hash[47:32]);
            if (entry[DIRECT_TAG] == hash[DIRECT_TAG]) {
                found = true;
                if (forget) {
                    direct1.write((bit<32>)hash[47:32], 0);
                }
            }
        }
    }
}

#endif
