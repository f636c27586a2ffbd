"""The token bucket with which AWS throttles requests."""

import time


class TokenBucket:
    """Holds at most `burst` tokens and gains `rate` per second. A request that finds none is throttled.

    Not thread-safe.
    """

    def __init__(self, rate, burst):
        self.limits = (rate, burst)
        self.tokens = burst
        self.counted_at = time.monotonic()

    def take(self, tokens=1):
        """Takes the tokens and returns True, or returns False if the bucket has fewer."""
        rate, burst = self.limits
        now = time.monotonic()
        self.tokens = min(burst, self.tokens + (now - self.counted_at) * rate)
        self.counted_at = now
        if self.tokens < tokens:
            return False
        self.tokens -= tokens
        return True
