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

/* Bounds that clang knows but the verifier cannot follow have to be tested again: this makes it forget. */
static __attribute__((always_inline)) inline u64 opaque(u64 value) {
  asm("" : "+r"(value));
  return value;
}

/* A choice between a packet pointer and a null pointer would become arithmetic: hide that it is null. */
static __attribute__((always_inline)) inline u8 *some(u8 *pointer) {
  asm("" : "+r"(pointer));
  return pointer;
}

/* The verifier takes a difference of packet pointers in 64 bits only: keep clang from narrowing it. */
static __attribute__((always_inline)) inline u64 distance(const u8 *to, const u8 *from) {
  return opaque((u64)(to - from));
}

#define UINT(name, value) int (*name)[value]
#define TYPE(name, t) t *name
enum { HASH = 1, ARRAY = 2, PERCPU_ARRAY = 6, LPM_TRIE = 11, DEVMAP = 14 };
enum { NO_PREALLOC = 1 };
"""

_ARITHMETIC = """\
/* 0 or 1 without a branch; `less` takes numbers of less than 64 bits. */
INLINE u64 unequal(u64 a, u64 b) { u64 d = opaque(a ^ b); return (d | opaque(-d)) >> 63; }
INLINE u64 equal(u64 a, u64 b) { return unequal(a, b) ^ 1; }
INLINE u64 less(u64 a, u64 b) { return opaque(a - b) >> 63; }

INLINE u64 shl64(u64 x, u64 by) { return by < 64 ? x << by : 0; }
INLINE u64 shr64(u64 x, u64 by) { return by < 64 ? x >> by : 0; }
INLINE u64 sar64(i64 x, u64 by) { return (u64)(x >> (by < 64 ? by : 63)); }
INLINE u64 div64(u64 a, u64 b) { return b ? a / b : 0; }
INLINE u64 mod64(u64 a, u64 b) { return b ? a % b : a; }

#define SATURATE(n) \\
INLINE u##n usat_add##n(u##n a, u##n b, u##n top) { u##n s = a + b; return s < a || s > top ? top : s; } \\
INLINE u##n usat_sub##n(u##n a, u##n b) { return a > b ? a - b : 0; }
SATURATE(64)
SATURATE(128)

INLINE u64 clamp64(i128 x, i64 low, i64 high) { return (u64)(x < low ? low : x > high ? high : (i64)x); }
INLINE u64 ssat_add64(i64 a, i64 b, i64 low, i64 high) { return clamp64((i128)a + b, low, high); }
INLINE u64 ssat_sub64(i64 a, i64 b, i64 low, i64 high) { return clamp64((i128)a - b, low, high); }
"""

PRELUDE = "\n".join((_TYPES, _KERNEL, _ARITHMETIC))
