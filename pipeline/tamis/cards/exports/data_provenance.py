"""`data_provenance.json`: the 22 fields of the Data & Trust Alliance's Data Provenance Standards 1.0.0."""

from __future__ import annotations

from typing import Any

from tamis.cards.exports.declared import card, held, said, spelled, unique
from tamis.cards.exports.eu_answer import places
from tamis.cards.exports.rai import personal_data
from tamis.cards.view import View

NAME = "data_provenance.json"
VERSION = "1.0.0"
NOT_DECLARED = "not declared"
Field = tuple[Any, tuple[str, ...]]
"""A value, and where in the manifest it stands."""


def render(view: View) -> bytes:
    """The three groups of fields; one that nobody declared says so."""
    groups = {"source": _source(view), "provenance": _provenance(view), "use": _use(view)}
    return spelled({"standards": "Data Provenance Standards", **{
        group: {name: _worded(value, at) for name, (value, at) in fields.items()} for group, fields in groups.items()
    }})  # fmt: skip


def _worded(value: Any, at: tuple[str, ...]) -> dict[str, Any]:
    if value in (None, "", [], {}):
        return {"value": None, "status": NOT_DECLARED}
    return {"value": value, "status": "declared", "from": [f"manifest.json: {place}" for place in at]}


def _of_card(view: View, key: str) -> Field:
    return card(view).get(key), (f"recipe.card.{key}",)


def _source(view: View) -> dict[str, Field]:
    manifest = view.manifest
    doi = card(view).get("doi")
    unique_id = (f"https://doi.org/{doi}", ("recipe.card.doi",)) if doi else (manifest.identity, ("identity",))
    issuer = _of_card(view, "publisher")
    if not issuer[0] and card(view).get("creators"):
        issuer = card(view)["creators"][0]["name"], ("recipe.card.creators[0].name",)
    return {
        "standards_version_used": (VERSION, ()),
        "dataset_title": (f"{manifest.title} {manifest.version}", ("title", "version")),
        "unique_metadata_identifier": unique_id,
        "metadata_location": _of_card(view, "url"),
        "dataset_issuer": issuer,
        "description_of_the_dataset": _of_card(view, "summary"),
    }


def _provenance(view: View) -> dict[str, Field]:
    sources = held(view)
    metadata = [
        {key: value for key, value in (("name", source.title), ("url", source.declared.get("url")),
                                       ("version", source.declared.get("version")),
                                       ("fingerprint", source.facts.fingerprint)) if value}
        for source in sources
    ]  # fmt: skip
    regions = unique(region for source in sources for region in source.declared.get("geography", ()))
    ways = unique(source.declared["acquisition"] for source in sources if "acquisition" in source.declared)
    periods = unique(source.declared["period"] for source in sources if "period" in source.declared)
    method = {"acquisition": ways, "stages": [stage.name for stage in view.manifest.stages]}
    return {
        "source_metadata_for_dataset": (metadata, tuple(source.place for source in sources)),
        "source_if_different_from_issuer": (
            unique(source.declared["provider"] for source in sources if "provider" in source.declared),
            places(sources, "provider"),
        ),
        "data_origin_geography": (regions, places(sources, "geography")),
        "dataset_issue_date": _of_card(view, "released"),
        "date_of_previously_issued_version": (None, ()),
        "range_of_dates_for_data_generation": (periods, places(sources, "period")),
        "method": (method, ("stages", *places(sources, "acquisition"))),
        "data_format": (["Apache Parquet", "UTF-8 text"], ("files",)),
    }


def _use(view: View) -> dict[str, Field]:
    sources = held(view)
    host = card(view).get("host", {})
    bound = [source.facts.name for source in sources if not source.facts.redistributable]
    rights = {
        "licensed material": [name for (name,) in view.sums("license")],
        "sources that may not be handed on": bound,
    }
    pets = personal_data(view) if view.stage("pii") is not None else None
    return {
        "confidentiality_classification": _of_card(view, "confidentiality"),
        "consent_documentation_location": _of_card(view, "consent"),
        "privacy_enhancing_technologies_applied": (pets, ("pii", "stages")),
        "data_processing_geography": _of_card(view, "processing_geography"),
        "data_storage_geography": (host.get("country"), ("recipe.card.host.country",)),
        "license_to_use": ([name for (name,) in view.sums("license")], ("composition",)),
        "intended_data_use": (said(view, "intended_uses"), ("recipe.card.intended_uses",)),
        "proprietary_data_presence": (rights, ("composition", *(f"{source.place}.redistributable"
                                                               for source in sources if source.facts.name in bound))),
    }  # fmt: skip
