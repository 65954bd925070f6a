"""What a source declares of how it came to be: facts that no machine can read from its files."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tamis.recipe.base import Date, Declared, Line, Prose, Url

Acquisition = Literal["public_dataset", "licensed", "private", "crawled", "user", "synthetic", "other"]
"""A dataset anyone may download; one licensed for money by its rights holders; another private one from a third
party; text crawled by you or for you; your users' data; text made by a model for you; anything else, such as
digitised books."""


class Synthetic(Declared):
    """The model that made a source's texts."""

    generator: Line
    """Name and version of the model."""
    license: Line | None = None
    """Under which licence or terms it may be used so."""
    url: Url | None = None
    """Where the model is described."""
    prompts: Prose = ""
    """What it was asked for: the prompts, their address or their checksum."""
    on_the_market: bool | None = None
    """Whether it is a general-purpose model on the Union market: then it stands in 2.5.c of the EU summary."""
    summary: Url | None = None
    """Its own public summary of training content, if there is one."""
    training_data: Prose = ""
    """Of a model that is not on the market: what it was trained on (EU summary 2.5.d)."""


class Crawler(Declared):
    """The program that fetched a source's texts."""

    name: Line
    """Name or user agent."""
    purpose: Prose = ""
    """What it fetches text for."""
    behaviour: Prose = ""
    """What it does on robots.txt and other protocols, captchas, paywalls and passwords."""
    period: Annotated[str, Field(max_length=100)] = ""
    """When it ran, `03/2024 to 05/2025`."""


class OptOut(Declared):
    """Reservations of rights that were looked for."""

    protocols: Annotated[tuple[Line, ...], Field(min_length=1)]
    """Which ones: robots.txt, TDMRep, ai.txt, terms of use, ..."""
    by: Literal["us", "provider"] = "us"
    """Who looked: you, or the provider of the dataset."""
    checked: Date | None = None
    """When."""
    result: Prose = ""
    """What was found, and what became of it."""
