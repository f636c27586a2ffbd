"""Patches of ministack by what they are about, and what they share. emulator.py applies them."""

import inspect
import sys


def reviewed(module, name, *parameters):
    """The function `name` of `module`, whose parameters must still be the ones its patch was written for."""
    function = getattr(module, name, None)
    found = list(inspect.signature(function).parameters) if callable(function) else None
    if found != list(parameters):
        patch = sys._getframe(1).f_code
        sys.exit(
            f"ministack has changed: {module.__name__}.{name} takes {found}, {patch.co_name} in {patch.co_filename} "
            f"was written for {list(parameters)}. Review it, or install the versions of requirements.txt (make setup)."
        )
    return function
