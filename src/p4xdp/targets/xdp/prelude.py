"""The C text that every program starts with: types, the few kernel definitions used, arithmetic.

No system header is included, so nothing but clang is needed. Helper numbers and structures are the kernel's
stable ABI (include/uapi/linux/bpf.h).
"""

from __future__ import annotations

_TYPES = """\
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef unsigned __int128 u128;
typedef int i32;
typedef long long i64;
typedef __int128 i128;

/* Packet bytes and map values are seen through several types. */
typedef u8 __attribute__((may_alias)) a8;
typedef u16 __attribute__((may_alias)) a16;
typedef u32 __attribute__((may_alias)) a32;
typedef u64 __attribute__((may_alias)) a64;

#define SEC(name) __attribute__((section(name), used))
#define INLINE static __attribute__((always_inline)) inline
#define RARE(x) __builtin_expect(!!(x), 0)

#define LD8(p, o) (*(const a8 *)((p) + (o)))
#define LD16(p, o) (*(const a16 *)((p) + (o)))
#define LD32(p, o) (*(const a32 *)((p) + (o)))
#define LD64(p, o) (*(const a64 *)((p) + (o)))
#define ST8(p, o, v) (*(a8 *)((p) + (o)) = (v))
#define ST16(p, o, v) (*(a16 *)((p) + (o)) = (v))
#define ST32(p, o, v) (*(a32 *)((p) + (o)) = (v))
#define ST64(p, o, v) (*(a64 *)((p) + (o)) = (v))
#define SWAP16(x) ((u32)__builtin_bswap16(x))
#define SWAP32(x) __builtin_bswap32(x)
#define SWAP64(x) __builtin_bswap64(x)
"""

_KERNEL = """\
struct xdp_md { u32 data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex; };
enum { XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_TX, XDP_REDIRECT };
struct bpf_spin_lock { u32 val; };

static void *(*const map_lookup)(void *, const void *) = (void *)1;
static u64 (*const ktime_precise)(void) = (void *)5;
static u64 (*const ktime_coarse)(void) = (void *)160;
static long (*const adjust_head)(struct xdp_md *, int) = (void *)44;
static long (*const redirect_map)(void *, u64, u64) = (void *)51;
static long (*const spin_lock)(struct bpf_spin_lock *) = (void *)93;
static long (*const spin_unlock)(struct bpf_spin_lock *) = (void *)94;

#define UINT(name, value) int (*name)[value]
#define TYPE(name, t) t *name
enum { HASH = 1, ARRAY = 2, PERCPU_ARRAY = 6, LPM_TRIE = 11, DEVMAP = 14 };
enum { NO_PREALLOC = 1 };
"""

_ARITHMETIC = """\
#define ARITHMETIC(n) \\
INLINE u##n shl##n(u##n x, u64 by) { return by < n ? x << by : 0; } \\
INLINE u##n shr##n(u##n x, u64 by) { return by < n ? x >> by : 0; } \\
INLINE u##n sar##n(i##n x, u64 by) { return (u##n)(x >> (by < n ? by : n - 1)); } \\
INLINE u##n div##n(u##n a, u##n b) { return b ? a / b : 0; } \\
INLINE u##n mod##n(u##n a, u##n b) { return b ? a % b : 0; }
ARITHMETIC(32)
ARITHMETIC(64)

#define SATURATE(n) \\
INLINE u##n usat_add##n(u##n a, u##n b, u##n top) { u##n s = a + b; return s < a || s > top ? top : s; } \\
INLINE u##n usat_sub##n(u##n a, u##n b) { return a > b ? a - b : 0; }
SATURATE(32)
SATURATE(64)
SATURATE(128)

INLINE u32 clamp32(i64 x, i64 low, i64 high) { return (u32)(x < low ? low : x > high ? high : x); }
INLINE u32 ssat_add32(i32 a, i32 b, i64 low, i64 high) { return clamp32((i64)a + b, low, high); }
INLINE u32 ssat_sub32(i32 a, i32 b, i64 low, i64 high) { return clamp32((i64)a - b, low, high); }
INLINE u64 clamp64(i128 x, i64 low, i64 high) { return (u64)(x < low ? low : x > high ? high : (i64)x); }
INLINE u64 ssat_add64(i64 a, i64 b, i64 low, i64 high) { return clamp64((i128)a + b, low, high); }
INLINE u64 ssat_sub64(i64 a, i64 b, i64 low, i64 high) { return clamp64((i128)a - b, low, high); }
"""

PRELUDE = "\n".join((_TYPES, _KERNEL, _ARITHMETIC))
