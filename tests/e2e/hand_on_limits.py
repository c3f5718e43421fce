"""Limits and restart policies that somebody changes by hand."""

from tests.e2e.hand import MIB, Case, limits

CASES: dict[str, Case] = {
    "memory-lowered": Case(
        lambda hand: hand.update(Memory=32 * MIB, MemorySwap=64 * MIB),
        ("resources.memory",),
        *("in-place", True),
        {"mem_limit": "64m"},
    ),
    "memory-raised": Case(
        lambda hand: hand.update(Memory=128 * MIB, MemorySwap=256 * MIB),
        ("resources.memory",),
        *("in-place", True),
        {"mem_limit": "64m"},
    ),
    "memory-without-swap": Case(
        lambda hand: hand.update(Memory=32 * MIB),
        ("resources.memory", "resources.memory_swap"),
        *("in-place", True),
        {"mem_limit": "64m"},
    ),
    "memory-that-nobody-limited": Case(
        lambda hand: hand.update(Memory=64 * MIB, MemorySwap=128 * MIB), ("resources.memory",), "recreate", False
    ),
    "reservation-changed": Case(
        lambda hand: hand.update(MemoryReservation=16 * MIB),
        ("resources.memory_reservation",),
        *("in-place", True),
        {"deploy": {"resources": {"reservations": {"memory": "32m"}}}},
    ),
    "cpus-changed": Case(
        lambda hand: hand.update(NanoCpus=10**9), ("resources.cpus",), "in-place", True, {"cpus": 0.5}
    ),
    "cpus-that-nobody-limited": Case(lambda hand: hand.update(NanoCpus=10**9), ("resources.cpus",), "recreate", False),
    "shares-that-nobody-gave": Case(
        lambda hand: hand.update(CpuShares=512), ("resources.cpu_shares",), "in-place", True
    ),
    "cpuset-that-nobody-gave": Case(lambda hand: hand.update(CpusetCpus="0"), ("resources.cpuset",), "recreate", False),
    "quota-that-nobody-gave": Case(
        lambda hand: hand.update(CpuQuota=50_000, CpuPeriod=100_000),
        ("resources.cpu_period", "resources.cpu_quota"),
        *("recreate", False),
    ),
    "pids-changed": Case(
        lambda hand: hand.update(PidsLimit=50), ("resources.pids",), "in-place", True, limits(pids=100)
    ),
    "pids-unlimited": Case(
        lambda hand: hand.update(PidsLimit=-1), ("resources.pids",), "in-place", True, limits(pids=100)
    ),
    "pids-that-nobody-limited": Case(lambda hand: hand.update(PidsLimit=50), ("resources.pids",), "in-place", True),
    "restart-taken-away": Case(lambda hand: hand.restart("no"), ("restart",), "in-place", True, {"restart": "always"}),
    "restart-that-nobody-wanted": Case(lambda hand: hand.restart("always"), ("restart",), "in-place", True),
    "restart-more-often": Case(
        lambda hand: hand.restart("on-failure", 5), ("restart",), "in-place", True, {"restart": "on-failure:3"}
    ),
    "two-limits-at-once": Case(
        lambda hand: (hand.update(PidsLimit=50), hand.restart("no")),
        ("resources.pids", "restart"),
        *("in-place", True),
        {"restart": "always", **limits(pids=100)},
    ),
    "swap-raised": Case(
        lambda hand: hand.update(MemorySwap=96 * MIB),
        ("resources.memory_swap",),
        *("in-place", True),
        {"mem_limit": "64m", "memswap_limit": "80m"},
    ),
    "swap-unlimited": Case(
        lambda hand: hand.update(MemorySwap=-1),
        ("resources.memory_swap",),
        *("in-place", True),
        {"mem_limit": "64m"},
    ),
    "reservation-that-nobody-made": Case(
        lambda hand: hand.update(MemoryReservation=16 * MIB), ("resources.memory_reservation",), "recreate", False
    ),
    "kernel-memory-that-nobody-limited": Case(
        lambda hand: hand.update(KernelMemory=64 * MIB),
        ("resources.kernel_memory",),
        *("recreate", False),
        until=(1, 42),
    ),
    "shares-changed": Case(
        lambda hand: hand.update(CpuShares=256), ("resources.cpu_shares",), "in-place", True, {"cpu_shares": 512}
    ),
    "cpuset-widened": Case(
        lambda hand: hand.update(CpusetCpus="0-1"), ("resources.cpuset",), "in-place", True, {"cpuset": "0"}
    ),
    "memory-nodes-that-nobody-gave": Case(
        lambda hand: hand.update(CpusetMems="0"), ("resources.cpuset_mems",), "recreate", False
    ),
    "quota-changed": Case(
        lambda hand: hand.update(CpuQuota=25_000),
        ("resources.cpu_quota",),
        *("in-place", True),
        {"cpu_quota": 50_000, "cpu_period": 100_000},
    ),
    "restart-without-end": Case(
        lambda hand: hand.restart("always"), ("restart",), "in-place", True, {"restart": "on-failure:3"}
    ),
}
