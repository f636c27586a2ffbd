"""Evaluates the results of bench/players/play.mjs: lateness of captions, changes of rungs, and rows of the tables.

The rows are those of docs/BENCHMARKS.md, section Players.
"""

import re

# Captions are turned on while a video plays. Cues that start sooner than this may still be loading.
LOADING_S = 1.0
# Cues that start just before the end of the view may not be shown in time.
ENDING_S = 0.5
# Seconds to the first frame with hls.js in Chromium, by the line in kb/s.
TARGETS = {800: 2.0, 1500: 1.2, 4000: 0.8}


def cues(vtt):
    """The cues of a WebVTT file: start in seconds, and text on one line."""
    found = re.findall(r"^(?:(\d+):)?(\d+):([\d.]+) --> .*\n((?:.+\n?)+)", vtt, re.MULTILINE)
    return [(int(h or 0) * 3600 + int(m) * 60 + float(s), one_line(text)) for h, m, s, text in found]


def one_line(text):
    return " ".join(text.split())


def lateness(wanted, seen):
    """For cues that started while captions were on: number due, number shown, and the longest delay in seconds."""
    due = [(start, text) for start, text in wanted if seen["fromS"] + LOADING_S < start < seen["toS"] - ENDING_S]
    delays = []
    for start, text in due:
        came = [one["atS"] for one in seen["shown"] if one_line(one["text"]) == text]
        delays += [min(came) - start] if came else []
    return len(due), len(delays), max(delays, default=0.0)


def after(moment_s, steps, asked, is_news):
    """Seconds from a moment to the next step whose height is news compared with the last requested one."""
    before = [step["height"] for step in asked if step["atS"] <= moment_s]
    later = [step["atS"] for step in steps if step["atS"] > moment_s and before and is_news(step["height"], before[-1])]
    return later[0] - moment_s if later else None


def switches(change):
    """Seconds from when the line got faster, and slow again, until another rung was requested, and until it was seen.

    None if that did not happen."""
    return {
        f"{way}_{what}": after(change[moment], change[steps], change["asked"], is_news)
        for way, moment, is_news in (("up", "fastS", int.__gt__), ("down", "slowS", int.__lt__))
        for what, steps in (("asked", "asked"), ("shown", "heights"))
    }


def seconds(value, never="never"):
    return never if value is None else f"{value:.2f} s"


def named(row, versions):
    """Name and version such as `hls.js 1.7`, with the browser if it is not Chromium."""
    version = ".".join(versions[row["player"]].split(".")[:2])
    browser = "" if row["browser"] == "Chromium" else f", {row['browser']} {versions[row['browser']].split('.')[0]}"
    return f"{row['player']} {version}{browser}"


def is_missed(row):
    aimed = row["player"] == "hls.js" and row["browser"] == "Chromium"
    return aimed and (row["firstS"] is None or round(row["firstS"], 2) > TARGETS[row["kbps"]])


def start_rows(seen, wanted):
    """The table of views over steady lines. Each row compares our layout with the usual one."""
    yield "| player | line | first frame, usual | ours | stalls | height | to the middle, usual | ours | captions |"
    yield "|---|---|---|---|---|---|---|---|---|"
    starts = seen["starts"]
    for row in (row for row in starts if row["layout"] == "ours"):
        same = ("browser", "player", "kbps")
        others = [one for one in starts if one["layout"] == "usual" and all(one[key] == row[key] for key in same)]
        usual = [seconds(one[what]) for one in others for what in ("firstS", "jumpS")] or ["", ""]
        first = seconds(row["firstS"]) + (", missed" if is_missed(row) else "")
        due, came, late_s = lateness(wanted, row["captions"])
        captions = f"{came} of {due}, {late_s:.2f} s late"
        heights = f"{row['startHeight']}, {row['endHeight']}"
        line = f"{named(row, seen['versions'])} | {row['kbps'] / 1000:g} Mb/s"
        views = f"{usual[0]} | {first} | {row['stalls']} | {heights} | {usual[1]} | {seconds(row['jumpS'])}"
        yield f"| {line} | {views} | {captions} |"


def change_rows(seen):
    """The table of views over changing lines."""
    yield "| player | higher rung asked for | seen | lower rung asked for | seen | stalls | played |"
    yield "|---|---|---|---|---|---|---|"
    for row in seen["changes"]:
        moments = " | ".join(seconds(value, "not") for value in switches(row).values())
        yield f"| {named(row, seen['versions'])} | {moments} | {row['stalls']} | {played(row)} |"


def played(row):
    return "to the end" if row["ended"] else f"to {row['atS']:.1f} of {row['durationS']:.1f} s"


def misses(seen, wanted):
    """Missed targets and errors."""
    for row in (row for row in seen["starts"] if row["layout"] == "ours"):
        what = f"{named(row, seen['versions'])} at {row['kbps']} kb/s"
        if is_missed(row):
            yield f"{what}: first frame {seconds(row['firstS'])}"
        if row["stalls"] and row["player"] == "hls.js":
            yield f"{what}: {row['stalls']} stalls"
        if row["jumpS"] is None:
            yield f"{what}: does not play on in the middle"
        due, came, _ = lateness(wanted, row["captions"])
        if came < due or not due:
            yield f"{what}: {came} of {due} captions"
    for row in seen["changes"]:
        if not row["ended"]:
            yield f"{named(row, seen['versions'])} over a line that changes: played {played(row)}"
