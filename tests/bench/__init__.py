"""Benchmarks, a module for each word of `./run bench`: ratios inside one run on one machine."""
