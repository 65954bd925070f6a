"""Whole tokens: largest-remainder rounding with caps, and sums of groups kept within their bounds."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_MOST_CLASSES = 1000
"""Classes of which all pairs are looked at."""


def apportion(wanted: Floats, caps: Ints, total: int) -> Ints:
    """Whole numbers near `wanted`, none above its cap, whose sum is `total`.

    All are rounded down, then those with the largest remainders go up by one (Hamilton's method); of equal
    remainders, the earlier cell goes first. `total` must not be above the sum of the caps.
    """
    whole = np.minimum(np.floor(wanted), caps.astype(np.float64)).astype(np.int64)
    whole = np.minimum(np.maximum(whole, 0), caps)
    left = total - int(whole.sum())
    while left:
        room = whole < caps if left > 0 else whole > 0
        open_ = np.flatnonzero(room)
        if not len(open_):
            raise AssertionError(f"{left} tokens of {total} can't be placed")
        remainder = wanted[open_] - whole[open_]
        chosen = open_[np.argsort(-remainder if left > 0 else remainder, kind="stable")[: abs(left)]]
        whole[chosen] += np.sign(left)
        left -= int(np.sign(left)) * len(chosen)
    return whole


def within_bounds(sums: Ints, caps: Ints, groups: Sequence[Ints], low: Sequence[Ints], high: Sequence[Ints]) -> Ints:
    """Class sums changed by as few tokens as it takes to put every group's sum between its bounds.

    `groups`, `low`, `high`: for each axis, the group of each class, and the bounds of each group. Tokens move from
    class to class as long as that brings sums nearer to their bounds; then between two groups of one axis by way of
    classes that agree on all other axes, which keeps those sums. Where there is no such way, the sum is left as it is.
    """
    sums = sums.copy()
    if len(groups) == 1 and len(np.unique(groups[0])) == len(groups[0]):
        return _clipped(sums, low[0][groups[0]], np.minimum(high[0][groups[0]], caps))
    if len(sums) <= _MOST_CLASSES:
        while _move(sums, caps, groups, low, high):
            pass
    for axis, group in enumerate(groups):
        others = np.stack([other for at, other in enumerate(groups) if at != axis] or [np.zeros_like(group)])
        _, alike = np.unique(others, axis=1, return_inverse=True)
        _settle(sums, caps, group, alike.reshape(-1), low[axis], high[axis])
    return sums


def _move(sums: Ints, caps: Ints, groups: Sequence[Ints], low: Sequence[Ints], high: Sequence[Ints]) -> bool:
    """Moves tokens, in place, between the two classes for which that helps most; whether there were any."""
    gain = np.zeros((len(sums), len(sums)), np.int64)
    most = np.minimum(sums[:, None], caps - sums)
    for group, least, greatest in zip(groups, low, high, strict=True):
        held = np.bincount(group, sums, len(least)).astype(np.int64)
        over, under = held - greatest, least - held
        # Giving helps a group that has too much, and harms one that has no more than it needs.
        gives = np.sign(np.maximum(over, 0)) - (under >= 0)
        takes = np.sign(np.maximum(under, 0)) - (over >= 0)
        apart = group[:, None] != group
        gain += np.where(apart, gives[group][:, None] + takes[group], 0)
        spare = np.where(over > 0, over, np.maximum(-under, 1))[group][:, None]
        space = np.where(under > 0, under, np.maximum(-over, 1))[group]
        most = np.where(apart, np.minimum(most, np.minimum(spare, space)), most)
    gain[most <= 0] = 0
    at = int(np.argmax(gain))
    if gain.flat[at] <= 0:
        return False
    give, take = divmod(at, len(sums))
    sums[give] -= most[give, take]
    sums[take] += most[give, take]
    return True


def _clipped(sums: Ints, low: Ints, high: Ints) -> Ints:
    """As within_bounds, where every class is a group of its own."""
    held = np.clip(sums, low, high)
    left = int(sums.sum() - held.sum())
    for at in np.argsort(held - high if left > 0 else low - held, kind="stable"):
        if not left:
            break
        step = min(left, int(high[at] - held[at])) if left > 0 else max(left, int(low[at] - held[at]))
        held[at] += step
        left -= step
    return held if not left else sums


def _settle(sums: Ints, caps: Ints, group: Ints, alike: Ints, low: Ints, high: Ints) -> None:
    """Moves tokens, in place, until each group of one axis is within its bounds."""
    for _ in range(4 * len(low)):
        held = np.bincount(group, sums, len(low)).astype(np.int64)
        over, under = held - high, low - held
        if over.max() <= 0 and under.max() <= 0:
            return
        giving = over.max() > 0
        start = int(np.argmax(over if giving else under))
        amount = int((over if giving else under)[start])
        room = np.maximum(high - held, 0) if giving else np.maximum(held - low, 0)
        path = _way(sums, caps, group, alike, start, room, giving)
        if path is None:
            return
        end = int(group[path[-1][1]])
        for give, take in path:
            source, goal = (give, take) if giving else (take, give)
            amount = min(amount, int(sums[source]), int(caps[goal] - sums[goal]))
        amount = min(amount, int(room[end]))
        for give, take in path:
            sums[give] -= amount if giving else -amount
            sums[take] += amount if giving else -amount


def _way(
    sums: Ints, caps: Ints, group: Ints, alike: Ints, start: int, room: Ints, giving: bool
) -> list[tuple[int, int]] | None:
    """Pairs of classes (from, to) that lead from group `start` to the nearest one with room, or None."""
    gives = sums > 0 if giving else sums < caps
    takes = sums < caps if giving else sums > 0
    came: dict[int, tuple[int, int, int]] = {}
    queue = deque([start])
    while queue:
        here = queue.popleft()
        if here != start and room[here] > 0:
            path = []
            while here != start:
                before, give, take = came[here]
                path.append((give, take))
                here = before
            return path[::-1]
        for give in np.flatnonzero((group == here) & gives).tolist():
            for take in np.flatnonzero((alike == alike[give]) & takes & (group != here)).tolist():
                there = int(group[take])
                if there != start and there not in came:
                    came[there] = (here, give, take)
                    queue.append(there)
    return None
