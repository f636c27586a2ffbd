"""Our own checks: rules of ARCHITECTURE.md that no existing linter covers.

Each module has a `findings` function that yields one line per violation, and a self-test in
tools/tests that proves that it finds bad input.
"""
