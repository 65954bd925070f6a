"""What to say, and what to loosen, when not all rules of a phase can hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from tamis.mix.presolve import NoSolutionError
from tamis.mix.rules import Rule, groups_of, scaled
from tamis.mix.solver import UNBOUNDED, Problem, Solution, solve
from tamis.mix.words import amount, listed, percent

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_AXES = ("rehearsal", "language", "category", "source")
"""From the one whose rules are loosened last to the first."""
_MOST_TRIED = 100
"""Rules that are tried without, one by one, to find those that conflict."""


@dataclass(frozen=True)
class Task:
    """A phase to solve."""

    weights: Floats
    caps: Ints
    """Most tokens of each cell; UNBOUNDED where its tokens are not known."""
    values: Mapping[str, npt.NDArray[np.str_]]
    """Axis -> the value of each cell on it."""
    total: int
    rules: tuple[Rule, ...]

    def problem(self) -> Problem:
        """The same in tokens."""
        return Problem(self.weights, self.caps, self.total, groups_of(self.rules, self.values, self.total))


@dataclass(frozen=True)
class Conflict:
    """What can't hold, and the task without it."""

    sentence: str
    axis: str | None
    """The axis whose rules it is about; None for the size of the phase."""
    loosened: Task
    how: str
    """How the task is loosened."""


def settle(task: Task, relax: bool) -> tuple[Solution, list[str], list[Conflict]]:
    """The solution of a task; how it was loosened (with `relax`); the conflicts (without, and then no good solution).

    Without `relax`, the conflicts found are those of the first look.
    """
    loosened: list[str] = []
    while True:
        conflict = first_conflict(task)
        if conflict is None:
            try:
                return solve(task.problem()), loosened, []
            except NoSolutionError as error:
                conflict = _together(task, error)
        if not relax:
            return Solution(np.zeros(len(task.caps), np.int64), np.zeros(len(task.caps))), [], [conflict]
        loosened.append(f"relaxed: {conflict.sentence}; {conflict.how}")
        task = conflict.loosened


def uncapped(task: Task) -> Floats:
    """The share of each cell if none had an epoch cap; that of its weight where the rules conflict even so."""
    try:
        tokens = solve(replace(task, caps=np.full(len(task.caps), UNBOUNDED)).problem()).tokens
        return tokens / max(int(tokens.sum()), 1)
    except NoSolutionError:
        return task.weights / max(float(task.weights.sum()), 1e-300)


def first_conflict(task: Task) -> Conflict | None:
    """The first conflict that one look at the size, or at one axis, finds."""
    open_ = task.weights > 0
    caps = np.where(open_, np.minimum(task.caps, task.total), 0)
    room = int(min(caps.astype(np.float64).sum(), 2.0**62))
    if room < task.total:
        return _too_small(task, room)
    for axis in task.values:
        rules = [rule for rule in task.rules if rule.axis == axis]
        if rules:
            capacity = _capacity(task.values[axis], caps)
            found = _no_tokens(task, rules, capacity) or _over_caps(task, rules, capacity)
            found = found or _over_whole(task, axis, rules) or _under_whole(task, axis, rules, capacity)
            if found:
                return found
    return None


def _capacity(values: npt.NDArray[np.str_], caps: Ints) -> dict[str, int]:
    distinct, inverse = np.unique(values, return_inverse=True)
    sums = np.zeros(len(distinct), np.int64)
    np.add.at(sums, inverse.reshape(-1), caps)
    return {str(value): int(tokens) for value, tokens in zip(distinct, sums, strict=True)}


def _without(task: Task, gone: Sequence[Rule], new: Sequence[Rule] = ()) -> Task:
    return replace(task, rules=(*(rule for rule in task.rules if rule not in gone), *new))


def _too_small(task: Task, room: int) -> Conflict:
    return Conflict(
        f"the phase has {amount(task.total)} tokens, and its cells give {amount(room)} at most, each as often as it "
        "may be seen",
        None,
        replace(task, total=room),
        f"it has {amount(room)} tokens",
    )


def _no_tokens(task: Task, rules: Sequence[Rule], capacity: Mapping[str, int]) -> Conflict | None:
    empty = [rule for rule in rules if rule.kind != "cap" and rule.share > 0 and not capacity.get(rule.value)]
    if not empty:
        return None
    rule = empty[0]
    known = listed(sorted(value for value, tokens in capacity.items() if tokens))
    return Conflict(
        f"{rule.words(task.total)}, and no cell of it has tokens and a weight above 0 (there are {known or 'none'})",
        rule.axis,
        _without(task, [rule]),
        "it gets none",
    )


def _over_caps(task: Task, rules: Sequence[Rule], capacity: Mapping[str, int]) -> Conflict | None:
    for rule in rules:
        room = capacity.get(rule.value, 0)
        if rule.kind != "cap" and rule.share * task.total > room + 1:
            nearer = Rule(rule.axis, rule.value, rule.kind, Fraction(room, task.total))
            return Conflict(
                f"{rule.words(task.total)}, and its cells give {amount(room)} at most, each as often as it may be seen",
                rule.axis,
                _without(task, [rule], [nearer]),
                f"it gets {amount(room)} tokens ({percent(room / task.total)})",
            )
    return None


def _over_whole(task: Task, axis: str, rules: Sequence[Rule]) -> Conflict | None:
    low = [rule for rule in rules if rule.kind != "cap"]
    asked = sum((rule.share for rule in low), Fraction(0))
    if asked <= 1:
        return None
    return Conflict(
        f"the shares and floors of {axis} sum to {percent(float(asked))}: "
        + listed([f"{rule.value} {percent(float(rule.share))}" for rule in low]),
        axis,
        _without(task, low, scaled(low, 1 / asked)),
        f"each is divided by {float(asked):.4g}",
    )


def _under_whole(task: Task, axis: str, rules: Sequence[Rule], capacity: Mapping[str, int]) -> Conflict | None:
    """The caps and shares of an axis leave tokens that nobody may have."""
    high = [rule for rule in rules if rule.kind != "floor"]
    bounds = {rule.value: rule.share * task.total for rule in high}
    free = sum(tokens for value, tokens in capacity.items() if value not in bounds)
    room = free + sum((min(bounds[value], Fraction(capacity.get(value, 0))) for value in bounds), Fraction(0))
    if room + len(bounds) >= task.total:
        return None
    lacking = _enough(bounds, capacity, task.total - free)
    others = f"and all others give {amount(free)}" if free else "and there are no others"
    sentence = (
        f"the shares and caps of {axis} leave {amount(float(room))} of {amount(task.total)} tokens: "
        f"{listed([f'{rule.value} {percent(float(rule.share))}' for rule in high])}, {others}"
    )
    if lacking is not None:
        return Conflict(
            sentence, axis, _without(task, high, scaled(high, lacking)), f"each is multiplied by {float(lacking):.4g}"
        )
    return Conflict(sentence, axis, _without(task, high), "they are dropped")


def _enough(bounds: Mapping[str, Fraction], capacity: Mapping[str, int], tokens: int) -> Fraction | None:
    """The factor on all bounds with which they leave so many tokens, no value giving more than it has; None when no
    factor does."""
    left = Fraction(tokens)
    open_ = sorted(
        (name for name, bound in bounds.items() if bound), key=lambda name: capacity.get(name, 0) / bounds[name]
    )
    while open_:
        factor = left / sum((bounds[name] for name in open_), Fraction(0))
        first = open_[0]
        if factor * bounds[first] <= capacity.get(first, 0):
            return factor
        left -= capacity.get(first, 0)
        open_ = open_[1:]
    return None


def _together(task: Task, error: NoSolutionError) -> Conflict:
    """Rules that can't hold together, though each could alone: as few of them as conflict."""
    rules = list(task.rules)
    if error.groups:
        axes = task.problem().axes
        proven = {
            (axis.name, axis.values[at]) for axis, groups in zip(axes, error.groups, strict=True) for at in groups
        }
        some = [rule for rule in rules if (rule.axis, rule.value) in proven]
        rules = some if not _solvable(replace(task, rules=tuple(some))) else rules
    for rule in sorted(rules, key=lambda one: (-_AXES.index(one.axis), one.value, one.kind))[:_MOST_TRIED]:
        fewer = [one for one in rules if one is not rule]
        if not _solvable(replace(task, rules=tuple(fewer))):
            rules = fewer
    last = max(rules, key=lambda one: _AXES.index(one.axis))
    parts = [rule.words(task.total) for rule in rules]
    within = ""
    if len(rules) == 2:
        both = np.logical_and.reduce([task.values[rule.axis] == rule.value for rule in rules])
        room = float(np.where(both & (task.weights > 0), np.minimum(task.caps, task.total), 0).sum())
        within = f"; cells of both give {amount(min(room, UNBOUNDED))} at most"
    return Conflict(
        f"these can't hold together: {'; '.join(parts)}{within}",
        last.axis,
        _without(task, [last]),
        f"the rule on {last.place} is dropped",
    )


def _solvable(task: Task) -> bool:
    try:
        solve(task.problem())
    except NoSolutionError:
        return False
    return True
