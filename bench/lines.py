"""Parses ffmpeg command lines of smmu-transcode and splits them into one run per output.

So the peer of bench/av.py always has exactly our settings, without manual copies. Assumptions: no word contains
a space; every output is a `file:` or `pipe:` preceded by its options, of which `-map` is the first; and a
filter graph has labels at its ends.
"""

import re
from dataclasses import dataclass

CHAIN = re.compile(r"(?P<ins>(?:\[[^\]]+\])*)(?P<filters>[^\[\]]+)(?P<outs>(?:\[[^\]]+\])*)$")
LABEL = re.compile(r"\[([^\]]+)\]")
SPLIT = re.compile(r"a?split(=\d+)?$")
STEADY = re.compile(r"scale=\d+:\d+")
SIZE = re.compile(r"scale=\d+:\d+")
COMMA = re.compile(r"(?<!\\),")
# Names of container options. All others belong to the codec or the stream.
CONTAINER = re.compile(r"-(f|movflags|(min_)?frag_\w+|hls_\w+|seg_\w+|brand|write_\w+|use_\w+)$")
ALONE = {"-dn", "-sn", "-vn", "-an", "-shortest", "-y"}


@dataclass
class Line:
    """One run of ffmpeg: the words before its outputs, its filter graph, and its outputs, each ending in its file."""

    head: list[str]
    graph: str
    outputs: list[list[str]]

    @property
    def inputs(self):
        """Names of the input files."""
        return [file_name(self.head[at + 1]) for at, word in enumerate(self.head) if word == "-i"]

    def words(self):
        graph = ["-filter_complex", self.graph] if self.graph else []
        return self.head + graph + [word for output in self.outputs for word in output]

    def only(self, number):
        """A run for a single output, which scales directly from the source's size."""
        output = self.outputs[number]
        labels = [label for label in mapped(output) if label.startswith("[")]
        graph = direct(needed(self.graph, labels[0][1:-1])) if labels else ""
        return Line(self.head, graph, [output])


def file_name(word):
    return word.removeprefix("file:")


def is_file(word, before):
    return word.startswith(("file:", "pipe:")) and before not in {"-progress", "-i"}


def parsed(words):
    """Parses a command line. The graph can be before or after the inputs."""
    words = list(words)
    graph = ""
    if "-filter_complex" in words:
        at = words.index("-filter_complex")
        graph = words[at + 1]
        del words[at : at + 2]
    inputs_end = max(at for at, word in enumerate(words) if word == "-i") + 2
    outputs, output = [], []
    for before, word in zip(words[inputs_end - 1 :], words[inputs_end:], strict=False):
        output.append(word)
        if is_file(word, before):
            outputs.append(output)
            output = []
    if output or not outputs:
        raise ValueError(f"not a line with outputs at its end: {' '.join(words)}")
    return Line(words[:inputs_end], graph, outputs)


def mapped(output):
    return [output[at + 1] for at, word in enumerate(output) if word == "-map"]


def needed(graph, label):
    """The chains of a graph that lead to one of its labels, each as (input label, filters, output label)."""
    chains = [CHAIN.match(chain) for chain in graph.split(";")]
    if not all(chains):
        raise ValueError(f"not a graph of labelled chains: {graph}")
    kept = []
    for chain in reversed(chains):
        if label in LABEL.findall(chain["outs"]):
            before = LABEL.findall(chain["ins"])
            if len(before) != 1:
                raise ValueError(f"not a chain with one beginning: {chain[0]}")
            kept.append((before[0], chain["filters"], label))
            label = before[0]
    if not kept:
        raise ValueError(f"no chain leads to {label}: {graph}")
    return kept[::-1]


def direct(chains):
    """Joins consecutive chains into one without splits, with only the last scale to a size. A first scale with only a
    size keeps the size constant, which a simple script does not need."""
    filters = [one for _, chain, _ in chains for one in COMMA.split(chain) if not SPLIT.match(one)]
    if STEADY.fullmatch(filters[0]):
        del filters[0]
    scales = [at for at, one in enumerate(filters) if SIZE.match(one)]
    if scales:
        # The colour options are those of the first scale.
        size, colours = SIZE.match(filters[scales[-1]]), SIZE.match(filters[scales[0]])
        filters[scales[-1]] = size[0] + filters[scales[0]][len(colours[0]) :]
    kept = [one for at, one in enumerate(filters) if at not in scales[:-1]]
    return f"[{chains[0][0]}]{','.join(kept)}[{chains[-1][2]}]"


def without_container(output):
    """The coding options of an output, without the file and the container options."""
    kept, words = [], iter(output[:-1])
    for word in words:
        options = [word] if word in ALONE else [word, next(words)]
        if not CONTAINER.match(word):
            kept += options
    return kept
