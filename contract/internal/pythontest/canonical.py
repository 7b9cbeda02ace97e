"""Section 1 of docs/BUNDLE.md: the encoding, and shapes that decoded values must have."""

import re
from collections import namedtuple
from typing import Any, Callable, Optional


class Refused(Exception):
    """What does not fit."""


def need(condition: bool, reason: str) -> None:
    if not condition:
        raise Refused(reason)


# Decoded values are int, bytes, str, list and None. Tuples are encoded like lists.
MAX_NUMBER = 2**53 - 1
MAX_FILE = 128 << 20


def encode(value: Any) -> bytes:
    def head(major: int, number: int) -> bytes:
        if number < 24:
            return bytes([major << 5 | number])
        size = next(i for i in range(4) if number < 1 << (8 << i))
        return bytes([major << 5 | 24 + size]) + number.to_bytes(1 << size, "big")

    if value is None:
        return b"\xf6"
    if isinstance(value, int):
        return head(0, value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        text = value.encode()
        return head(3, len(text)) + text
    return head(4, len(value)) + b"".join(encode(item) for item in value)


def decode(data: bytes) -> Any:
    """Decodes the one value that data is the deterministic encoding of."""

    def item(at: int, depth: int) -> tuple[Any, int]:
        need(at < len(data) and depth < 16, "the encoding ends too early, or is nested too deeply")
        major, number, at = data[at] >> 5, data[at] & 31, at + 1
        if (major, number) == (7, 22):
            return None, at
        need(major in (0, 2, 3, 4) and number < 28, f"byte {at - 1} of the encoding begins nothing that may occur")
        if number >= 24:
            size = 1 << (number - 24)
            number, at = int.from_bytes(data[at : at + size], "big"), at + size
        if major == 0:
            return number, at
        need(number <= len(data) - at, "the encoding ends too early")
        if major == 4:
            items = []
            for _ in range(number):
                value, at = item(at, depth + 1)
                items.append(value)
            return items, at
        part = data[at : at + number]
        try:
            return (part if major == 2 else part.decode()), at + number
        except UnicodeDecodeError:
            raise Refused("a text is not UTF-8") from None

    value, _ = item(0, 0)
    need(encode(value) == data, "the encoding is not the deterministic one")
    return value


# A shape takes a decoded value and returns it, with arrays as named tuples. The shapes are the page's CDDL.
Shape = Callable[[Any], Any]


def number(low: int = 0, high: int = MAX_NUMBER) -> Shape:
    def shape(value: Any) -> int:
        need(isinstance(value, int) and low <= value <= high, f"{value!r:.40} is not a number of {low}..{high}")
        return value

    return shape


def octets(low: int = 0, high: int = MAX_FILE) -> Shape:
    def shape(value: Any) -> bytes:
        need(isinstance(value, bytes) and low <= len(value) <= high, f"expected {low}..{high} bytes")
        return value

    return shape


def text(low: int, high: int, pattern: str = ".*") -> Shape:
    def shape(value: Any) -> str:
        fits = isinstance(value, str) and low <= len(value.encode()) <= high and re.fullmatch(pattern, value, re.S)
        need(bool(fits), f"{value!r:.80} is not the text that is expected here")
        return value

    return shape


def several(shape: Shape, low: int = 0, high: int = MAX_NUMBER) -> Shape:
    def shape_of_list(value: Any) -> list:
        need(isinstance(value, list) and low <= len(value) <= high, "expected a list, or a list of another length")
        return [shape(item) for item in value]

    return shape_of_list


def ascending(shape: Shape, low: int = 0, high: int = MAX_NUMBER, by: Callable = lambda item: item) -> Shape:
    def shape_of_list(value: Any) -> list:
        items = several(shape, low, high)(value)
        keys = [by(item) for item in items]
        need(all(a < b for a, b in zip(keys, keys[1:])), "a list is not strictly ascending")
        return items

    return shape_of_list


def form(name: str, **fields: Shape) -> Shape:
    """The shape of an array, whose items then have names."""
    kind = namedtuple(name, list(fields))  # type: ignore[misc]

    def shape(value: Any) -> Any:
        need(isinstance(value, list) and len(value) == len(fields), f"expected a {name}, an array of {len(fields)}")
        return kind(*(part(item) for part, item in zip(fields.values(), value)))

    return shape


def read(what: str, shape: Shape, data: bytes) -> Any:
    try:
        return shape(decode(data))
    except Refused as reason:
        raise Refused(f"{what}: {reason}") from None


def uptime(value: Any) -> Optional[int]:
    return None if value is None else number(0, 10000)(value)


key = hash256 = octets(32, 32)
signature = octets(64, 64)
network = text(1, 64, r"[a-z0-9\-_./]*")
mixnodes = ascending(text(1, 64, r"[!#-&(-+\--:<-~]*"), low=1, by=str.encode)
time, epoch, count = number(), number(1), number(0, 65535)
place = number(0, 2**32 - 1)
ZERO = bytes(32)
