"""Uploads of the burst model: how many, when, of which kind and size. All of it is assumed."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

DAY_S = 86_400
MIB = 1 << 20


class Size(NamedTuple):
    """An image has pixels; a video has seconds and pixels, a sound has seconds."""

    upload_bytes: float
    pixels: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True)
class Load:
    """A day with a peak."""

    uploads_a_day: float = 1_000_000
    peak_factor: float = 10.0
    peak_s: float = 1800.0
    # The part of the day that is simulated: before the peak, the peak, uploads afterwards, and time for what is open.
    before_s: float = 900.0
    after_s: float = 2700.0
    drain_s: float = 5400.0
    image_share: float = 0.80
    video_share: float = 0.15
    # Images: median and spread of the pixels (log-normal), and how many are too large for the function.
    image_pixels: float = 9e6
    image_spread: float = 0.5
    large_image_share: float = 0.01
    # Videos and sounds: median and spread of the length.
    video_s: float = 25.0
    video_spread: float = 1.2
    audio_s: float = 180.0
    audio_spread: float = 1.0
    # Uploads of one user, one after the other: Pareto with this exponent, up to a most.
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
        """Uploads a second."""
        return self.peak_rate if self.in_peak(now) else self.base_rate

    def next_change(self, now):
        """When the rate changes next."""
        changes = (self.before_s, self.peak_end_s, self.uploads_end_s)
        return next((at for at in changes if at > now), math.inf)

    @cached_property
    def uploads_a_user(self):
        """The mean of `user_uploads`."""
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
            # Pixels in a KiB of a JPEG, and of a scan or a camera's raw file (crates/core/src/estimate/typical.rs).
            return Size(max(40 * MIB, pixels / 400 * 1024) if large else min(pixels / 3000 * 1024, 32 * MIB), pixels)
        if kind == "audio":
            seconds = min(4 * 3600, log_normal(self.audio_s, self.audio_spread))
            return Size(seconds * 128_000 / 8, 0.0, seconds)
        seconds = min(2 * 3600, log_normal(self.video_s, self.video_spread))
        at = draw.random()
        pixels = 1280 * 720 if at < 0.2 else 1920 * 1080 if at < 0.9 else 3840 * 2160
        return Size(seconds * 8e6 / 8 * pixels / (1920 * 1080), pixels, seconds)

    def upload_s(self, size):
        """How long the client takes to send it."""
        return size.upload_bytes / self.line_bytes_a_second

    def gap_s(self, size, draw):
        """Until the same user's next upload."""
        return draw.expovariate(1 / self.pause_s) + self.upload_s(size)
