"""Every sample event is valid JSON, belongs to a function, and is a test's input."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from checks import tracked


def function_of(event: str, functions: Iterable[str]) -> str | None:
    """The function of an event `<function>-<case>.json`: the longest name that matches."""
    fitting = [name for name in functions if event.startswith(f"{name}-")]
    return max(fitting, key=len, default=None)


def event_findings(event: str, text: str, functions: Iterable[str], tests: Iterable[str]) -> Iterator[str]:
    """Findings for one event. `tests` are the sources that could use it."""
    if function_of(event, functions) is None:
        yield f"events/{event}: must be named <function>-<case>.json after a folder of functions/ or workers/"
    try:
        json.loads(text)
    except ValueError as error:
        yield f"events/{event}: not JSON: {error}"
    stem = event.removesuffix(".json")
    if not any(event in source or f'"{stem}"' in source for source in tests):
        yield f"events/{event}: no test names it"


def findings(root: Path) -> Iterator[str]:
    # The workers are functions too.
    functions = [path.parent.name for kind in ("functions", "workers") for path in root.glob(f"{kind}/*/Cargo.toml")]
    tests = [text for _, text in tracked.text_files(root, "functions/*.rs", "tests/*.rs", "crates/*.rs")]
    events = list(tracked.text_files(root, "events/*.json"))
    if not events:
        yield "events/: holds no sample events"
    for path, text in events:
        yield from event_findings(Path(path).name, text, functions, tests)
