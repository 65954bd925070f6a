"""Docstrings of fields against what pydantic itself reads."""

from __future__ import annotations

import pytest
from pydantic import BaseModel
from pydantic._internal._docs_extraction import extract_docstrings_from_cls

from tamis.described import Described, docstrings
from tamis.recipe import model


class Part(Described, BaseModel):
    first: int = 1
    """Of the base.

    Two paragraphs."""
    second: str = ""
    "one that is told anew"


class Whole(Part):
    second: str = "x"
    """Anew."""
    third: Part = Part()
    """A part."""
    plain: int = 0


@pytest.mark.parametrize("one", [Whole, Part, model.SourceFields, model.Source, model.Mix, model.Recipe])
def test_descriptions_are_those_that_pydantic_reads(one: type[BaseModel]) -> None:
    wanted: dict[str, str] = {}
    for base in reversed(one.__mro__):
        if base is not BaseModel and issubclass(base, BaseModel):
            wanted |= extract_docstrings_from_cls(base, use_inspect=True)
    assert docstrings(one) == wanted
    assert wanted or one is model.Recipe


def test_a_schema_has_them() -> None:
    fields = Whole.model_json_schema()["properties"]
    assert fields["first"]["description"] == "Of the base.\n\nTwo paragraphs."
    assert fields["second"]["description"] == "Anew."
    assert fields["third"]["description"] == "A part." and "$ref" in fields["third"]
    assert "description" not in fields["plain"]
