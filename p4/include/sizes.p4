// Every size and constant of the data plane. The controller's view of them (src/p4kube/wire/contract.py)
// is generated from this file and from layout.p4: change a number here and nowhere else.
#ifndef P4KUBE_SIZES
#define P4KUBE_SIZES

// Services: two ways of 4,096 cells; a cell's number is one bit of way and twelve bits of hash.
#define SERVICE_CELLS 8192
#define SERVICE_HASH 64w0x9E3779B97F4A7C15
#define SERVICE_WAY0 63:52
#define SERVICE_WAY1 51:40
#define SERVICE_CHECK 39:32
// Identities of service ports: they number counters and rows of the membership table.
#define SERVICE_IDS 4096

// Nodes by id; id 0 means none. And their addresses as a set: two ways of 8,192 cells.
#define NODE_CELLS 16384
#define NODE_ADDRESS_CELLS 16384
#define NODE_ADDRESS_HASH 64w0xD6E8FEB86659FD93
#define NODE_ADDRESS_WAY0 63:51
#define NODE_ADDRESS_WAY1 50:38

// The pool of which each service port has a region of 2^k slots.
#define SLOT_CELLS 1048576

// One bit for each (service port, node): 256 words of 64 bits a service port.
#define MEMBER_CELLS 1048576

// One cell for each (protocol, node port): TCP first.
#define NODE_PORT_CELLS 131072

// Connections in transition and UDP flows: two ways.
#define FLOW_CELLS 1048576

// TCP conversations with a node port that are not a Service's: two ways; and one cell a node port.
#define DIRECT_CELLS 65536
#define DIRECT_PORT_CELLS 65536

// Timers of flows count ticks of 2^26 microseconds (67 s) modulo 512, those of direct conversations ticks
// of 2^23 microseconds (8.4 s) modulo 16,384. An entry is alive while no more than its longest lifetime is
// left of it, so that one that expired stays dead for most of the time until the clock comes round.
#define FLOW_TICK 34:26
#define FLOW_TCP_TICKS 108
#define FLOW_UDP_TICKS 2
#define FLOW_CLOSING_TICKS 1
#define FLOW_OPENING_TICKS 2
#define DIRECT_TICK 36:23
#define DIRECT_TCP_TICKS 860

// Updates.
#ifndef UPDATE_PORT
#define UPDATE_PORT 7777
#endif
#define UPDATE_MAGIC 0x5034
#define UPDATE_VERSION 1
#define UPDATE_ENTRIES 16
// UDP lengths: 8 of UDP, 32 of header, 8 of MAC, and 16 entries of 12 bytes.
#define UPDATE_SHORT_LENGTH 48
#define UPDATE_LONG_LENGTH 240
#define UPDATE_TTL 64

// Ports that v1model gives a meaning (the CPU port is p4xdp's default and BMv2's --cpu-port).
#define CPU_PORT 510

#define ETHERTYPE_IPV4 0x0800
#define PROTOCOL_TCP 6
#define PROTOCOL_UDP 17

#endif
