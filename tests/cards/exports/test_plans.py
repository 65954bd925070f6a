"""Data management plans and the provenance standards: valid, complete, and silent on what nobody said."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import duckdb
import madmpy
import pytest

from tamis.cards.exports import data_provenance, dmp, pgd
from tamis.cards.view import View
from tamis.corpus.commit import read_json

FIELDS = (6, 8, 8)
"""Fields of the standard's three groups."""


def plan(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / dmp.NAME).read_text(encoding="utf-8"))["dmp"]
    return found


def test_the_plan_is_valid_by_the_standards_own_validator(declared: Path) -> None:
    assert madmpy.validate_DMP(str(declared / dmp.NAME)) is True


def test_the_plan_says_what_is_declared_and_no_more(declared: Path) -> None:
    found = plan(declared)
    assert found["contact"] == {
        "name": "Jeanne Exemple",
        "mbox": "jeanne@example.org",
        "contact_id": {"identifier": "0000-0002-1825-0097", "type": "orcid"},
    }
    release, *sources = found["dataset"]
    assert [source["title"] for source in sources] == ["The Example Web", "web-fr", "code", "closed"]
    assert {source["is_reused"] for source in sources} == {True} and release["is_reused"] is False
    assert {source["sensitive_data"] for source in sources} == {"unknown"}
    assert release["distribution"][0]["host"] == {
        "title": "Exemple Dépôt", "url": "https://example.org/depot", "geo_location": "FR"
    }  # fmt: skip
    rows, tokens = duckdb.sql(
        f"select count(*), sum(tokens) from read_parquet('{declared}/data/*/*.parquet')"
    ).fetchall()[0]
    assert release["distribution"][0]["description"] == f"{rows} documents, {tokens} tokens"
    size = sum(path.stat().st_size for path in declared.glob("*/*/*.parquet"))
    assert release["distribution"][0]["byte_size"] == size


def test_each_field_that_the_standard_requires_is_asked_for(view: View, tmp_path: Path) -> None:
    """Without one of them there is no plan; with the three alone it is valid."""
    card = view.manifest.recipe["card"]
    least = {key: card[key] for key in ("contact_email", "released", "publisher")}

    def having(said: dict[str, Any]) -> View:
        manifest = view.manifest.model_copy(update={"recipe": view.manifest.recipe | {"card": said}})
        return dataclasses.replace(view, manifest=manifest)

    assert dmp.lacking(having(least)) == []
    (tmp_path / dmp.NAME).write_bytes(dmp.render(having(least)))
    assert madmpy.validate_DMP(str(tmp_path / dmp.NAME)) is True
    for key, asked in (("contact_email", "contact_email"), ("released", "released"), ("publisher", "creators")):
        assert dmp.lacking(having({k: v for k, v in least.items() if k != key})) == [asked]


def test_a_plan_that_would_not_be_valid_is_not_written(release: Path) -> None:
    assert not (release / dmp.NAME).exists()
    readme = (release / "README.md").read_text(encoding="utf-8")
    assert "`dmp.json` is not written" in readme and "`card.contact_email`" in readme


def test_the_french_plan_has_every_question_in_order(declared: Path) -> None:
    text = (declared / pgd.NAME).read_text(encoding="utf-8")
    places = [text.index(f"## {number} {title}") for number, title, *_ in pgd.QUESTIONS]
    assert places == sorted(places) and len(places) == 16
    totals = read_json(declared / "manifest.json")["totals"]
    shown = f"{totals['tokens']:,}".replace(",", "\u202f")
    assert f"| Tokens | {shown} |" in text
    assert "jeu de données public" in text and "remplacées par une étiquette" in text
    # Two sources have no address, and not every one says where its licence is or was looked at for reservations.
    assert text.count("*À compléter*") == text.count("\n| 1a") + text.count("\n| 4b") == 2


def test_open_points_of_the_french_plan_are_listed(release: Path) -> None:
    text = (release / pgd.NAME).read_text(encoding="utf-8")
    points = text[text.index("## Points ouverts") :]
    for number, title, _, asks in pgd.QUESTIONS:
        assert (f"| {number} | {title} |" in points) == bool(asks)


@pytest.mark.parametrize("name", ["declared", "release"])
def test_provenance_has_the_22_fields(name: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(name)
    found = json.loads((folder / data_provenance.NAME).read_text(encoding="utf-8"))
    assert tuple(len(found[group]) for group in ("source", "provenance", "use")) == FIELDS
    fields = {key: field for group in ("source", "provenance", "use") for key, field in found[group].items()}
    assert len(fields) == 22
    for field in fields.values():
        assert (field["value"] is None) == (field["status"] == "not declared")
    silent = {key for key, field in fields.items() if field["value"] is None}
    if name == "declared":
        assert silent == {"date_of_previously_issued_version"}
    else:
        assert {"data_origin_geography", "dataset_issue_date", "confidentiality_classification"} <= silent
