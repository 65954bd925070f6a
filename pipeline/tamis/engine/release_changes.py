"""What changed between two releases, all of it: settings from their manifests, documents from their ledgers."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from tamis.corpus.changes import ChangeSummary, PartRow, ReleaseChanges, SettingChange
from tamis.corpus.commit import canonical_json
from tamis.corpus.manifest import Manifest, StageFacts
from tamis.engine.document_changes import LABELS, Joined, Side, compare_documents

HEADLINES = ("documents", "copies", "tokens", "mixed_tokens", "chars", "bytes", "ingested")
"""Totals of a manifest that a summary has."""
_APART = ("name", "version", "title", "sources", "stages", "card")
"""Parts of a recipe that are compared in their own way."""
_HASH = 12
"""Digits of a hash that are shown."""


def changes_between(
    before: Side, after: Side, scratch: Path | None = None, each: Callable[[pl.DataFrame], None] | None = None
) -> ReleaseChanges:
    """Compares two releases; `each` as in `compare_documents`. Files in the making go to a folder in `scratch`, or
    where the system keeps such."""
    with tempfile.TemporaryDirectory(prefix="tamis-diff-", dir=scratch) as folder:
        joined = compare_documents(before, after, Path(folder), each)
    old, new = before.manifest, after.manifest
    summary = ChangeSummary(
        version=new.version,
        identity=new.identity,
        totals=_headlines(new),
        previous_version=old.version,
        previous_identity=old.identity,
        totals_before=_headlines(old),
        documents=joined.documents,
        settings=tuple(settings_between(old, new)),
    )
    earlier = (old.changes.summary, *old.changes.earlier) if old.changes is not None else (_first(old),)
    return ReleaseChanges(
        summary=summary, moves=joined.move_rows, parts=tuple(_parts(old, new, joined)), earlier=earlier
    )


def _headlines(manifest: Manifest) -> dict[str, int]:
    return {name: manifest.totals.get(name, 0) for name in HEADLINES}


def _first(manifest: Manifest) -> ChangeSummary:
    """The start of the chain: a release that names none before it."""
    return ChangeSummary(version=manifest.version, identity=manifest.identity, totals=_headlines(manifest))


def _parts(old: Manifest, new: Manifest, joined: Joined) -> Iterable[PartRow]:
    """What both hold of every source, language, category and licence; where nothing differs, no row."""
    for kind in LABELS:
        sides = []
        for manifest in (old, new):
            sums: dict[str, tuple[int, int]] = {}
            for cell in manifest.composition:
                name = getattr(cell, kind)
                documents, tokens = sums.get(name, (0, 0))
                sums[name] = documents + cell.documents, tokens + cell.tokens
            sides.append(sums)
        moved = {name for of, name in joined.parts if of == kind}
        for name in sorted({*sides[0], *sides[1], *moved}):
            (documents, tokens), (now, tokens_now) = (side.get(name, (0, 0)) for side in sides)
            counts: Mapping[str, int] = joined.parts.get((kind, name), {})
            row = PartRow(
                kind=kind, name=name, documents_before=documents, documents_after=now, tokens_before=tokens,
                tokens_after=tokens_now, added=counts.get("added", 0), removed=counts.get("removed", 0),
            )  # fmt: skip
            if (documents, tokens) != (now, tokens_now) or row.added or row.removed:
                yield row


def settings_between(old: Manifest, new: Manifest) -> list[SettingChange]:
    """What is set or recorded otherwise, in the order of the recipe: sources, stages, the rest, software."""
    return [
        *_sources(old, new),
        *_stages(old, new),
        *_leaves_between("recipe", _rest(old.recipe), _rest(new.recipe)),
        *_between("recipe", _tables(old), _tables(new)),
        *_between("software", old.software, new.software),
    ]


def _sources(old: Manifest, new: Manifest) -> Iterable[SettingChange]:
    before = {source.name: source for source in old.sources}
    after = {source.name: source for source in new.sources}
    written = [{one.get("name"): one for one in manifest.recipe.get("sources", [])} for manifest in (old, new)]
    for name in _names(before, after):
        if name not in before or name not in after:
            told = [f"{side[name].documents} documents" if name in side else "" for side in (before, after)]
            yield SettingChange(area="source", name=name, before=told[0], after=told[1])
            continue
        yield from _leaves_between("source", written[0].get(name, {}), written[1].get(name, {}), f"{name}.")
        if before[name].fingerprint != after[name].fingerprint:
            told = [
                f"{side[name].files} files, fingerprint {side[name].fingerprint[:_HASH]}" for side in (before, after)
            ]
            yield SettingChange(area="source", name=f"{name} (files)", before=told[0], after=told[1])


def _stages(old: Manifest, new: Manifest) -> Iterable[SettingChange]:
    before, after = ({stage.name: stage for stage in manifest.stages} for manifest in (old, new))
    for name in _names(before, after):
        told = [f"version {side[name].version}" if name in side else "" for side in (before, after)]
        if told[0] != told[1]:
            yield SettingChange(area="stage", name=name, before=told[0], after=told[1])
        if name in before and name in after:
            yield from _stage(before[name], after[name])
    common = [[name for name in side if name in before and name in after] for side in (before, after)]
    if common[0] != common[1]:
        yield SettingChange(area="stage", name="order", before=", ".join(common[0]), after=", ".join(common[1]))


def _stage(old: StageFacts, new: StageFacts) -> Iterable[SettingChange]:
    yield from _between("rule", _rules(old), _rules(new), f"{new.name}.")
    yield from _between("when", old.when, new.when, f"{new.name}.")
    yield from _leaves_between("option", old.settings, new.settings, f"{new.name}.")
    models = [
        {name: f"{model['reference']}, SHA-256 {model['sha256'][:_HASH]}" for name, model in stage.models.items()}
        for stage in (old, new)
    ]
    yield from _between("model", models[0], models[1], f"{new.name}.")


def _rules(stage: StageFacts) -> dict[str, str]:
    overrides = {
        f"{rule['signal']} where {rule['column']} is {rule['value']}": rule["condition"] for rule in stage.rules_by
    }
    return dict(stage.rules) | overrides


def _rest(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """The recipe without what is compared in its own way; of the card's prose, its lengths."""
    rest = {key: value for key, value in recipe.items() if key not in _APART}
    release = {key: value for key, value in rest.get("release", {}).items() if key != "previous"}
    prose = {key: f"{len(str(value))} characters" for key, value in recipe.get("card", {}).items()}
    return rest | {"release": release, "card": prose}


def _tables(manifest: Manifest) -> dict[str, str]:
    return {f"{path} (content)": f"SHA-256 {sha256[:_HASH]}" for path, sha256 in manifest.mix_tables.items()}


def _names(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Names of both: in the later one's order, then those that are gone."""
    return [*after, *(name for name in before if name not in after)]


def _between(area: str, old: Mapping[str, str], new: Mapping[str, str], start: str = "") -> Iterable[SettingChange]:
    for name in _names(old, new):
        before, after = old.get(name, ""), new.get(name, "")
        if before != after:
            yield SettingChange(area=area, name=f"{start}{name}", before=before, after=after)


def _leaves_between(area: str, old: Any, new: Any, start: str = "") -> Iterable[SettingChange]:
    return _between(area, dict(_leaves(old)), dict(_leaves(new)), start)


def _leaves(data: Any, path: str = "") -> Iterable[tuple[str, str]]:
    """JSON data leaf by leaf: `epochs.fr--news`, `2.5`. A list is one leaf, as its places say nothing."""
    if isinstance(data, Mapping):
        for key in sorted(data):
            yield from _leaves(data[key], f"{path}.{key}" if path else str(key))
    else:
        yield path, data if isinstance(data, str) else canonical_json(data).decode()
