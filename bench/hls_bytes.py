"""Compares the bytes of two layouts of HLS by kind of frame, for every rung and the sound."""

import subprocess

import hls_layouts

# Our first segments are shorter than the usual ones, but together they last as long.
FIRST_S = 6
PARTS = ("keyframes", "otherFrames", "later", "boxes")


def packets(path):
    """Presentation time in seconds, bytes, and keyframe flag of each frame of a track."""
    entries = ["-show_entries", "packet=pts_time,size,flags", "-of", "csv=print_section=0"]
    printed = subprocess.run(["ffprobe", "-v", "error", *entries, path], check=True, stdout=subprocess.PIPE, text=True)
    for line in printed.stdout.split():
        pts, size, flags = line.split(",")[:3]
        yield float(pts), int(size), flags.startswith("K")


def parts(frames, file_bytes):
    """Bytes of a track: keyframes and other frames of its first 6 s, later frames, and container boxes."""
    found = dict.fromkeys(PARTS, 0)
    for pts, size, is_key in frames:
        # The tolerance of 5 ms is less than a frame.
        part = "later" if pts > FIRST_S - 0.005 else "keyframes" if is_key else "otherFrames"
        found[part] += size
    found["boxes"] = file_bytes - sum(found.values())
    return found


def compared(ours, usual):
    """Parts of our track and of the usual one, by track name."""
    names = [path.name for path in hls_layouts.track_files(ours)]
    both = {name: [folder / name for folder in (ours, usual)] for name in names}
    return {name: [parts(packets(path), path.stat().st_size) for path in paths] for name, paths in both.items()}


def ratio(sizes):
    """Ratio of our size to the other's, for all tracks together."""
    ours, usual = (sum(sum(track[index].values()) for track in sizes.values()) for index in (0, 1))
    return ours / usual


def rows(sizes):
    """Rows with our excess bytes, relative to the usual track."""
    yield "| track | keyframes of the first 6 s | their other frames | later frames | boxes | together |"
    yield "|---|---|---|---|---|---|"
    for name, (ours, usual) in sizes.items():
        whole = sum(usual.values())
        more = [ours[part] - usual[part] for part in PARTS]
        cells = " | ".join(f"{one / whole:+.2%}" for one in [*more, sum(more)])
        yield f"| {name.removesuffix('.mp4')} | {cells} |"
