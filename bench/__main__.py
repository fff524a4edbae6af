"""`make bench` runs every benchmark, `make bench ONLY=name` one. It fails where a bound is not reached."""

import sys

from bench.registry import BENCHMARKS


def main(asked: list[str]) -> bool:
    """Run the benchmarks that were asked for, or all; return whether each reached its bound."""
    if unknown := set(asked) - set(BENCHMARKS):
        sys.exit(f"There is no benchmark {', '.join(unknown)}. There are: {', '.join(BENCHMARKS)}.")
    names = asked or list(BENCHMARKS)
    print(f"{', '.join(names)}: this takes about {sum(BENCHMARKS[name].seconds for name in names)} seconds", flush=True)
    passed = [_run(name) for name in names]
    return all(passed)


def _run(name: str) -> bool:
    benchmark = BENCHMARKS[name]
    value = benchmark.program()
    passed = benchmark.is_reached_by(value)
    verdict = "pass" if passed else "fail"
    print(f"bench {name} {value:.2f} {benchmark.relation} {benchmark.bound:g} {verdict}", flush=True)
    return passed


if __name__ == "__main__":
    sys.exit(not main(sys.argv[1:]))
