"""Epochs that a recipe takes from another one, so that a plan of a mix and the corpus it is for say them once.

mix: {epochs: mix.yaml}    # as `mix.epochs` stands in mix.yaml, which lies beside the recipe
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tamis.errors import UserError
from tamis.recipe.problems import Problems
from tamis.recipe.yaml_lines import plain, read_yaml


def borrow_epochs(data: Any, file: str) -> None:
    """Puts the epochs of the recipe that `mix.epochs` names in its place, in recipe `data` of `file`. So identity,
    manifest and card have the epochs themselves. Raises RecipeError when there are none."""
    mix = data.get("mix")
    named = mix.get("epochs") if isinstance(mix, dict) else None
    if not isinstance(named, str):
        return
    problems, path = Problems(file, data), ("mix", "epochs")
    try:
        other = read_yaml(Path(file).parent / named).get("mix")
    except UserError as error:
        problems.add(path, f"mix.epochs: {error}")
        problems.raise_any()
        return
    epochs = other.get("epochs") if isinstance(other, dict) else None
    if not isinstance(epochs, dict):
        problems.add(path, f"mix.epochs: {named} has no epochs to take: write them there, as mix: {{epochs: {{...}}}}")
        problems.raise_any()
    mix["epochs"] = plain(epochs)
