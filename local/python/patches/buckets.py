"""The token bucket, by which AWS throttles."""

import time


class TokenBucket:
    """Holds `burst` tokens at the most and gets `rate` a second; whoever finds none is throttled.

    One thread at a time.
    """

    def __init__(self, rate, burst):
        self.limits = (rate, burst)
        self.tokens = burst
        self.counted_at = time.monotonic()

    def take(self, tokens=1):
        """Whether there were as many, which are then taken."""
        rate, burst = self.limits
        now = time.monotonic()
        self.tokens = min(burst, self.tokens + (now - self.counted_at) * rate)
        self.counted_at = now
        if self.tokens < tokens:
            return False
        self.tokens -= tokens
        return True
