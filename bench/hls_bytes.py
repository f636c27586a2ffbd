"""Where the bytes are that one layout of HLS has more than another: frame by frame, of every rung and the sound."""

import subprocess

import hls_layouts

# Our first segments are shorter than the usual one, and together as long.
FIRST_S = 6
PARTS = ("keyframes", "otherFrames", "later", "boxes")


def packets(path):
    """Of each frame of a track: when it is shown in seconds, its bytes, whether it is a keyframe."""
    entries = ["-show_entries", "packet=pts_time,size,flags", "-of", "csv=print_section=0"]
    printed = subprocess.run(["ffprobe", "-v", "error", *entries, path], check=True, stdout=subprocess.PIPE, text=True)
    for line in printed.stdout.split():
        pts, size, flags = line.split(",")[:3]
        yield float(pts), int(size), flags.startswith("K")


def parts(frames, file_bytes):
    """Bytes of a track: keyframes of its first 6 s, other frames of these, later frames, and what is around them."""
    found = dict.fromkeys(PARTS, 0)
    for pts, size, is_key in frames:
        # Half a hundredth is less than a frame.
        part = "later" if pts > FIRST_S - 0.005 else "keyframes" if is_key else "otherFrames"
        found[part] += size
    found["boxes"] = file_bytes - sum(found.values())
    return found


def compared(ours, usual):
    """By the name of each track the parts of ours and of the usual one's."""
    names = [path.name for path in hls_layouts.track_files(ours)]
    both = {name: [folder / name for folder in (ours, usual)] for name in names}
    return {name: [parts(packets(path), path.stat().st_size) for path in paths] for name, paths in both.items()}


def ratio(sizes):
    """Ours to the other's, of all tracks together."""
    ours, usual = (sum(sum(track[index].values()) for track in sizes.values()) for index in (0, 1))
    return ours / usual


def rows(sizes):
    """What ours has more, as parts of the usual track."""
    yield "| track | keyframes of the first 6 s | their other frames | later frames | boxes | together |"
    yield "|---|---|---|---|---|---|"
    for name, (ours, usual) in sizes.items():
        whole = sum(usual.values())
        more = [ours[part] - usual[part] for part in PARTS]
        cells = " | ".join(f"{one / whole:+.2%}" for one in [*more, sum(more)])
        yield f"| {name.removesuffix('.mp4')} | {cells} |"
