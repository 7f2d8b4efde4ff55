"""The parts of scripts/bench: nothing but Python's standard library."""
