"""Building blocks of the burst model: a token bucket, and servers with a queue."""

from heapq import heapreplace


class Bucket:
    """A token bucket: refilled at `rate` tokens per second, holds at most `burst`."""

    __slots__ = ("burst", "filled_at", "rate", "tokens")

    def __init__(self, rate, burst):
        self.rate, self.burst, self.tokens, self.filled_at = rate, burst, burst, 0.0

    def take(self, now):
        """Takes a token if one is available; returns whether it did."""
        tokens = self.tokens + (now - self.filled_at) * self.rate
        self.filled_at = now
        self.tokens = tokens = tokens if tokens < self.burst else self.burst
        # Less than 1, because of rounding: a token that was added in small steps sums up to slightly less.
        if tokens < 1 - 1e-9:
            return False
        self.tokens = tokens - 1
        return True

    def delay(self, now, count):
        """Reserves tokens, first come, first served; returns the seconds until they are available."""
        tokens = self.tokens + (now - self.filled_at) * self.rate
        self.filled_at = now
        self.tokens = tokens = (tokens if tokens < self.burst else self.burst) - count
        return -tokens / self.rate if tokens < 0 else 0.0


class Servers:
    """Several servers with one queue, first come, first served."""

    def __init__(self, count):
        self.free_at = [0.0] * count

    def serve(self, now, seconds):
        """Returns the time at which the service of a request that arrives at `now` begins. Calls must be in order of
        time."""
        start = max(now, self.free_at[0])
        heapreplace(self.free_at, start + seconds)
        return start

    def busy(self, now):
        """Number of busy servers."""
        return sum(at > now for at in self.free_at)
