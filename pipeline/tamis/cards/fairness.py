"""Section on the fairness of the pipeline: does a rule remove some languages or categories more than the others?

Each group is compared with all others together, among the documents that the stage measured. Shares removed are told
with Wilson's score bounds (Wilson 1927, J. Am. Stat. Assoc. 22), at a level that holds for all comparisons at once
(Bonferroni). A rule is uneven for a group when even the group's lower bound is more than 5/4 of the others' upper
bound; 5/4 is the four-fifths rule (29 CFR 1607.4 D) turned round.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import NormalDist

from tamis.cards.drawing import GRID, INK, KEPT, LOST, POINTS, SOFT, WIDTH, Drawn, Figure, Fill
from tamis.cards.markdown import code, section, table, top
from tamis.cards.numbers import count, share, three_digits
from tamis.cards.view import View
from tamis.stages import STAGES

TWIN = "stats/fairness.csv"
HEADER = ("column", "value", "stage", "rule", "measured", "removed", "others_measured", "others_removed", "ratio",
          "ratio_at_least", "ratio_at_most", "kept_ratio", "excess", "uneven")  # fmt: skip
LEAST = 30
"""Documents that a group, and the others, must have at least: of fewer, nothing is said."""
MARGIN = 1.25
FOUR_FIFTHS = 0.8
LEVEL = 0.05
_BARS = 16
_SOME = 20
"""Rows of the table in the card."""


@dataclass(frozen=True)
class Comparison:
    """What a stage, or one rule of it, does to a group and to all others."""

    column: str
    value: str
    stage: str
    rule: str
    """Empty: all rules of the stage together."""
    measured: int
    removed: int
    others_measured: int
    others_removed: int
    z: float

    @property
    def ratio(self) -> float:
        """Share removed, over the others' share."""
        return _over(self.removed / self.measured, self.others_removed / self.others_measured)

    @property
    def bounds(self) -> tuple[float, float]:
        """Between which the ratio lies: bound over bound, on the safe side."""
        low, high = wilson(self.removed, self.measured, self.z)
        others_low, others_high = wilson(self.others_removed, self.others_measured, self.z)
        return _over(low, others_high), _over(high, others_low)

    @property
    def kept_ratio(self) -> float:
        """Share kept, over the others' share."""
        return _over(1 - self.removed / self.measured, 1 - self.others_removed / self.others_measured)

    @property
    def excess(self) -> int:
        """Documents removed beyond what the others' share would have removed."""
        return round(self.removed - self.measured * self.others_removed / self.others_measured)

    @property
    def uneven(self) -> bool:
        """Whether it removes more of the group than of the others, by more than chance and the margin."""
        return self.bounds[0] > MARGIN


def wilson(part: int, whole: int, z: float) -> tuple[float, float]:
    """Wilson's score bounds of a share."""
    centre, square = part + z * z / 2, z * z
    half = z * math.sqrt(part * (whole - part) / whole + square / 4)
    return max((centre - half) / (whole + square), 0.0), min((centre + half) / (whole + square), 1.0)


def _over(part: float, whole: float) -> float:
    return part / whole if whole else math.inf if part else 1.0


def comparisons(view: View) -> list[Comparison]:
    """Every stage and rule that removed something, by language and by category; the groups large enough to tell."""
    found: list[tuple[str, str, str, str, int, int, int, int]] = []
    for column in ("language", "category"):
        groups = [row for row in view.manifest.groups if row.column == column]
        for stage in view.manifest.stages:
            if _chooses(view.manifest.kind_of(stage.name), column):
                continue
            rules = sorted({rule for row in groups for rule in row.failed if rule.partition(".")[0] == stage.name})
            whole = sum(row.measured.get(stage.name, 0) for row in groups)
            for rule in ["", *rules] if len(rules) > 1 else rules:
                lost = {
                    row.value: row.failed.get(rule, 0) if rule else row.removed.get(stage.name, 0) for row in groups
                }
                total = sum(lost.values())
                for row in groups:
                    mine = row.measured.get(stage.name, 0)
                    if min(mine, whole - mine) >= LEAST:
                        gone = lost[row.value]
                        found.append((column, row.value, stage.name, rule, mine, gone, whole - mine, total - gone))
    z = NormalDist().inv_cdf(1 - LEVEL / (2 * max(len(found), 1)))
    return [Comparison(*one, z) for one in found]


def _chooses(stage: str, column: str) -> bool:
    """Whether the stage's rules are on the group itself: of those, unevenness is what they are for."""
    return column in STAGES.get(stage).provides


def _uneven(found: Iterable[Comparison]) -> list[Comparison]:
    return sorted((one for one in found if one.uneven), key=lambda one: (-one.excess, one.column, one.value, one.rule))


def _what(one: Comparison) -> str:
    return one.rule or f"{one.stage} (all rules)"


def fairness(view: View, figures: Mapping[str, str]) -> str:
    """Languages and categories that rules remove more of than of the others."""
    found = comparisons(view)
    if not found:
        return ""
    uneven = _uneven(found)
    method = (
        "For each rule, the share of documents it removes from a language or category is compared with its share of "
        f"all others, among the documents its stage measured (groups of at least {LEAST} documents). Uneven means: "
        f"even the lower Wilson bound of the group's share is more than {MARGIN:g} times the upper bound of the "
        "others' share (the four-fifths rule of 29 CFR 1607.4 D turned round; bounds hold with 95 % for all "
        "comparisons together, by Bonferroni). A stage that decides languages or categories is not compared by them. "
        "Uneven is not wrong: the groups may differ in quality, and languages in their categories. All "
        f"comparisons: [`{TWIN}`]({TWIN})."
    )
    if not uneven:
        return section("Fairness", method, "**No rule removes one language or category more than the others.**")
    rows = [
        (one.column, code(one.value), code(_what(one)), count(one.measured), count(one.removed),
         share(one.removed, one.measured), share(one.others_removed, one.others_measured), _times(one.ratio),
         _between(one), count(one.excess), f"**{one.kept_ratio:.2f}**" if one.kept_ratio < FOUR_FIFTHS else
         f"{one.kept_ratio:.2f}")
        for one in uneven
    ]  # fmt: skip
    header = ("By", "Group", "Rule", "Measured", "Removed", "%", "Others %", "Ratio", "Bounds", "Excess", "Kept ratio")
    shown, more = top(rows, _SOME, TWIN)
    most = uneven[0]
    many = f"{count(len(uneven))} of {count(len(found))} comparisons {'is' if len(uneven) == 1 else 'are'} uneven."
    first = (
        f"**{many}** The one that costs most: {code(_what(most))} removes {_times(most.ratio)} as large a share of "
        f"{code(most.value)} as of the others ({share(most.removed, most.measured)} of n = {count(most.measured)}, "
        f"against {share(most.others_removed, most.others_measured)} of n = {count(most.others_measured)})."
    )
    note = (
        "“Excess”: documents that would have passed the rule at the others' share. “Kept ratio”: share kept, over the "
        f"others' share; in bold below {FOUR_FIFTHS:g}."
    )
    return section("Fairness", first, figures["fairness"], table(header, "lllrrrrrrrr", shown) + more, note, method)


def _times(ratio: float) -> str:
    return f"{three_digits(ratio)}×" if math.isfinite(ratio) else "∞"


def _between(one: Comparison) -> str:
    low, high = one.bounds
    return f"{three_digits(low)} to {three_digits(high) if math.isfinite(high) else '∞'}"


def figures(view: View) -> list[Drawn]:
    """Ratios of what is uneven, with their bounds."""
    uneven = _uneven(comparisons(view))[:_BARS]
    if not uneven:
        return []
    told = "; ".join(f"{_what(one)}: {_times(one.ratio)} for {one.value}" for one in uneven[:8])
    alt = f"How many times as much rules remove of a language or category as of the others. {told}."
    caption = "Ratio of shares removed, a group's over all others', with its bounds; those that remove most documents "
    caption += "beyond the others' share first. At 1 the rule is even; the dashed line is the margin."
    return [Drawn("figures/fairness.svg", caption, alt, _draw(uneven, alt), TWIN)]


def _draw(uneven: list[Comparison], title: str) -> bytes:
    left, right, top_, step = 3.3 * POINTS, 1.75 * POINTS, 0.15 * POINTS, 0.27 * POINTS
    figure = Figure(0.15 + 0.27 * len(uneven) + 0.4)
    finite = [at for one in uneven for at in (*one.bounds, one.ratio) if math.isfinite(at)]
    first, last = math.log10(0.8), max(math.log10(max(finite)), 0.5) + 0.05
    bottom = top_ + step * len(uneven)

    def x(ratio: float) -> float:
        at = min(max(math.log10(ratio), first), last) if math.isfinite(ratio) else last
        return left + (WIDTH * POINTS - left - right) * (at - first) / (last - first)

    for tick in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10_000):
        if math.log10(tick) <= last:
            figure.line(x(tick), top_, x(tick), bottom, SOFT if tick == 1 else GRID, 0.8 if tick == 1 else 0.6)
            figure.text(x(tick), bottom + 10, f"{tick}×", size=8, color=SOFT, anchor="middle")
    figure.line(x(MARGIN), top_, x(MARGIN), bottom, INK, 0.8, "2 2")
    for number, one in enumerate(uneven):
        y = top_ + step * (number + 0.5)
        look = LOST if one.kept_ratio < FOUR_FIFTHS else KEPT
        figure.text(left - 8, y, f"{one.value} · {_what(one)}", size=8.5, anchor="end")
        figure.line(x(one.bounds[0]), y, x(one.bounds[1]), y, look, 2.2)
        figure.box(x(one.ratio) - 3.5, y - 3.5, 7, 7, Fill(look, edge=1.0))
        words = f"{_times(one.ratio)} · {share(one.removed, one.measured)} of {count(one.measured)}"
        figure.text(WIDTH * POINTS - right + 8, y, words, size=8.5)
    figure.text(
        left, bottom + 22, "orange: keeps less than four fifths of what it keeps of the others", size=8, color=SOFT
    )
    return figure.svg(title)


def twin(view: View) -> Iterable[tuple[object, ...]]:
    """Rows of the CSV file: every comparison."""
    for one in comparisons(view):
        numbers = (one.ratio, *one.bounds, one.kept_ratio)
        yield (one.column, one.value, one.stage, one.rule, one.measured, one.removed, one.others_measured,
               one.others_removed, *(f"{number:.4g}" for number in numbers), one.excess,
               str(one.uneven).lower())  # fmt: skip
