"""`function`: a function of your own, by its dotted path."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Annotated

from pydantic import Field

from tamis.cleaners.contract import Cleaner, CleanerConfig, EachText, Example, Place
from tamis.errors import InputError


class Function(CleanerConfig):
    """Which function."""

    path: Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$", max_length=300)]
    """Module and name, `mymodule.clean`. The module is one that Python finds, or a file beside the recipe."""
    version: Annotated[str, Field(min_length=1, max_length=64)]
    """Raise it when the function changes: the source is then read anew."""


def _prepare(config: Function, place: Place) -> EachText:
    return EachText(_find(config.path, str(place.folder.resolve())))


def _find(path: str, folder: str) -> Callable[[str], str | None]:
    """Imports the function. Raises InputError when it can't be had."""
    module, _, name = path.rpartition(".")
    if folder not in sys.path:
        # Last: a file beside the recipe takes no installed module's place.
        sys.path.append(folder)
    try:
        found = getattr(importlib.import_module(module), name, None)
    except ModuleNotFoundError as error:
        raise InputError(
            f"cleaner function {path}: no module is called {error.name!r}. Put {module.partition('.')[0]}.py beside "
            "the recipe, or install its package"
        ) from None
    except Exception as error:  # noqa: BLE001  another's module may fail in any way
        raise InputError(
            f"cleaner function {path}: importing {module} failed: {type(error).__name__}: {error}"
        ) from None
    if not callable(found):
        raise InputError(f"cleaner function {path}: {module} has no function {name!r}")
    called: Callable[[str], str | None] = found
    return called


CLEANER = Cleaner(
    name="function",
    version=1,
    title="a function of your own",
    about="It takes a text (str) and returns the cleaned one, or None to reject the row (counted as "
    "`cleaner_rejected`). It should give the same for the same text, whatever it saw before: texts come in any"
    " order, in several processes. What it raises rejects the row.",
    config=Function,
    prepare=_prepare,
    examples=(Example("two  words", "Two Words", {"path": "string.capwords", "version": "1"}),),
)
