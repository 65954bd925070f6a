"""The solver: tokens of cells, as near to their weights as shares, floors, caps and epoch caps allow.

Of all plans that keep every constraint, the one is taken that has the least relative entropy to the weights: sum of
x * log(x / weight). It is unique, does not hang on the order of cells, and raising the weight of a cell (or of all
cells of a group) never lowers its tokens, as the solution is the gradient of a convex function of the logarithms of
the weights. It has the form

    x_i = min(weight_i * product of the factors of its groups, cap_i)

and is found by raking (iterative proportional fitting; Deming and Stephan 1940; with inequalities, Bregman 1967): one
axis after the other gets the factors that put it right, exactly and together with the total. With one axis that is
the solution; with more it converges, and Newton's method on the same factors finishes what raking only creeps up to.
Rounding to whole tokens comes last (`tamis.mix.rounding`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tamis.mix.presolve import Bounds, NoSolutionError
from tamis.mix.rounding import apportion, within_bounds
from tamis.mix.waterfill import Waterfill

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

UNBOUNDED = 2**62
"""The cap of a cell without one."""
_SWEEPS = 60
_NEWTON_STEPS = 120
_HALVINGS = 30
_ROUNDS = 30
_ATTEMPTS = 6
_MOST_FACTORS = 600
"""Newton's method solves a dense system with so many unknowns at most; beyond, raking goes on alone."""
_FARTHEST = 1e50
"""A factor beyond it, or below its inverse, belongs to constraints that conflict."""
_FURTHEST = 230.0
"""The same for the logarithm of all factors of a class together."""
_TOLERANCE = 1e-12
_GOOD_ENOUGH = 1e-9
"""Share of the total by which a sum may miss its bound before rounding."""


@dataclass(frozen=True)
class Groups:
    """The cells along one axis, and how many tokens each group of them may have."""

    name: str
    group: Ints
    """Group of each cell; group 0 holds the cells whose value has no constraint."""
    values: tuple[str, ...]
    """What each group is called; group 0 has an empty name."""
    low: Ints
    high: Ints
    """Bounds of each group, in tokens; equal for a target."""


@dataclass(frozen=True)
class Problem:
    """What to solve. Cells with a weight or cap of 0 get nothing."""

    weights: Floats
    caps: Ints
    total: int
    axes: tuple[Groups, ...] = ()


@dataclass(frozen=True)
class Solution:
    """Tokens of each cell."""

    tokens: Ints
    asked: Floats
    """What each cell would have beside the others if it had no cap of its own; infinite where the constraints need
    all that it may give."""


def solve(problem: Problem) -> Solution:
    """The plan of a problem. Raises NoSolutionError when no plan keeps all constraints."""
    bounds = Bounds(
        problem.caps,
        (problem.weights > 0) & (problem.caps > 0),
        problem.total,
        [axis.group for axis in problem.axes],
        [axis.low for axis in problem.axes],
        [axis.high for axis in problem.axes],
    )
    alive = bounds.alive
    axes = tuple(
        replace(axis, group=axis.group[alive], low=low, high=high)
        for axis, low, high in zip(problem.axes, bounds.low, bounds.high, strict=True)
    )
    weights, caps = problem.weights[alive], problem.caps[alive]
    tokens = np.where(bounds.full, bounds.caps, 0)
    asked = np.where(bounds.full, np.inf, 0.0)
    if alive.any() and bounds.total:
        state = _Raking(weights, caps, bounds.total, axes)
        state.run()
        asked[alive] = weights * state.scale()[state.classes]
        tokens[alive] = _whole(state, asked[alive], caps)
    return Solution(tokens, asked)


def _whole(state: _Raking, asked: Floats, caps: Ints) -> Ints:
    wanted = np.minimum(asked, caps.astype(np.float64))
    tokens = apportion(wanted, caps, state.total)
    if not state.axes:
        return tokens
    sums = np.bincount(state.classes, tokens, state.count).astype(np.int64)
    room = np.minimum(np.bincount(state.classes, np.minimum(caps, UNBOUNDED // len(caps)), state.count), UNBOUNDED)
    low, high = state.bounds()
    settled = within_bounds(sums, room.astype(np.int64), state.groups, low, high)
    changed = np.flatnonzero(settled != sums)
    if len(changed):
        order = np.argsort(state.classes, kind="stable")
        starts = np.searchsorted(state.classes[order], np.arange(state.count + 1))
        for one in changed:
            cells = order[starts[one] : starts[one + 1]]
            tokens[cells] = apportion(wanted[cells], caps[cells], int(settled[one]))
    return tokens


class _Raking:
    """The factors while they are found. A class is all cells with the same groups on every axis."""

    def __init__(self, weights: Floats, caps: Ints, total: int, axes: Sequence[Groups]) -> None:
        self.total, self.axes = total, tuple(axes)
        if self.axes:
            key = np.stack([axis.group for axis in self.axes])
            kinds, classes = np.unique(key, axis=1, return_inverse=True)
            self.groups = [row.astype(np.int64) for row in kinds]
            self.classes: Ints = classes.reshape(-1).astype(np.int64)
            self.count = kinds.shape[1]
        else:
            self.groups, self.classes, self.count = [], np.zeros(len(weights), np.int64), min(1, len(weights))
        # No cell gets more than all there is: a cap above that is none.
        bounded = np.where(caps >= min(total, UNBOUNDED), np.inf, caps.astype(np.float64))
        # Weights near 1 on the whole, so that factors are numbers of a common size.
        self.unit = total / weights.sum() if len(weights) else 1.0
        self.fill = Waterfill(weights * self.unit, bounded, self.classes, self.count)
        self.factors = [np.ones(len(axis.values)) for axis in self.axes]
        self.nu = 1.0

    def run(self) -> None:
        """Finds the factors."""
        if not self.axes:
            zero = np.zeros(self.count, np.int64)
            self.nu = float(self.fill.reach(np.array([float(self.total)]), zero, np.ones(self.count))[0])
            return
        if len(self.axes) == 1:
            self._rake(0)
            return
        few = sum(len(axis.values) for axis in self.axes) <= _MOST_FACTORS
        for _ in range(_ATTEMPTS):
            if self._sweep(_SWEEPS):
                return
            self._refute()
            before = self.nu, [factor.copy() for factor in self.factors]
            if few and self._newton():
                return
            self._refute()
            self.nu, self.factors = before
        raise NoSolutionError

    def scale(self) -> Floats:
        """Tokens over weight of each class, before caps."""
        return self.nu * self._product() * self.unit

    def bounds(self) -> tuple[list[Ints], list[Ints]]:
        """Bounds of all groups for rounding: a group that lies at one stays there."""
        level, _ = self.fill.at(self.nu * self._product())
        lows, highs = [], []
        for axis, group in zip(self.axes, self.groups, strict=True):
            sums = np.bincount(group, level, len(axis.values))
            near = np.minimum(0.25 + 10 * _TOLERANCE * self.total, (axis.high - axis.low) / 4)
            low = np.where((sums >= axis.high - near) & (sums > axis.low + near), axis.high, axis.low)
            high = np.where(sums <= axis.low + near, axis.low, axis.high)
            fits = low.sum() <= self.total <= high.sum()
            lows.append(low if fits else axis.low)
            highs.append(high if fits else axis.high)
        return lows, highs

    def _product(self, without: int | None = None) -> Floats:
        product = np.ones(self.count)
        for at, (factor, group) in enumerate(zip(self.factors, self.groups, strict=True)):
            if at != without:
                product *= factor[group]
        return product

    def _sweep(self, most: int) -> bool:
        """Rakes axis after axis; whether it came to rest."""
        before = self.nu * self._product()
        for _ in range(most):
            for at in range(len(self.axes)):
                self._rake(at)
            after = self.nu * self._product()
            if np.allclose(after, before, rtol=_TOLERANCE, atol=0) and self._miss() <= _TOLERANCE * self.total:
                return True
            before = after
        return False

    def _miss(self) -> float:
        """Tokens by which the worst sum is outside its bounds."""
        level, _ = self.fill.at(self.nu * self._product())
        worst = abs(float(level.sum()) - self.total)
        for axis, group in zip(self.axes, self.groups, strict=True):
            sums = np.bincount(group, level, len(axis.values))
            worst = max(worst, float((axis.low - sums).max()), float((sums - axis.high).max()))
        return worst

    def _rake(self, at: int) -> None:
        """Puts one axis and the total right, all other factors as they are.

        Where nu is the common factor, group k has the tokens that it has at clip(nu, enough_k, full_k): between the
        factors at which it reaches its lower and its upper bound.
        """
        axis, group, others = self.axes[at], self.groups[at], self._product(without=at)
        low, high = axis.low.astype(np.float64), axis.high.astype(np.float64)
        capacity = np.bincount(group, self.fill.capacity, len(low))
        enough = self.fill.reach(np.minimum(low, capacity), group, others)
        full = self.fill.reach(np.minimum(high, capacity), group, others)
        full = np.where(high < capacity, np.maximum(full, enough), np.inf)
        nu = self._common(group, others, enough, full)
        mine = np.clip(nu, enough, full)
        # Where there is no solution, factors run away.
        self.nu, self.factors[at] = nu, np.clip(np.where(mine > 0, mine / nu, 1.0), 1 / _FARTHEST, _FARTHEST)

    def _common(self, group: Ints, others: Floats, enough: Floats, full: Floats) -> float:
        """The nu at which the groups, each kept between `enough` and `full`, hold the total."""

        def held(nu: float) -> Floats:
            level, _ = self.fill.at(others * np.clip(nu, enough, full)[group])
            return np.bincount(group, level, len(enough)).astype(np.float64)

        turns = np.unique(np.concatenate((enough, full)))
        turns = turns[np.isfinite(turns) & (turns > 0)]
        first, last = 0, len(turns)
        while first < last:
            middle = (first + last) // 2
            if held(float(turns[middle])).sum() <= self.total:
                first = middle + 1
            else:
                last = middle
        begin = float(turns[first - 1]) if first else 0.0
        free = (enough <= begin) & (full > begin)
        rest = self.total - held(begin)[~free].sum()
        if not free.any() or rest <= 0:
            return begin if begin > 0 else float(turns[0])
        classes = np.flatnonzero(free[group])
        inside = np.full(self.count, 1)
        inside[classes] = 0
        reached = self.fill.reach(np.array([rest, 0.0]), inside, others)
        return max(float(reached[0]), begin)

    def _newton(self) -> bool:
        """Solves for all factors that count at once, changing which ones count as their signs tell; whether it got
        there."""
        for factor in self.factors:
            self.nu *= float(factor[0])
            factor /= factor[0]
        held = [(factor != 1) | (axis.low == axis.high) for factor, axis in zip(self.factors, self.axes, strict=True)]
        for counts in held:
            counts[0] = False
        slack = _GOOD_ENOUGH * self.total
        for _ in range(_ROUNDS):
            if not self._settle(held):
                return False
            changed = False
            level, _ = self.fill.at(self.nu * self._product())
            for at, (axis, group) in enumerate(zip(self.axes, self.groups, strict=True)):
                sums, factor = np.bincount(group, level, len(axis.values)), self.factors[at]
                outside = (sums < axis.low - slack) | (sums > axis.high + slack)
                lower = np.abs(sums - axis.low) < np.abs(sums - axis.high)
                wrong = held[at] & (axis.low < axis.high) & np.where(lower, factor < 1, factor > 1)
                now = (held[at] | outside) & ~wrong
                now[0] = False
                changed |= bool((now != held[at]).any())
                held[at] = now
                factor[wrong] = 1.0
            if not changed:
                return self._miss() <= slack
        return False

    def _settle(self, held: Sequence[npt.NDArray[np.bool_]]) -> bool:
        """Newton's method: the factors of the groups in `held` put each on its bound, and the total right. Whether
        they do."""
        rows = [np.ones(self.count)]
        wanted = [float(self.total)]
        level, _ = self.fill.at(self.nu * self._product())
        for at, (axis, group) in enumerate(zip(self.axes, self.groups, strict=True)):
            sums = np.bincount(group, level, len(axis.values))
            for one in np.flatnonzero(held[at]):
                rows.append((group == one).astype(np.float64))
                lower = self.factors[at][one] > 1 or (self.factors[at][one] == 1 and sums[one] < axis.low[one])
                wanted.append(float(axis.low[one] if lower else axis.high[one]))
        members, bounds = np.stack(rows), np.array(wanted)
        start = np.log(self._product())
        start += np.log(self.nu)

        def tried(steps: Floats) -> tuple[Floats, Floats, float]:
            """The gaps there, the slope of what each class holds, and the widest gap."""
            t = np.exp(np.clip(start + steps @ members, -_FURTHEST, _FURTHEST))
            level, slope = self.fill.at(t)
            gap = bounds - members @ level
            return gap, slope * t, float(np.abs(gap).max())

        steps = np.zeros(len(bounds))
        gap, slope, miss = tried(steps)
        for _ in range(_NEWTON_STEPS):
            if miss <= _TOLERANCE * self.total:
                break
            curvature = (members * slope) @ members.T
            curvature[np.diag_indices_from(curvature)] += 1e-13 * self.total + 1e-9 * miss
            move = np.linalg.lstsq(curvature, gap, rcond=1e-15)[0]
            move /= max(1.0, float(np.abs(move).max()) / 2)
            # Caps bend what cells hold: a step across a bend overshoots, and the next one back again.
            after = tried(steps + move)
            halved = 0
            while after[2] >= miss and halved < _HALVINGS:
                move, halved = move / 2, halved + 1
                after = tried(steps + move)
            if after[2] >= miss and miss <= _GOOD_ENOUGH * 1e-2 * self.total:
                break
            steps = steps + move
            gap, slope, miss = after
        self._take(held, steps)
        return bool(miss <= _GOOD_ENOUGH * self.total)

    def _refute(self) -> None:
        """Raises NoSolutionError if the factors, which run away in the direction of a conflict, prove it.

        Whole numbers r_k prove it (Farkas' lemma): every plan has sum r_k * (tokens of group k) at least at
        `asked`, their bounds (the lower one where r_k > 0, else the upper one), and at most at `given`, what the cells
        can hold, each counted as often as its groups say.
        """
        logs = [np.log(factor) for factor in self.factors]
        most = max(float(np.abs(one).max()) for one in logs)
        if most < 1:
            return
        sizes = np.unique(np.abs(np.concatenate(logs)))
        tried = [[np.sign(one) * (np.abs(one) >= size) for one in logs] for size in sizes[sizes > 0.1]]
        tried += [[np.round(one * whole / most) for one in logs] for whole in (2, 3, 4, 5)]
        capacity = np.minimum(self.fill.capacity, self.total)
        for ways in tried:
            asked = sum(
                float(np.where(way > 0, way * axis.low, way * axis.high).sum())
                for way, axis in zip(ways, self.axes, strict=True)
            )
            often = np.sum([way[group] for way, group in zip(ways, self.groups, strict=True)], axis=0)
            for more in range(-int(often.max()), 1 - int(often.min())):
                given = float((capacity * np.maximum(often + more, 0)).sum())
                if given < asked + more * self.total - 0.5:
                    raise NoSolutionError([np.flatnonzero(way) for way in ways])

    def _take(self, held: Sequence[npt.NDArray[np.bool_]], steps: Floats) -> None:
        factors = np.exp(np.clip(steps, -_FURTHEST, _FURTHEST))
        self.nu = float(np.clip(self.nu * factors[0], _FARTHEST**-2, _FARTHEST**2))
        place = 1
        for at, counts in enumerate(held):
            for one in np.flatnonzero(counts):
                self.factors[at][one] = np.clip(self.factors[at][one] * factors[place], 1 / _FARTHEST, _FARTHEST)
                place += 1
