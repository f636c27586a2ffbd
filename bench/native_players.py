"""Plays files to their ends with mpv, VLC and GStreamer, from a server on this machine, without display or sound."""

import os
import re
import subprocess
import tempfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

TYPES = {".m3u8": "application/vnd.apple.mpegurl", ".mp4": "video/mp4", ".m4a": "audio/mp4", ".opus": "audio/ogg"}
PATIENCE_S = 120
# Allowed gap between a player's last frame and the end: far less than a segment, but more than the delay of VLC's
# encoder.
NEAR_S = 0.5
OWN_USE = re.compile(r"-keyframes\.|^captions\.")
PLAYABLE = {".m3u8", ".mp4", ".m4a", ".opus", ".mp3", ".ogg"}


class Served(SimpleHTTPRequestHandler):
    """Serves files with support for ranges."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            return self.send_error(404)
        size = path.stat().st_size
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("range", ""))
        start, end = (int(wanted[1]), min(int(wanted[2] or size - 1), size - 1)) if wanted else (0, size - 1)
        if start > end:
            return self.send_error(416)
        self.send_response(206 if wanted else 200)
        self.send_header("content-type", TYPES.get(path.suffix, "application/octet-stream"))
        self.send_header("content-length", str(end - start + 1))
        self.send_header("accept-ranges", "bytes")
        if wanted:
            self.send_header("content-range", f"bytes {start}-{end}/{size}")
        self.end_headers()
        with path.open("rb") as file:
            file.seek(start)
            self.wfile.write(file.read(end - start + 1))
        return None

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except ConnectionError:
            # Players abort requests that they no longer need.
            self.close_connection = True

    def log_message(self, *_):
        """Silent, because the player reports failures."""


class Server:
    """Serves a folder on a free port."""

    def __init__(self, folder):
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Served, directory=str(folder)))

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def address(self, name):
        return f"http://127.0.0.1:{self.server.server_address[1]}/{name}"


def run(command, **options):
    """The output of a player, up to its end or the timeout."""
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE_S, check=False, **options
        )
    except subprocess.TimeoutExpired:
        return None, ""
    return done.returncode, done.stdout.decode(errors="replace")


# Sample rate of the sound that mpv records, in Hz.
RATE = 48_000
# Observes every frame, unlike mpv's status line, which is updated only occasionally.
MPV_SCRIPT = """
local last = 0
mp.observe_property("time-pos", "number", function(_, at) if at then last = at end end)
mp.register_event("end-file", function(event) print("last=" .. last .. " reason=" .. tostring(event.reason)) end)
"""


def mpv(address, length_s):
    with tempfile.TemporaryDirectory() as name:
        script, sound = Path(name) / "last.lua", Path(name) / "sound.pcm"
        script.write_text(MPV_SCRIPT)
        untimed = ["--vo=null", "--untimed", "--ao=pcm", f"--ao-pcm-file={sound}", "--ao-pcm-waveheader=no"]
        plain = ["--audio-format=s16", f"--audio-samplerate={RATE}", "--audio-channels=mono"]
        quiet = ["--no-config", "--term-status-msg=", "--hls-bitrate=max", f"--script={script}"]
        code, printed = run(["mpv", *quiet, *untimed, *plain, address])
        seen = re.search(r"last=([\d.]+) reason=eof", printed)
        if code != 0 or not seen:
            return f"ended with {code}: {printed.strip()[-200:]}"
        heard_s = sound.stat().st_size / (2 * RATE) if sound.exists() else length_s
    # Audio without video ends before positions are reported.
    has_picture = "Video" in printed
    return reached(min(heard_s, float(seen[1]) if has_picture else heard_s), length_s)


def gstreamer(address, length_s):
    sinks = [f"{kind}-sink=fakesink name={kind} sync=false silent=false" for kind in ("video", "audio")]
    code, printed = run(["gst-launch-1.0", "-v", "playbin3", f"uri={address}", *sinks])
    stamps = re.findall(r"pts: (\d+):(\d+):(\d+\.\d+)", printed)
    if code != 0 or "Got EOS" not in printed:
        return f"ended with {code}: {printed.strip()[-200:]}"
    # HLS timestamps begin at zero, those of a program stream at its first one.
    return reached(max((int(h) * 3600 + int(m) * 60 + float(s) for h, m, s in stamps), default=0.0), length_s)


# VLC reports no position, so it records what it plays, at a small size.
VLC_OUTPUT = "--sout=#transcode{vcodec=mp2v,scale=0.125,acodec=mpga,channels=1}:std{access=file,mux=ts,dst=%s}"


def vlc(address, length_s):
    quiet = ["-I", "dummy", "--no-dbus", "--verbose=0", "--play-and-exit"]
    with tempfile.TemporaryDirectory() as home:
        # VLC refuses to run as root.
        Path(home).chmod(0o777)
        other = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
        played = Path(home) / "played.ts"
        environment = {**os.environ, "HOME": home}
        code, printed = run([*other, "cvlc", *quiet, VLC_OUTPUT % played, address], env=environment)
        if code != 0 or not played.exists():
            return f"ended with {code}: {printed.strip()[-200:]}"
        streams = ffprobe("stream=duration", played).split()
    return reached(min(map(float, streams), default=0.0), length_s)


def ffprobe(entries, path):
    words = ["ffprobe", "-v", "error", "-show_entries", entries, "-of", "default=nokey=1:noprint_wrappers=1", path]
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout


def reached(position_s, length_s):
    return None if position_s >= length_s - NEAR_S else f"stopped at {position_s:.2f} of {length_s:.2f} s"


PLAYERS = {"mpv": mpv, "VLC": vlc, "GStreamer": gstreamer}


def playable(folder):
    """Names of all playable files."""
    names = sorted(path.name for path in folder.iterdir() if path.suffix in PLAYABLE)
    # Segments are played through their playlists. Playlists of keyframes and text are for internal use of players.
    segments = set()
    for name in names:
        if name.endswith(".m3u8"):
            segments |= set(re.findall(r'URI="([^"]+\.mp4)"', (folder / name).read_text()))
    return [name for name in names if name not in segments and not OWN_USE.search(name)]


def length_s(folder, name):
    """The declared duration of a file or a playlist."""
    path = folder / name
    if path.suffix == ".m3u8":
        text = path.read_text()
        if "#EXT-X-STREAM-INF" in text:
            first = next(line for line in text.splitlines() if line and not line.startswith("#"))
            return length_s(folder, first)
        return sum(map(float, re.findall(r"#EXTINF:([\d.]+)", text)))
    return float(ffprobe("format=duration", path))


def play_all(folder):
    """Plays everything in a folder with every player. Yields the player, the name, and the error, if any."""
    with Server(folder) as server:
        for name in playable(folder):
            for player, play in PLAYERS.items():
                yield player, name, play(server.address(name), length_s(folder, name))
