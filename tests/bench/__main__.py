"""`make bench`, or `python -m tests.bench [NAME...]`: measures, prints a table, and says which aims are missed."""

import sys

from tests.bench.ground import ground
from tests.bench.measures import ALL
from tests.bench.result import Result


def main(names: list[str]) -> int:
    results: list[Result] = []
    with ground() as found:
        for name in names or list(ALL):
            for result in ALL[name](found):
                print(row(result), flush=True)
                results.append(result)
    missed = [result for result in results if not result.met]
    print(f"\n{len(results) - len(missed)} of {len(results)} aims met")
    return 0


def row(result: Result) -> str:
    beside = f"{result.theirs:.3f} {result.unit}" if result.theirs is not None else "-"
    word = "met" if result.met else "MISSED"
    return (
        f"| {result.what} | {result.ours:.3f} {result.unit} | {beside} | {result.ratio:.2f} | {result.aim:g} | {word} |"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
