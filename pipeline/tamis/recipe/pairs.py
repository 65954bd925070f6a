"""Aligned texts: rows that hold the same text in two languages, and how one document is made of them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from tamis.described import Described
from tamis.recipe.base import Text
from tamis.recipe.languages import CODE, check_language

Share = Annotated[float, Field(ge=0, le=1)]
Language = Annotated[str, AfterValidator(check_language)]
_Piece = Annotated[str, Field(max_length=100)]


class Pairs(Described, BaseModel):
    """How a document is made of two aligned texts. Everything is drawn by a hash of the seed and the row's id (of its
    texts, without one), so a row reads the same in every run. The defaults are those of the Lucie training set."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    columns: Annotated[dict[Language, Text], Field(min_length=2, max_length=2)]
    """Language -> field of the source that holds the text in it: `{fr: text_fr, en: text_en}`. Two of them; the first
    stands first where nothing is turned round. Where both name one field, its text is cut where one language ends."""
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = 0
    """Another seed draws otherwise."""
    prefix: Share = 0.5
    """Share of the documents that name the language before each text."""
    inverted: Share = 0.5
    """Of those, the share with the second language first."""
    capitalized: Share = 0.5
    """Of those, the share whose names of languages have a capital, where brackets, a tab or a line end set them apart;
    elsewhere all have one."""
    separators: Annotated[tuple[_Piece, ...], Field(min_length=1)] = (
        " ", "   ", "    ", "     ", "\t", "\t\t", "\n", "\n\n"
    )  # fmt: skip
    """What stands between the texts: one is drawn. What is listed twice is drawn twice as often."""
    brackets: Annotated[tuple[_Piece, ...], Field(min_length=1)] = ("", "", "", "", "[]", "()", "{}", "<>")
    """Around a language's name: two characters, or none."""
    marks: Annotated[tuple[_Piece, ...], Field(min_length=1)] = (". ", ": ", " : ", "- ", "-- ", "— ", "\n")
    """Behind a language's name; within brackets only a colon stays."""
    names: Annotated[tuple[Literal["code", "own", "first", "second"], ...], Field(min_length=1)] = (
        "code", "own", "first", "second"
    )  # fmt: skip
    """How languages are named: by `code` (fr; only where brackets, a tab or a line end set it apart), each in its own
    language (français, english), or both in the first or the second one."""

    @field_validator("columns")
    @classmethod
    def _named(cls, columns: dict[str, str]) -> dict[str, str]:
        for language in columns:
            if language in (CODE, "und"):
                raise ValueError(f"{language!r} has no name to write before a text: pairs are of two languages")
        return columns

    @field_validator("brackets")
    @classmethod
    def _two(cls, brackets: tuple[str, ...]) -> tuple[str, ...]:
        for pair in brackets:
            if len(pair) not in (0, 2):
                raise ValueError(f"brackets are an opening and a closing one, such as '[]', or '' (got {pair!r})")
        return brackets

    @property
    def languages(self) -> tuple[str, str]:
        """The two languages, in the order of `columns`."""
        first, second = self.columns
        return first, second

    @property
    def in_one_field(self) -> bool:
        """Whether both texts stand in one field."""
        return len(set(self.columns.values())) == 1

    @property
    def tag(self) -> str:
        """The documents' language: both, as the mix names cells of aligned texts (`fr-en`)."""
        return "-".join(language.partition("-")[0] for language in self.columns)
