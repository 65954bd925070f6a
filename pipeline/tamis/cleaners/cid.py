"""`cid`: glyph codes that an extraction from PDF left, `(cid:146)`, become the characters that a map tells."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Literal

import pyarrow as pa
from pydantic import Field, model_validator

from tamis.cleaners.contract import Cleaner, CleanerConfig, EachText, Example, Place
from tamis.errors import InputError

CODE = r"\(cid:([0-9]{1,6})\)"
Glyphs = dict[Annotated[str, Field(pattern=r"^[0-9]{1,6}$")], Annotated[str, Field(max_length=100)]]


class Cid(CleanerConfig):
    """What the codes stand for."""

    map: Glyphs = Field(default_factory=dict, json_schema_extra={"additionalProperties": False})
    """Code -> text: `{"146": "’", "133": "…"}`. It goes before the file."""
    file: Annotated[str, Field(min_length=1)] | None = None
    """A JSON file with such a map: a path relative to the recipe, `package:NAME/file` or `hub:NAME@REVISION/file`."""
    unknown: Literal["keep", "drop"] = "keep"
    """What becomes of codes that have no entry."""

    @model_validator(mode="after")
    def _does_something(self) -> Cid:
        if not self.map and self.file is None and self.unknown == "keep":
            raise ValueError("the cleaner would change nothing: give a `map`, a `file`, or `unknown: drop`")
        return self


def _files(config: Cid) -> dict[str, str]:
    return {"file": config.file} if config.file is not None else {}


def _prepare(config: Cid, place: Place) -> EachText:
    import pyarrow.compute as pc

    glyphs = {code: text for path in place.files.values() for code, text in _read(path).items()}
    glyphs |= {code.lstrip("0"): text for code, text in config.map.items()}
    code = re.compile(CODE)

    def clean(text: str) -> str:
        drop = config.unknown == "drop"
        return code.sub(lambda match: glyphs.get(match[1].lstrip("0"), "" if drop else match[0]), text)

    def concerns(texts: pa.Array) -> pa.Array:
        return pc.match_substring(texts, "(cid:")

    return EachText(clean, concerns)


def _read(path: Path) -> dict[str, str]:
    try:
        data = json.loads(path.read_bytes())
    except ValueError as error:
        raise InputError(f"{path}: no JSON ({error})") from None
    if not isinstance(data, dict) or not all(
        code.isascii() and code.isdigit() and isinstance(text, str) for code, text in data.items()
    ):
        raise InputError(f'{path}: a map of codes is a JSON object of digits and texts: {{"146": "’"}}')
    return {code.lstrip("0"): text for code, text in data.items()}


CLEANER = Cleaner(
    name="cid",
    version=1,
    title="glyph codes of PDF, (cid:146), become characters",
    about="A PDF may lack the table from its glyphs to characters; extractors then write codes. What they stand for "
    "depends on the fonts, so the map is the recipe's; codes without an entry stay, and can be found in the "
    "release.",
    config=Cid,
    prepare=_prepare,
    examples=(
        Example("L(cid:146)article 3(cid:7)", "L’article 3(cid:7)", {"map": {"146": "’"}}),
        Example("L(cid:146)article 3(cid:7)", "L’article 3", {"map": {"146": "’"}, "unknown": "drop"}),
    ),
    files=_files,
)
