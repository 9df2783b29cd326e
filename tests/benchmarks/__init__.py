"""What symopt gains over the usual ways, as ratios: ``python -m tests.benchmarks``."""
