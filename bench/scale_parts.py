"""Parts of the burst model: a token bucket, and servers with a queue."""

from heapq import heapreplace


class Bucket:
    """Tokens that are refilled at a rate, up to a burst."""

    __slots__ = ("burst", "filled_at", "rate", "tokens")

    def __init__(self, rate, burst):
        self.rate, self.burst, self.tokens, self.filled_at = rate, burst, burst, 0.0

    def take(self, now):
        """Takes a token if there is one."""
        tokens = self.tokens + (now - self.filled_at) * self.rate
        self.filled_at = now
        self.tokens = tokens = tokens if tokens < self.burst else self.burst
        # Not 1: what is added in small steps is a little less.
        if tokens < 1 - 1e-9:
            return False
        self.tokens = tokens - 1
        return True

    def delay(self, now, count):
        """Takes tokens, in order: the seconds until they are there."""
        tokens = self.tokens + (now - self.filled_at) * self.rate
        self.filled_at = now
        self.tokens = tokens = (tokens if tokens < self.burst else self.burst) - count
        return -tokens / self.rate if tokens < 0 else 0.0


class Servers:
    """Servers with one queue, first come, first served."""

    def __init__(self, count):
        self.free_at = [0.0] * count

    def serve(self, now, seconds):
        """Returns when a request that arrives at `now` is served. Calls must be in order of time."""
        start = max(now, self.free_at[0])
        heapreplace(self.free_at, start + seconds)
        return start

    def busy(self, now):
        return sum(at > now for at in self.free_at)
