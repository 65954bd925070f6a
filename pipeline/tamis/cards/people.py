"""Section on who made, paid for, publishes and keeps a release; what it says is declared in the recipe."""

from __future__ import annotations

from typing import Any

from tamis.cards.markdown import code, link, section, table, text

ACCESS = {"open": "open to anyone", "shared": "on conditions", "closed": "to nobody else"}


def people(written: dict[str, Any]) -> str:
    """The section, if the recipe's card says anything for it."""
    rows = [*(("Creator", _creator(one)) for one in written.get("creators", ()))]
    rows += [("Publisher", text(written["publisher"]))] if "publisher" in written else []
    rows += [("Funding", _funding(one)) for one in written.get("funding", ())]
    rows += [("Published", text(written["released"]))] if "released" in written else []
    rows += [("Address", link(written["url"]))] if "url" in written else []
    rows += [("DOI", link(f"https://doi.org/{written['doi']}"))] if "doi" in written else []
    host = written.get("host")
    if host:
        where = f", {text(host['country'])}" if "country" in host else ""
        rows.append(("Kept at", f"{text(host['title'])}, {link(host['url'])}{where}"))
    rows += [("Access", ACCESS[written["access"]])] if "access" in written else []
    rows += [("E-mail", code(written["contact_email"]))] if "contact_email" in written else []
    return section("People and publication", table(("", ""), "ll", rows)) if rows else ""


def _creator(creator: dict[str, Any]) -> str:
    more = [text(creator["affiliation"])] if "affiliation" in creator else []
    more += [link(f"https://orcid.org/{creator['orcid']}")] if "orcid" in creator else []
    more += [link(creator["url"])] if "url" in creator else []
    return ", ".join([text(creator["name"]), *more])


def _funding(funding: dict[str, Any]) -> str:
    return ", ".join(text(funding[key]) for key in ("funder", "project", "grant") if key in funding)
