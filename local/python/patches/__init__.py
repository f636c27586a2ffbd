"""Patches of ministack, by topic, and their shared helper. emulator.py applies them."""

import inspect
import sys


def reviewed(module, name, *parameters):
    """Returns the function `name` of `module`. Exits if its parameters are not those its patch was written for."""
    function = getattr(module, name, None)
    found = list(inspect.signature(function).parameters) if callable(function) else None
    if found != list(parameters):
        patch = sys._getframe(1).f_code
        sys.exit(
            f"ministack has changed: {module.__name__}.{name} takes {found}, {patch.co_name} in {patch.co_filename} "
            f"was written for {list(parameters)}. Review it, or install the versions in requirements.txt (make setup)."
        )
    return function
