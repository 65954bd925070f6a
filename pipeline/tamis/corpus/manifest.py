"""The manifest of a release: every fact about it, computed; cards and exports are views of it.

Nothing in it depends on when, where or by how many workers the release was made: the same recipe on the
same inputs gives the same bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from tamis.corpus.commit import read_json
from tamis.errors import InputError

FORMAT = 1
NAME = "manifest.json"


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SourceFacts(_Fact):
    """One source: what the recipe declares of it, and what reading it found."""

    name: str
    declared: dict[str, Any]
    """The recipe's fields: license, license_url, provider, url, version, selection, period, ..."""
    redistributable: bool
    files: int
    input_bytes: int
    fingerprint: str
    """Hash over names and contents of its input files."""
    read: int
    """Rows (or files, or paragraphs) met."""
    filtered: int
    """Left out on purpose: by row filters, a sample or a limit, and what a reader passes over by kind."""
    rejects: dict[str, int]
    """Unreadable, by cause. read = filtered + rejects + documents, always."""
    notes: dict[str, int]
    documents: int
    chars: int
    bytes: int


class StageFacts(_Fact):
    """One stage as it was used."""

    name: str
    version: int
    title: str
    options: dict[str, Any]
    """Measuring options that differ from the defaults."""
    settings: dict[str, Any]
    """Every measuring option in force, defaults included."""
    signals: dict[str, dict[str, str]]
    """Signal -> {unit, meaning, default (the literature's rule, in words), citation}."""
    rules: dict[str, str]
    """Signal -> condition, in words."""
    rules_by: list[dict[str, str]]
    """Overrides: column, value, signal, condition."""
    when: dict[str, str]
    models: dict[str, dict[str, str]]
    """name -> {reference, sha256}."""


class FunnelRow(_Fact):
    """Accounting of one source and language at one stage: documents_in = documents_out + sum(reasons)."""

    source: str
    stage: str
    documents_in: int
    documents_out: int
    chars_in: int
    chars_out: int
    measured: int
    reasons: dict[str, int]
    """First failed rule -> documents."""


class CompositionRow(_Fact):
    """What the release holds of one source, language, category and licence."""

    source: str
    language: str
    category: str
    license: str
    documents: int
    """Distinct documents in the release."""
    chars: int
    bytes: int
    """UTF-8 bytes of the ingested text."""
    tokens: int
    """Tokens of the distinct documents."""
    passed_documents: int
    """Documents that passed every rule, drawn by the mix or not."""
    passed_tokens: int
    epochs: float
    copies: int
    """Documents with repeats, as the mix has them."""
    mixed_tokens: int
    """Tokens with repeats."""


class CountRow(_Fact):
    """Findings of one kind in one language among released documents."""

    kind: str
    language: str
    documents: int
    found: int


class FileFacts(_Fact):
    """One file of the release."""

    path: str
    bytes: int
    sha256: str
    rows: int | None = None


class Manifest(_Fact):
    """All facts about a release."""

    format: int = FORMAT
    name: str
    version: str
    title: str
    identity: str
    """Hash of the recipe, the inputs and the code that measured: equal identities are equal releases."""
    recipe: dict[str, Any]
    software: dict[str, str]
    sources: tuple[SourceFacts, ...]
    stages: tuple[StageFacts, ...]
    funnel: tuple[FunnelRow, ...]
    dropped_by_language: dict[str, dict[str, int]]
    """language -> reason -> documents."""
    composition: tuple[CompositionRow, ...]
    pii: tuple[CountRow, ...]
    duplicates: dict[str, dict[str, int]]
    """resolver -> {clusters, documents, dropped, largest}."""
    tokenizer: dict[str, Any] | None
    mix: dict[str, Any] | None = None
    """The plan of the mix, phase by phase, as `tamis mix --json` prints it; None when nothing counts tokens."""
    mix_tables: dict[str, str] = {}
    """SHA-256 of each table that the mix names, by its path in the recipe."""
    card_template: str = ""
    """Text of the card's template, when the recipe names one."""
    totals: dict[str, int]
    files: tuple[FileFacts, ...]


def read_manifest(release: Path) -> Manifest:
    """The manifest of a release folder."""
    path = release / NAME
    if not path.exists():
        raise InputError(f"{release}: no release here ({NAME} is missing). `tamis run RECIPE` makes one")
    try:
        return Manifest.model_validate(read_json(path))
    except (ValidationError, ValueError) as error:
        raise InputError(f"{path}: not a manifest this version of Tamis reads: {error}") from None
