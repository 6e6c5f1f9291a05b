"""`make bench`: what a fresh instance does, next to what the machine allows in the same run.

Absolute figures say little on machines that differ and are noisy; the ratios are what is promised (docs/reference/benchmarks.md).
"""
