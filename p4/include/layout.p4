// The layout of every cell that is written in-band: bit ranges within the cell, high:low. A controller's
// view of them is generated from this file.
#ifndef P4KUBE_LAYOUT
#define P4KUBE_LAYOUT

// Numbers of registers in WRITE and READ entries; 0 is an unused entry.
#define REGISTER_NONE 0
#define REGISTER_SERVICE_KEYS 1
#define REGISTER_SERVICE_RECORDS 2
#define REGISTER_SLOTS 3
#define REGISTER_NODES 4
#define REGISTER_MEMBERS 5
#define REGISTER_NODE_PORTS 6
#define REGISTER_NODE_ADDRESSES 7

// Service key: what a packet must be addressed to. All zero: the cell is empty.
#define SERVICE_KEY_VIP 63:32
#define SERVICE_KEY_PORT 31:16
#define SERVICE_KEY_PROTOCOL 15:8

// Service record, in the cell of the same number: the region (BASE, 2^LOG2 slots), the node port, and bits
// of the key's hash, by which a record is told from that of a key that has just moved away.
#define SERVICE_RECORD_BASE 63:44
#define SERVICE_RECORD_LOG2 43:39
#define SERVICE_RECORD_ID 38:27
#define SERVICE_RECORD_NODE_PORT 26:11
#define SERVICE_RECORD_CHECK 10:3
#define SERVICE_RECORD_FLAGS 2:0

// Slot: the node that owns it, the node that owned it before (0: none) and whether flows are looked up.
#define SLOT_TRACK 28:28
#define SLOT_PREVIOUS 27:14
#define SLOT_CURRENT 13:0

// Node: its address; all zero: no such node.
#define NODE_ADDRESS 63:32

// Members: cell (service id ++ node id[13:6]), bit node id[5:0].
#define MEMBER_CELL_NODE 13:6
#define MEMBER_BIT_NODE 5:0

// Node port: what a reply from it is rewritten to.
#define NODE_PORT_VIP 63:32
#define NODE_PORT_PORT 31:16
#define NODE_PORT_ID 15:4
#define NODE_PORT_VALID 0:0

// Operations and statuses of update messages. An answer's operation has the top bit set.
#define OP_HELLO 1
#define OP_WRITE 2
#define OP_READ 3
#define OP_ANSWER 0x80
#define STATUS_OK 1
#define STATUS_EPOCH 2
#define STATUS_GAP 3
#define STATUS_BOOT 4

// Events, as counted in the counter `events`.
#define EVENT_NO_BACKEND 0
#define EVENT_UNKNOWN_NODE 1
#define EVENT_FLOW_TABLE_FULL 2
#define EVENT_DIRECT_TABLE_FULL 3
#define EVENT_UPDATE_MALFORMED 4
#define EVENT_UPDATE_VERSION 5
#define EVENT_UPDATE_KEY 6
#define EVENT_UPDATE_FORGED 7
#define EVENT_UPDATE_OPERATION 8
#define EVENT_UPDATE_APPLIED 9
#define EVENT_UPDATE_REPEATED 10
#define EVENT_UPDATE_EPOCH 11
#define EVENT_UPDATE_GAP 12
#define EVENT_UPDATE_BOOT 13
#define EVENT_UPDATE_READ 14
#define EVENT_UPDATE_HELLO 15
#define EVENT_TTL_EXPIRED 16
#define EVENT_FLOW_PINNED 17
#define EVENTS 32

#endif
