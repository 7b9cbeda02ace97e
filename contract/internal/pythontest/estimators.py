"""Section 5 of docs/BUNDLE.md: the estimators, and the weights of reporters."""

import re
from typing import NamedTuple, Optional, Sequence

from canonical import need


class Row(NamedTuple):
    """A report that counts."""

    reporter: bytes
    values: list[Optional[int]]


def half(a: int, b: int) -> int:
    return (2 * a + b) // (2 * b)


def mean(x: Sequence[int]) -> int:
    return half(sum(x), len(x))


def middles(x: Sequence[int]) -> int:
    """Twice the median."""
    return x[(len(x) - 1) // 2] + x[len(x) // 2]


def median(x: Sequence[int]) -> int:
    return half(middles(x), 2)


def trimmed(x: Sequence[int], k: int) -> int:
    return median(x) if k > (len(x) - 1) // 2 else mean(x[k : len(x) - k])


def mad(x: Sequence[int], f: int) -> int:
    if f > (len(x) - 1) // 2:
        return median(x)
    twice = middles(x)
    bound = 3 * max(14826 * middles(sorted(abs(2 * v - twice) for v in x)), 8000000)
    return min(max(mean([v for v in x if 20000 * abs(2 * v - twice) <= bound]), x[f]), x[-1 - f])


def histories(rows: Sequence[Row], deviations: dict[bytes, int]) -> list[int]:
    """V of each row."""
    there = [sorted(deviations[r.reporter] for r in rows if r != row and r.reporter in deviations) for row in rows]
    middle = [known[(len(known) - 1) // 2] if known else 10000 for known in there]
    return [deviations.get(row.reporter, v) for row, v in zip(rows, middle)]


def weights(v: Sequence[int], f: int) -> list[int]:
    at = max((len(v) - 1) // 2, min(f + 1, len(v) - f - 1))
    r = max(10000, 9 * sorted(v)[at] // 4)
    return [10**12 // max(one, r) for one in v]


def wmedian(column: Sequence[tuple[int, int]], f: int) -> int:
    """column has the uptimes with their weights, ascending."""
    m, k = len(column), 2 * f + 1
    if m < k:
        return median([x for x, _ in column])
    low, high = 0, sum(w for _, w in column) // k  # the greatest c is in between: it fits up to there, and no further
    while low < high:
        c = (low + high + 1) // 2
        low, high = (c, high) if k * c <= sum(min(w, c) for _, w in column) else (low, c - 1)
    u = [min(w, low) for _, w in column]
    a, t, total = 0, 0, sum(u)
    for (x, _), one in zip(column, u):
        b = a + 2 * m * one
        t += x * max(0, min(b, (m + 1) * total) - max(a, (m - 1) * total))
        a = b
    return half(t, 2 * total)


def estimate(name: str, column: Sequence[tuple[int, int]], f: int) -> int:
    x, k = [value for value, _ in column], re.fullmatch(r"trimmed\(([1-9]\d{0,2}|1000)\)", name)
    if k:
        return trimmed(x, int(k[1]))
    estimators = {"mean": lambda: mean(x), "median": lambda: median(x), "lowmedian": lambda: x[(len(x) - 1) // 2],
                  "trimmed": lambda: trimmed(x, f), "mad": lambda: mad(x, f), "wmedian": lambda: wmedian(column, f)}
    need(name in estimators, f"the estimator {name} is unknown")
    return estimators[name]()


def outcome(rows: Sequence[Row], estimator: str, f: int, coverage: int, deviations: dict[bytes, int]) -> tuple:
    """Returns the values of a result and its reports."""
    row_weights = weights(histories(rows, deviations), f)
    weighted = [[(v, w) for v in row.values] for row, w in zip(rows, row_weights)]
    columns = [sorted((v, w) for v, w in column if v is not None) for column in zip(*weighted)]
    values = [estimate(estimator, column, f) if len(column) >= coverage else None for column in columns]
    return values, [len(column) for column in columns]


def next_state(rows: Sequence[Row], f: int, before: dict[bytes, int]) -> dict[bytes, int]:
    """Returns the deviations after an epoch with these rows."""
    columns = [[v for v in column if v is not None] for column in zip(*(row.values for row in rows))]
    medians = [median(sorted(column)) if len(column) >= 2 * f + 1 else None for column in columns]
    covered, after = sum(m is not None for m in medians), dict(before)
    for row, v in zip(rows, histories(rows, before)):
        squares = [min(abs(x - m), 5000) ** 2 for x, m in zip(row.values, medians) if x is not None and m is not None]
        c = len(squares)
        if c:
            after[row.reporter] = half((10 * covered - c) * v + sum(squares), 10 * covered)
    return after
