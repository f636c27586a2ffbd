"""Prepares the built web page for a stack: `page.py DIST FOLDER CONFIG SOURCES`.

Copies the page to FOLDER, with CONFIG (the stack's output WebPageConfig) as config.json, and a Content-Security-Policy
in index.html that names SOURCES (the output WebPageSources). local/src/deploy/page.rs does the same for the local
cloud.
"""

import json
import shutil
import sys
from html import escape
from pathlib import Path


def with_sources(html: str, sources: str) -> str:
    """The page with a policy that names the origins that it talks to, before anything is loaded."""
    before, head, after = html.partition("<head>")
    if not head:
        raise ValueError("index.html has no <head>")
    named = " ".join(sources.split())
    policy = f"connect-src 'self' blob: {named}; img-src 'self' blob: data: {named}; media-src 'self' blob: {named}"
    content = escape(policy, quote=False).replace('"', "&quot;")
    return f'{before}{head}<meta http-equiv="Content-Security-Policy" content="{content}">{after}'


def prepare(dist: Path, folder: Path, config: str, sources: str) -> None:
    shutil.copytree(dist, folder)
    index = folder / "index.html"
    index.write_text(with_sources(index.read_text(encoding="utf-8"), sources), encoding="utf-8")
    # Read and written, so that a broken output fails here and not in the browser.
    (folder / "config.json").write_text(json.dumps(json.loads(config), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    prepare(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4])
