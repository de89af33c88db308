// All state of the data plane that outlives a packet.
#ifndef P4KUBE_STATE
#define P4KUBE_STATE

// Written in-band, by update packets only; layout.p4 has the layout of the cells.
register<bit<64>>(SERVICE_CELLS) service_keys;
register<bit<64>>(SERVICE_CELLS) service_records;
register<bit<32>>(SLOT_CELLS) slots;
register<bit<64>>(NODE_CELLS) nodes;
register<bit<32>>(NODE_ADDRESS_CELLS) node_addresses;
register<bit<64>>(MEMBER_CELLS) members;
register<bit<64>>(NODE_PORT_CELLS) node_ports;

// The last update taken: epoch (high half) and sequence number in it.
register<bit<64>>(1) update_state;

// Written by the data plane itself. connections.p4 and direct.p4 have the layouts.
register<bit<64>>(FLOW_CELLS) flows0;
register<bit<64>>(FLOW_CELLS) flows1;
register<bit<64>>(DIRECT_CELLS) direct0;
register<bit<64>>(DIRECT_CELLS) direct1;
register<bit<8>>(DIRECT_PORT_CELLS) direct_seen;

counter(SERVICE_IDS, CounterType.packets_and_bytes) service_requests;
counter(SERVICE_IDS, CounterType.packets_and_bytes) service_replies;
counter(NODE_CELLS, CounterType.packets_and_bytes) node_requests;
counter(EVENTS, CounterType.packets) events;

// What the flow hash is keyed with. Multipliers are made odd where they are used.
struct secret_t {
    bit<60> addend0;
    bit<60> multiplier0;
    bit<60> addend1;
    bit<60> multiplier1;
}

// The switch's own values, filled locally: a secret that no client knows, the number of this boot.
control Secret(out secret_t secret) {
    action set_secret(bit<60> addend0, bit<60> multiplier0, bit<60> addend1, bit<60> multiplier1) {
        secret.addend0 = addend0;
        secret.multiplier0 = multiplier0;
        secret.addend1 = addend1;
        secret.multiplier1 = multiplier1;
    }

    table flow_secret {
        actions = { set_secret; }
        default_action = set_secret(0, 1, 0, 1);
    }

    apply {
        flow_secret.apply();
    }
}

#endif
