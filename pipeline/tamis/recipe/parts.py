"""Rows whose text lies in several fields, and how one document is made of them."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from tamis.described import Described
from tamis.recipe.base import Text


class Parts(Described, BaseModel):
    """How a document is made of several fields of its row."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    fields: Annotated[tuple[Text, ...], Field(min_length=1)]
    """Fields in the order of the document: `[question, answers]`. A field that holds a list of texts gives all of
    them, with a blank line between, and so does a field of the objects in a list (`answers.Body`); one that is missing
    or blank is passed over."""
    separator: Annotated[str, Field(max_length=100)] = "\n\n"
    """What stands between two fields."""
