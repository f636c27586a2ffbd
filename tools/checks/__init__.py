"""Own checks: promises of ARCHITECTURE.md that no ready-made linter knows.

Each module has a `findings` function that yields one line for each breach, and a self-test in
tools/tests that shows it failing on a bad input.
"""
