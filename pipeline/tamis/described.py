"""Docstrings under the fields of a model, as the descriptions of its JSON Schema; read when a schema is made.

Pydantic's own `use_attribute_docstrings` parses the source of every class as it is defined, in every process that
imports it: tens of milliseconds that only `tamis schema` and `tamis stages` have a use for.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from itertools import pairwise
from typing import Any

from pydantic import BaseModel, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue


class Described:
    """Base, before `BaseModel`, of models whose fields say in docstrings what they are."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """The schema with a description of each field that has a docstring."""
        schema = handler(core_schema)
        fields = handler.resolve_ref_schema(schema).get("properties", {})
        assert issubclass(cls, BaseModel)
        for name, text in docstrings(cls).items():
            if name in fields:
                fields[name].setdefault("description", text)
        return schema


def docstrings(model: type[BaseModel]) -> dict[str, str]:
    """What stands under the fields of a model and of those that it extends."""
    found: dict[str, str] = {}
    for one in reversed(model.__mro__):
        if one is BaseModel or not issubclass(one, BaseModel):
            continue
        [body] = ast.parse(textwrap.dedent(inspect.getsource(one))).body
        assert isinstance(body, ast.ClassDef)
        for field, text in pairwise(body.body):
            if (
                isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
                and isinstance(text, ast.Expr)
                and isinstance(text.value, ast.Constant)
                and isinstance(text.value.value, str)
            ):
                found[field.target.id] = inspect.cleandoc(text.value.value)
    return found
