"""`croissant.json`: the release in MLCommons Croissant 1.1, with the vocabularies of RAI 1.0 and W3C PROV.

A loader reads records through the file sets; every shard is listed with its size and checksum. Addresses are
relative to the file, so the description holds wherever the release lies.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from tamis.cards.exports import rai
from tamis.cards.exports.declared import card, held, license_urls, said, spelled, unique
from tamis.cards.front_matter import languages
from tamis.cards.usage import MEANINGS
from tamis.cards.view import Sum, View

NAME = "croissant.json"
CONFORMS = ("http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0")
PARQUET = "application/x-parquet"
LISTED = 5000
"""Shards that are listed one by one at most; of more, the file would weigh megabytes, and SHA256SUMS has them."""
_OWN = (
    "annotation", "arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "excludes", "extract",
    "field", "fileObject", "fileProperty", "fileSet", "format", "includes", "isArray", "isLiveDataset", "jsonPath",
    "key", "md5", "parentField", "path", "readLines", "recordSet", "references", "regex", "repeated", "replace",
    "samplingRate", "sdVersion", "separator", "source", "subField", "transform", "unArchive", "value",
)  # fmt: skip
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "prov": "http://www.w3.org/ns/prov#",
    "wd": "http://www.wikidata.org/entity/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    **{name: f"cr:{name}" for name in _OWN},
}
"""The terms that Croissant 1.1 asks for, and PROV."""
_STATISTICS = (("documents", "number of documents"), ("chars", "characters before edits"), ("tokens", "tokens"))


def render(view: View) -> bytes:
    """The description."""
    manifest = view.manifest
    fields: dict[str, Any] = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": list(CONFORMS),
        "name": manifest.name,
        "alternateName": manifest.title,
        "description": said(view, "summary") or manifest.title,
        "version": manifest.version,
        "identifier": [f"https://doi.org/{card(view)['doi']}"] if "doi" in card(view) else None,
        "url": card(view).get("url"),
        "datePublished": card(view).get("released"),
        "license": _licenses(view),
        "usageInfo": "LICENSES.md",
        "citeAs": said(view, "citation"),
        "creator": [_agent(creator) for creator in card(view).get("creators", ())],
        "publisher": _organization(card(view).get("publisher")),
        "funding": [_grant(one) for one in card(view).get("funding", ())],
        "keywords": ["pretraining", "language modeling", *_categories(view)],
        "inLanguage": [tag for tag in languages(view) if tag != "code"],
        "isLiveDataset": False,
        **rai.properties(view),
        "distribution": _distribution(view),
        "recordSet": _record_sets(view),
    }
    return spelled({name: value for name, value in fields.items() if value not in (None, "", [])})


def _licenses(view: View) -> list[str]:
    sources = held(view)
    return sorted({url for (name,) in view.sums("license") for url in license_urls(view, name, sources)})


def _categories(view: View) -> list[str]:
    return unique(name for (name,) in view.sums("category") if name != "none")


def _agent(creator: dict[str, Any]) -> dict[str, Any]:
    person = creator.get("type", "person") == "person"
    found = {
        "@type": "sc:Person" if person else "sc:Organization",
        "name": creator["name"],
        "affiliation": _organization(creator.get("affiliation")),
        "identifier": f"https://orcid.org/{creator['orcid']}" if "orcid" in creator else None,
        "email": creator.get("email"),
        "url": creator.get("url"),
    }
    return {name: value for name, value in found.items() if value}


def _organization(name: str | None) -> dict[str, Any] | None:
    return {"@type": "sc:Organization", "name": name} if name else None


def _grant(funding: dict[str, Any]) -> dict[str, Any]:
    funder = {"@type": "sc:Organization", "name": funding["funder"], "url": funding.get("funder_url")}
    found = {
        "@type": "sc:Grant",
        "name": funding.get("project"),
        "identifier": funding.get("grant"),
        "funder": {name: value for name, value in funder.items() if value},
    }
    return {name: value for name, value in found.items() if value}


def _sets(view: View) -> list[tuple[str, str, str, Sum]]:
    """Identifier, what it holds, glob and sums of every file set."""
    sums = view.sums("language")
    whole = sum(sums.values(), start=Sum())
    found = [("default", "All texts", "data/*/*.parquet", whole)]
    found += [(f"language-{tag}", f"Texts in `{tag}`", f"data/{tag}/*.parquet", cell) for (tag,), cell in sums.items()]
    if view.files("tokens"):
        what = "Token ids of all texts, row for row the same documents"
        found.append(("tokens", what, "tokens/*/*.parquet", whole))
    return found


def _distribution(view: View) -> list[dict[str, Any]]:
    sets = [
        {
            "@type": "cr:FileSet",
            "@id": f"{name}-files",
            "name": f"{name}-files",
            "description": what,
            "encodingFormat": PARQUET,
            "includes": glob,
        }
        for name, what, glob, _ in _sets(view)
    ]
    shards = view.files("data") + view.files("tokens")
    files = [
        {
            "@type": "cr:FileObject",
            "@id": file.path,
            "name": file.path,
            "contentUrl": file.path,
            "contentSize": f"{file.bytes} B",
            "encodingFormat": PARQUET,
            "sha256": file.sha256,
        }
        for file in sorted(shards, key=lambda file: file.path)
    ]
    return sets + (files if len(files) <= LISTED else [])


def _record_sets(view: View) -> list[dict[str, Any]]:
    found = []
    for name, what, _, cell in _sets(view):
        schema = view.schemas["tokens" if name == "tokens" else "data"]
        found.append(
            {
                "@type": "cr:RecordSet",
                "@id": name,
                "name": name,
                "description": what,
                "key": {"@id": f"{name}/id"},
                "field": [_field(name, field) for field in schema],
                "annotation": [
                    {
                        "@type": "cr:Field",
                        "@id": f"{name}/count/{sum_}",
                        "name": f"{name}/count/{sum_}",
                        "description": meaning,
                        # Wikidata: cardinality.
                        "dataType": ["sc:Integer", "wd:Q4049983"],
                        "value": getattr(cell, sum_),
                    }
                    for sum_, meaning in _STATISTICS
                ],
            }
        )
    return found


def _field(name: str, field: pa.Field) -> dict[str, Any]:
    many = pa.types.is_list(field.type) or pa.types.is_large_list(field.type)
    type_ = field.type.value_type if many else field.type
    found: dict[str, Any] = {
        "@type": "cr:Field",
        "@id": f"{name}/{field.name}",
        "name": field.name,
        "description": MEANINGS.get(field.name, field.name),
        "dataType": _data_type(field.name, type_),
        "source": {"fileSet": {"@id": f"{name}-files"}, "extract": {"column": field.name}},
    }
    return found | ({"isArray": True, "arrayShape": "-1"} if many else {})


def _data_type(name: str, type_: pa.DataType) -> str:
    if pa.types.is_integer(type_):
        return "sc:Integer"
    if pa.types.is_floating(type_):
        return "sc:Float"
    if pa.types.is_boolean(type_):
        return "sc:Boolean"
    return "sc:URL" if name == "url" else "sc:Text"
