"""Section 2 of docs/BUNDLE.md: signatures. Ed25519 in the extended coordinates of RFC 8032, section 5.1.4."""

import functools
import hashlib
from typing import Optional

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
Point = tuple[int, int, int, int]  # extended coordinates X, Y, Z, T: x = X/Z, y = Y/Z, xy = T/Z


def add(a: Point, b: Point) -> Point:
    (x1, y1, z1, t1), (x2, y2, z2, t2) = a, b
    s, u, v, w = (y1 - x1) * (y2 - x2) % P, (y1 + x1) * (y2 + x2) % P, 2 * D * t1 * t2 % P, 2 * z1 * z2 % P
    e, f, g, h = u - s, w - v, w + v, u + s
    return e * f % P, g * h % P, f * g % P, e * h % P


def decompress(data: bytes) -> Optional[Point]:
    bits = int.from_bytes(data, "little")
    y, negative = bits % 2**255 % P, bits >> 255
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    if x * x % P != square:
        return None
    if x & 1 != negative:
        x = -x % P
    return x, y, 1, x * y % P


def compress(point: Point) -> bytes:
    x, y, z, _ = point
    inverse = pow(z, -1, P)
    return (y * inverse % P | (x * inverse % P & 1) << 255).to_bytes(32, "little")


NEUTRAL: Point = (0, 1, 1, 0)
BASE = decompress((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


@functools.lru_cache(maxsize=4096)
def signed(author: bytes, message: bytes, sig: bytes) -> bool:
    """Reports whether sig is a signature of author over message, without the cofactor."""
    point, s = decompress(author), int.from_bytes(sig[32:], "little")
    if point is None or BASE is None or s >= L:
        return False
    k = int.from_bytes(hashlib.sha512(sig[:32] + author + message).digest(), "little") % L
    minus = (-point[0] % P, point[1], 1, -point[3] % P)
    table = (NEUTRAL, BASE, minus, add(BASE, minus))
    total = NEUTRAL
    for bit in range(252, -1, -1):
        total = add(total, total)
        choice = (s >> bit & 1) + 2 * (k >> bit & 1)
        if choice:
            total = add(total, table[choice])
    return compress(total) == sig[:32]
