"""Prints the figures of docs/scale.md: python -m tests.simulation --hosts 10000 --canaries 20."""

import argparse
import resource
import time

from tests.simulation.answers import answer_s
from tests.simulation.hosts import SERVICES
from tests.simulation.stories import Figures, live


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description="Simulate a fleet of single hosts.")
    parser.add_argument("--hosts", type=int, default=10_000)
    parser.add_argument("--canaries", type=int, default=20)
    given = parser.parse_args()
    begun = time.monotonic(), time.process_time()
    told = live(given.hosts, given.canaries)
    show(told)
    wall, cpu = time.monotonic() - begun[0], time.process_time() - begun[1]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\nsimulated in {wall:.0f} s, {cpu:.0f} s of one core, {memory:.0f} MB")
    each = answer_s()
    print(f"an answer takes a daemon {1000 * each:.1f} ms of one core over real sockets: {1 / each:.0f} a second")


def show(told: Figures) -> None:
    print(f"{told.hosts} hosts, {told.hosts * SERVICES} services, {told.canaries} canaries")
    print(f"{told.steady:.1f} requests/s by arithmetic\n")
    print("| requests to the Git server | mean/s | busiest second |\n|---|---|---|")
    for what, load in told.loads.items():
        print(f"| {what} | {load.mean:.1f} | {load.peak} |")
    print("\n| commit served everywhere | hosts | p50 | p99 | last |\n|---|---|---|---|---|")
    for what, found in told.arrivals.items():
        print(f"| {what} | {found.hosts} | {found.p50:.0f} s | {found.p99:.0f} s | {found.last:.0f} s |")
    share = 100 * told.reached / told.hosts
    print(f"\na bad commit begins on {told.reached} hosts, {share:.2f} %, and on no other within a quarter of an hour")
    each = told.asked.peak / max(1, told.canaries)
    print(f"passes of whole hosts: {told.passes}, {1000 * told.pass_s / told.passes:.0f} ms of one core each")
    print(f"a host finds its directory in {1000 * told.found_s:.0f} ms of one core for each commit")
    print(f"questions to canaries: {told.asked.total}, busiest second {told.asked.peak}, {each:.0f} to each")


if __name__ == "__main__":
    main()
