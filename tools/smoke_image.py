"""Prints a small random PNG, so the smoke test never matches an earlier upload."""

import secrets
import struct
import sys
import zlib

WIDTH, HEIGHT = 64, 48


def chunk(kind: bytes, content: bytes) -> bytes:
    """PNG specification, 5.3: length, type, data, and CRC of type and data."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(pixels: bytes) -> bytes:
    """8-bit RGB, no filter."""
    rows = b"".join(b"\0" + pixels[at : at + 3 * WIDTH] for at in range(0, len(pixels), 3 * WIDTH))
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


if __name__ == "__main__":
    sys.stdout.buffer.write(png(secrets.token_bytes(3 * WIDTH * HEIGHT)))
