"""What jumar costs, side by side with the tools that people use for the same: ``python -m benchmarks``."""
