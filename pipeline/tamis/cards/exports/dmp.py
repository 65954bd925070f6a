"""`dmp.json`: the data management plan for machines (RDA DMP Common Standard 1.2).

The standard can't be without a contact's address and a date. Nothing is made up in their place: while they are not
declared, there is no dmp.json, and the card says what it lacks.
"""

from __future__ import annotations

from typing import Any

import langcodes

from tamis.cards.exports.declared import Held, card, held, license_urls, said, spelled, spoken, unique
from tamis.cards.exports.rai import personal_data
from tamis.cards.front_matter import languages
from tamis.cards.view import View

NAME = "dmp.json"
UNKNOWN = "unknown"


def lacking(view: View) -> list[str]:
    """Fields of the recipe's card that the standard requires, and nobody declared."""
    found = [key for key in ("contact_email", "released") if not card(view).get(key)]
    return found + ([] if contact_name(view) else ["creators"])


def contact_name(view: View) -> str | None:
    """Who the address belongs to: the creator who has it, else the publisher, else the first creator."""
    creators = card(view).get("creators", [])
    mine = [creator["name"] for creator in creators if creator.get("email") == card(view).get("contact_email")]
    first = [creator["name"] for creator in creators[:1]]
    return next(iter([*mine, *([card(view)["publisher"]] if "publisher" in card(view) else []), *first]), None)


def render(view: View) -> bytes:
    """The plan. Raises KeyError while `lacking` names something."""
    manifest, released = view.manifest, card(view)["released"]
    moment = f"{released}T00:00:00Z"
    plan = {
        "title": f"Data management plan of {manifest.title} {manifest.version}",
        "description": said(view, "motivation") or said(view, "summary"),
        "language": "eng",
        "created": moment,
        "modified": moment,
        "dmp_id": _identifier(view, "dmp"),
        "ethical_issues_exist": UNKNOWN,
        "ethical_issues_description": said(view, "ethics"),
        "contact": _contact(view),
        "contributor": [_person(creator) | {"role": ["Creator"]} for creator in _identified(view)],
        "project": _projects(view),
        "dataset": [_release(view), *(_source(view, source) for source in held(view))],
    }
    return spelled({"dmp": {key: value for key, value in plan.items() if value not in ("", [])}})


def _identifier(view: View, of: str = "") -> dict[str, str]:
    """DOI, address or, while there is neither, the release's identity."""
    doi, url = card(view).get("doi"), card(view).get("url")
    if doi and not of:
        return {"identifier": f"https://doi.org/{doi}", "type": "doi"}
    if url:
        return {"identifier": f"{url}#{of}" if of else url, "type": "url"}
    return {"identifier": f"{view.manifest.identity}{f'#{of}' if of else ''}", "type": "other"}


def _contact(view: View) -> dict[str, Any]:
    email = card(view)["contact_email"]
    person: dict[str, Any] = next((c for c in card(view).get("creators", []) if c.get("email") == email), {})
    identifier = {"identifier": person["orcid"], "type": "orcid"} if "orcid" in person else {
        "identifier": f"mailto:{email}", "type": "other"
    }  # fmt: skip
    return {"name": contact_name(view), "mbox": email, "contact_id": identifier}


def _identified(view: View) -> list[dict[str, Any]]:
    """Creators that something identifies: the standard takes no others."""
    return [c for c in card(view).get("creators", []) if {"orcid", "url", "email"} & c.keys()]


def _person(creator: dict[str, Any]) -> dict[str, Any]:
    identifier = (
        {"identifier": creator["orcid"], "type": "orcid"} if "orcid" in creator
        else {"identifier": creator["url"], "type": "url"} if "url" in creator
        else {"identifier": f"mailto:{creator['email']}", "type": "other"}
    )  # fmt: skip
    found = {"name": creator["name"], "contributor_id": identifier}
    return found | ({"mbox": creator["email"]} if "email" in creator else {})


def _projects(view: View) -> list[dict[str, Any]]:
    """A project for each funding; the standard wants an identifier of the funder."""
    found = []
    for one in card(view).get("funding", []):
        funding = {"funder_id": {"identifier": one["funder_url"], "type": "url"}} if "funder_url" in one else {
            "funder_id": {"identifier": one["funder"], "type": "other"}
        }  # fmt: skip
        if "grant" in one:
            funding["grant_id"] = {"identifier": one["grant"], "type": "other"}
        found.append({"title": one.get("project") or view.manifest.title, "funding": [funding]})
    return found


def _iso639(tags: list[str]) -> str | None:
    """The three letters of the only language, where ISO 639-1 has it, too: others the standard doesn't list."""
    if len(tags) != 1 or len(tags[0].partition("-")[0]) != 2:
        return None
    return str(langcodes.Language.get(tags[0]).to_alpha3())


def _release(view: View) -> dict[str, Any]:
    manifest = view.manifest
    found = {
        "title": f"{manifest.title} {manifest.version}",
        "dataset_id": _identifier(view),
        "type": "Dataset",
        "description": said(view, "summary"),
        "issued": card(view)["released"],
        "is_reused": False,
        "keyword": ["pretraining", "language modeling"],
        "language": _iso639([tag for tag in languages(view) if tag != "code"]),
        "personal_data": "yes" if any(row.found for row in manifest.pii) else UNKNOWN,
        "sensitive_data": UNKNOWN,
        "data_quality_assurance": [f"{stage.name}: {stage.title}" for stage in manifest.stages],
        "preservation_statement": said(view, "retention"),
        "rights": ", ".join(name for (name,) in view.sums("license")),
        "related_identifier": _derived(view),
        "metadata": [_standard("eng", "http://mlcommons.org/croissant/1.1", "croissant.json")],
        "security_and_privacy": [{"title": "Personal data", "description": personal_data(view)}],
        "technical_resource": [{"name": f"Tamis {manifest.software.get('tamis', '')}".strip()}],
        "distribution": _distribution(view),
    }
    return {key: value for key, value in found.items() if value not in (None, "", [])}


def _derived(view: View) -> list[dict[str, str]]:
    """What the release was made of: addresses of its sources, each once."""
    urls = unique(source.declared["url"] for source in held(view) if "url" in source.declared)
    return [{"identifier": str(url), "type": "url", "relation_type": "IsDerivedFrom"} for url in urls]


def _standard(language: str, address: str, description: str) -> dict[str, Any]:
    return {
        "language": language,
        "metadata_standard_id": {"identifier": address, "type": "url"},
        "description": description,
    }


def _distribution(view: View) -> list[dict[str, Any]]:
    """Where the recipe says who may have it: the standard can't be without."""
    said_ = card(view)
    if "access" not in said_:
        return []
    sources = held(view)
    addresses = sorted({url for (name,) in view.sums("license") for url in license_urls(view, name, sources)})
    host = said_.get("host")
    shards = [file for folder in ("data", "tokens") for file in view.files(folder)]
    found = {
        "title": f"{view.manifest.name}-{view.manifest.version}",
        "description": f"{view.manifest.totals['documents']} documents, {view.manifest.totals['tokens']} tokens",
        "data_access": said_["access"],
        "access_url": said_.get("url"),
        "byte_size": sum(file.bytes for file in shards),
        "format": ["application/vnd.apache.parquet"],
        "issued": said_["released"],
        "license": [{"license_ref": address, "start_date": said_["released"]} for address in addresses],
        "host": {"title": host["title"], "url": host["url"], **({"geo_location": host["country"]}
                 if "country" in host else {})} if host else None,
    }  # fmt: skip
    return [{key: value for key, value in found.items() if value not in (None, "", [])}]


def _source(view: View, source: Held) -> dict[str, Any]:
    """A source, as a dataset that is used again."""
    declared = source.declared
    url = declared.get("url")
    # Sources can share an address.
    identifier = {"identifier": f"{url}#{source.facts.name}", "type": "url"} if _address(url) else {
        "identifier": source.facts.fingerprint, "type": "other"
    }  # fmt: skip
    opt_out = declared.get("opt_out")
    looked = [{"title": "Reservations of rights", "description": _looked(opt_out)}] if opt_out else []
    version = f"Version {declared['version']}" if "version" in declared else ""
    found = {
        "title": source.title,
        "dataset_id": identifier,
        "type": "Dataset",
        "description": ". ".join(part for part in (declared.get("selection", ""), version) if part),
        "is_reused": True,
        "language": _iso639(spoken(view, source)),
        "keyword": declared.get("content"),
        "personal_data": UNKNOWN,
        "sensitive_data": UNKNOWN,
        "rights": declared.get("license") or "by document",
        "security_and_privacy": looked,
    }
    return {key: value for key, value in found.items() if value not in (None, "", [])}


def _address(url: Any) -> bool:
    return isinstance(url, str) and url.startswith(("http://", "https://"))


def _looked(opt_out: dict[str, Any]) -> str:
    who = "the provider" if opt_out.get("by") == "provider" else "us"
    when = f", {opt_out['checked']}" if "checked" in opt_out else ""
    result = f": {opt_out['result']}" if opt_out.get("result") else ""
    return f"{', '.join(opt_out['protocols'])}, looked for by {who}{when}{result}"
