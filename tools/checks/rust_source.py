"""Just enough of Rust's lexical rules to look for words in code, not in comments or strings."""

import re

TOKEN = re.compile(
    r"""
    (?P<line>//[^\n]*)
  | (?P<block>/\*)
  | (?P<raw>\b(?:b|c)?r(?P<hashes>\#*)")
  | (?P<string>"(?:[^"\\]|\\.)*")
  | (?P<char>'(?:[^'\\\n]|\\[^\n][^'\n]*)')
    """,
    re.VERBOSE | re.DOTALL,
)
NOT_NEWLINE = re.compile(r"[^\n]")


def code_only(source: str) -> str:
    """Blanks comments and literals; line numbers and columns stay what they were."""
    out = []
    position = 0
    while match := TOKEN.search(source, position):
        out.append(source[position : match.start()])
        end = match.end()
        if match["block"]:
            end = _block_end(source, match.start())
        elif match["raw"] is not None:
            closing = source.find('"' + match["hashes"], end)
            end = len(source) if closing < 0 else closing + 1 + len(match["hashes"])
        out.append(NOT_NEWLINE.sub(" ", source[match.start() : end]))
        position = end
    out.append(source[position:])
    return "".join(out)


def _block_end(source: str, start: int) -> int:
    """Where the block comment ends that begins at `start`; block comments nest."""
    depth = 0
    for match in re.finditer(r"/\*|\*/", source[start:]):
        depth += 1 if match[0] == "/*" else -1
        if depth == 0:
            return start + match.end()
    return len(source)


def line_of(source: str, position: int) -> int:
    """The 1-based line number of a position."""
    return source.count("\n", 0, position) + 1
