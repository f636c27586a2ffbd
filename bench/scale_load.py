"""The load of the burst model: number, time, kind and size of uploads. All of it is assumed."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

DAY_S = 86_400
MIB = 1 << 20


class Size(NamedTuple):
    """Size of a file. `pixels` is 0 for audio, `seconds` is 0 for an image."""

    upload_bytes: float
    pixels: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True)
class Load:
    """A day with a peak. Times are in seconds."""

    uploads_a_day: float = 1_000_000
    peak_factor: float = 10.0
    peak_s: float = 1800.0
    # The simulated part of the day: before the peak, the peak, and afterwards. After the peak, uploads go on for
    # `after_s`, and the run ends after `drain_s`.
    before_s: float = 900.0
    after_s: float = 2700.0
    drain_s: float = 5400.0
    image_share: float = 0.80
    video_share: float = 0.15
    # Images: median and spread of the pixels (log-normal), and the share that is too large for the function.
    image_pixels: float = 9e6
    image_spread: float = 0.5
    large_image_share: float = 0.01
    # Video and audio: median and spread of the duration (log-normal).
    video_s: float = 25.0
    video_spread: float = 1.2
    audio_s: float = 180.0
    audio_spread: float = 1.0
    # Uploads of one user, one after another: a Pareto distribution with this exponent, up to a maximum. Between two
    # uploads, the user pauses.
    user_exponent: float = 1.2
    user_most: int = 500
    pause_s: float = 2.0
    line_bytes_a_second: float = 20e6 / 8

    @property
    def base_rate(self):
        mean = self.uploads_a_day / DAY_S
        return (self.uploads_a_day - self.peak_factor * mean * self.peak_s) / (DAY_S - self.peak_s)

    @property
    def peak_rate(self):
        return self.peak_factor * self.uploads_a_day / DAY_S

    @property
    def peak_end_s(self):
        return self.before_s + self.peak_s

    @property
    def uploads_end_s(self):
        return self.peak_end_s + self.after_s

    @property
    def horizon_s(self):
        return self.peak_end_s + self.drain_s

    def in_peak(self, now):
        return self.before_s <= now < self.peak_end_s

    def rate(self, now):
        """Uploads per second."""
        return self.peak_rate if self.in_peak(now) else self.base_rate

    def next_change(self, now):
        """The next time at which the rate changes."""
        changes = (self.before_s, self.peak_end_s, self.uploads_end_s)
        return next((at for at in changes if at > now), math.inf)

    @cached_property
    def uploads_a_user(self):
        """The mean of `user_uploads`: the sum of the probabilities of at least 1, 2, … uploads."""
        return sum(k**-self.user_exponent for k in range(1, self.user_most + 1))

    def user_uploads(self, draw):
        return min(self.user_most, int((1 - draw.random()) ** (-1 / self.user_exponent)))

    def kind(self, draw):
        at = draw.random()
        if at < self.image_share:
            return "image"
        return "video" if at < self.image_share + self.video_share else "audio"

    def size(self, kind, draw):
        def log_normal(median, spread):
            return median * math.exp(spread * draw.gauss(0, 1))

        if kind == "image":
            large = draw.random() < self.large_image_share
            pixels = min(1e8, log_normal(self.image_pixels, self.image_spread)) * (4 if large else 1)
            # Pixels per KiB: 400 of a scan or a camera's raw file, 3,000 of a JPEG (`typical.rs` of core::estimate).
            return Size(max(40 * MIB, pixels / 400 * 1024) if large else min(pixels / 3000 * 1024, 32 * MIB), pixels)
        if kind == "audio":
            seconds = min(4 * 3600, log_normal(self.audio_s, self.audio_spread))
            return Size(seconds * 128_000 / 8, 0.0, seconds)
        seconds = min(2 * 3600, log_normal(self.video_s, self.video_spread))
        at = draw.random()
        pixels = 1280 * 720 if at < 0.2 else 1920 * 1080 if at < 0.9 else 3840 * 2160
        return Size(seconds * 8e6 / 8 * pixels / (1920 * 1080), pixels, seconds)

    def upload_s(self, size):
        """Time that the client takes to send the file, in seconds."""
        return size.upload_bytes / self.line_bytes_a_second

    def gap_s(self, size, draw):
        """Time until the same user's next upload, in seconds."""
        return draw.expovariate(1 / self.pause_s) + self.upload_s(size)
