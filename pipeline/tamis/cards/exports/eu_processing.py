"""Section 3 of the EU template: reservations of rights, illegal content, and what else was done to the data."""

from __future__ import annotations

from typing import Any

from tamis.cards.exports.declared import Held, card, held, said
from tamis.cards.exports.eu_answer import Answer, Section
from tamis.cards.exports.eu_sources import dataset_name, datasets
from tamis.cards.exports.rai import personal_data
from tamis.cards.view import View


def sections(view: View) -> list[Section]:
    """Sections 3.1 to 3.3."""
    eu = card(view).get("eu", {})
    return [_reservations(view, eu), _illegal(eu), _more(view)]


def _reservations(view: View, eu: dict[str, Any]) -> Section:
    signed = eu.get("code_of_practice_signatory")
    measures, at = _measures(held(view))
    own = eu.get("opt_out_measures")
    policy = eu.get("copyright_policy")
    requests = card(view).get("contact_email") or said(view, "contact")
    key = "contact_email" if "contact_email" in card(view) else "contact"
    comments = [policy] if policy else []
    comments += [f"Requests of rights holders go to: {requests}"] if requests else []
    return Section("3.1", "Reservations of rights from text and data mining", (
        Answer("3.1.a", "Signatory to the Code of Practice?", None if signed is None else ("yes" if signed else "no"),
               () if signed is None else ("recipe.card.eu.code_of_practice_signatory",),
               "card.eu.code_of_practice_signatory"),
        Answer("3.1.b", "Measures to respect them before and during collection", [*([own] if own else []), *measures],
               (*(("recipe.card.eu.opt_out_measures",) if own else ()), *at),
               "sources.opt_out and card.eu.opt_out_measures"),
        Answer("3.1.c", "Copyright policy, and other comments", comments,
               (*(("recipe.card.eu.copyright_policy",) if policy else ()),
                *((f"recipe.card.{key}",) if requests else ())),
               "card.eu.copyright_policy", optional=True),
    ))  # fmt: skip


def _measures(sources: list[Held]) -> tuple[list[str], tuple[str, ...]]:
    """What was looked for at each dataset, by whom and when."""
    found, at = [], []
    for parts in datasets([source for source in sources if "opt_out" in source.declared]):
        told = parts[0].declared["opt_out"]
        who = "the provider" if told.get("by") == "provider" else "us"
        when = f" on {told['checked']}" if "checked" in told else ""
        result = f": {told['result']}" if told.get("result") else ""
        found.append(f"{dataset_name(parts)}: {', '.join(told['protocols'])}, looked for by {who}{when}{result}")
        at += [f"{source.place}.declared.opt_out.protocols" for source in parts]
    return found, tuple(at)


def _illegal(eu: dict[str, Any]) -> Section:
    told = eu.get("illegal_content_measures")
    return Section("3.2", "Removal of illegal content", (
        Answer("3.2.a", "Measures against illegal content", told,
               ("recipe.card.eu.illegal_content_measures",) if told else (), "card.eu.illegal_content_measures"),
    ))  # fmt: skip


def _more(view: View) -> Section:
    """What was done that bears on rights: personal data, and copies that make a model memorise."""
    values, at = [], []
    if view.stage("pii") is not None:
        values.append(personal_data(view))
        at += ["pii"]
    for name, counts in view.manifest.duplicates.items():
        values.append(
            f"{name.replace('_', ' ').capitalize()}: {counts['duplicates']} documents found to be copies of another"
        )
        at.append(f"duplicates.{name}.duplicates")
    return Section("3.3", "Other information", (
        Answer("3.3.a", "Other processing that bears on rights", values, tuple(at), optional=True),
    ))  # fmt: skip
