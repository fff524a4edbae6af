"""Benchmarks: programs that compare two things in one run on one machine. See docs/benchmarks.md."""
