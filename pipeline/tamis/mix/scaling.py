"""What scaling laws say about a plan."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tamis.mix.words import amount

CHINCHILLA = 20.0
"""Tokens per parameter of compute-optimal training (Hoffmann et al. 2022, Training Compute-Optimal Large Language
Models, section 3)."""
R_STAR = 15.39
"""Repetitions after which repeated data have lost 1 - 1/e of their worth (Muennighoff et al. 2023, Scaling
Data-Constrained Language Models, section 6)."""


def effective_tokens(unique: npt.NDArray[np.float64], seen: npt.NDArray[np.float64]) -> float:
    """What the tokens seen are worth in tokens seen once, cell by cell: U + U * R* * (1 - exp(-R / R*)), where U are
    unique tokens and R repetitions, the epochs beyond the first (Muennighoff et al. 2023, equation 5)."""
    used = np.minimum(unique, seen)
    repeats = np.where(used > 0, seen / np.where(used > 0, used, 1.0) - 1.0, 0.0)
    return float((used + used * R_STAR * -np.expm1(-repeats / R_STAR)).sum())


def scaling_notes(tokens: int, parameters: int | None) -> list[str]:
    """Sentences about the tokens of all phases beside the model's parameters."""
    if parameters is None:
        return []
    ratio = tokens / parameters
    beside = "above" if ratio >= CHINCHILLA else "below"
    return [
        f"{amount(tokens)} tokens for {amount(parameters)} parameters: {ratio:,.1f} tokens a parameter, {beside} the "
        f"{CHINCHILLA:g} of compute-optimal training (Hoffmann et al. 2022)"
    ]
