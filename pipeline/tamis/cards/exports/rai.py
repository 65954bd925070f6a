"""Where a release is from and how it may be used, in Croissant's RAI 1.0 vocabulary and in PROV.

Among them are the eight properties that reviewers of dataset papers ask for: limitations, biases, personal
information, use cases, social impact, synthetic data, derivation, generation.
"""

from __future__ import annotations

from typing import Any

from tamis.cards.exports.declared import SOFTWARE, Held, held, said, synthetic, unique
from tamis.cards.steps import steps
from tamis.cards.view import View
from tamis.corpus.manifest import StageFacts

COLLECTION = {
    "public_dataset": "Secondary Data analysis",
    "licensed": "Secondary Data analysis",
    "private": "Secondary Data analysis",
    "crawled": "Web Scraping",
    "user": "User-generated content data",
    "synthetic": "Software Collection",
    "other": "Others",
}
"""A source's acquisition -> RAI's word for it."""
ASKED = (
    ("limitations", "rai:dataLimitations"),
    ("biases", "rai:dataBiases"),
    ("personal_data", "rai:personalSensitiveInformation"),
    ("intended_uses", "rai:dataUseCases"),
    ("social_impact", "rai:dataSocialImpact"),
)
"""Texts of the card that reviewers ask for, by their property."""


def properties(view: View) -> dict[str, Any]:
    """RAI and PROV properties; what nobody declared is left out, and the card says so."""
    sources = held(view)
    uses = [said(view, "intended_uses")]
    if said(view, "out_of_scope_uses"):
        uses.append(f"Out of scope: {said(view, 'out_of_scope_uses')}")
    periods = unique(source.declared["period"] for source in sources if "period" in source.declared)
    return {
        "rai:dataCollection": _collection(sources),
        "rai:dataCollectionType": unique(
            COLLECTION[source.declared["acquisition"]] for source in sources if "acquisition" in source.declared
        ),
        "rai:dataCollectionTimeframe": unique(end for period in periods for end in str(period).split("/")),
        "rai:dataPreprocessingProtocol": [_step(view, stage) for stage in view.manifest.stages],
        "rai:dataLimitations": _texts(said(view, "limitations")),
        "rai:dataBiases": _texts(said(view, "biases")),
        "rai:dataUseCases": _texts(*uses),
        "rai:dataSocialImpact": said(view, "social_impact"),
        "rai:personalSensitiveInformation": _texts(said(view, "personal_data"), personal_data(view)),
        "rai:hasSyntheticData": synthetic(view),
        "rai:dataReleaseMaintenancePlan": said(view, "maintenance"),
        "prov:wasDerivedFrom": [_entity(source) for source in sources],
        "prov:wasGeneratedBy": [_activity(view, number) for number in range(len(view.manifest.stages))],
        "prov:wasAttributedTo": {
            "@type": "prov:SoftwareAgent",
            "@id": SOFTWARE,
            "prov:label": f"Tamis {view.manifest.software.get('tamis', '')}".strip(),
        },
    }


def _texts(*texts: str) -> list[str]:
    return [text for text in texts if text]


def _collection(sources: list[Held]) -> str:
    """What was taken of each source, as far as the recipe says."""
    taken = [(source.title, source.declared["selection"]) for source in sources if "selection" in source.declared]
    together: dict[str, list[str]] = {}
    for title, selection in taken:
        together.setdefault(selection, []).append(title)
    return " ".join(f"{', '.join(titles)}: {selection.rstrip('.')}." for selection, titles in together.items())


def personal_data(view: View) -> str:
    """What was looked for and found, in a sentence with its counts."""
    stage: StageFacts | None = view.stage("pii")
    if stage is None:
        return "No stage looked for personal data."
    kinds: dict[str, int] = {}
    for row in view.manifest.pii:
        kinds[row.kind] = kinds.get(row.kind, 0) + row.found
    what = ", ".join(f"{kind} {found}" for kind, found in sorted(kinds.items())) or "none"
    how = f"stage pii {stage.version}, replacement: {stage.settings.get('replacement', 'none')}"
    return f"Found in the documents of the release, and replaced ({how}): {what}. Names were not looked for."


def _step(view: View, stage: StageFacts) -> str:
    """One stage and its rules, in words with counts."""
    step = next(step for step in steps(view) if step.name == stage.name)
    rules = [f"{signal} {condition}" for signal, condition in stage.rules.items()]
    rules += [f"{rule['signal']} {rule['condition']} where {rule['column']} is {rule['value']}"
              for rule in stage.rules_by]  # fmt: skip
    kept = f" Kept where: {'; '.join(rules)}." if rules else ""
    return f"{stage.name} {stage.version}: {stage.title}.{kept} {step.left} of {step.entered} documents stayed."


def _entity(source: Held) -> dict[str, Any]:
    """A source, as what the release was derived from."""
    declared = source.declared
    found = {
        "@type": "prov:Entity",
        "@id": f"source/{source.facts.name}",
        "name": source.title,
        "url": declared.get("url"),
        "version": declared.get("version"),
        "license": declared.get("license"),
        "provider": declared.get("provider"),
        "temporalCoverage": declared.get("period"),
        "citation": declared.get("citation"),
        "description": f"{source.sum.documents} documents, {source.sum.tokens} tokens in the release. "
        f"Fingerprint of its {source.facts.files} files: {source.facts.fingerprint}",
        "prov:wasGeneratedBy": _generator(declared),
    }
    return {name: value for name, value in found.items() if value}


def _generator(declared: dict[str, Any]) -> dict[str, Any] | None:
    model = declared.get("synthetic")
    if model is None:
        return None
    agent = {"@type": "prov:SoftwareAgent", "prov:label": model["generator"]}
    agent |= {key: model[key] for key in ("url", "license") if key in model}
    label = f"Text made by {model['generator']}"
    return {"@type": "prov:Activity", "prov:label": label, "prov:wasAssociatedWith": agent}


def _activity(view: View, number: int) -> dict[str, Any]:
    """A stage, as an activity: without times, which a release doesn't depend on."""
    stage = view.manifest.stages[number]
    used = [
        {"@type": "prov:Entity", "prov:label": model["reference"], "sha256": model["sha256"]}
        for model in stage.models.values()
    ]
    found: dict[str, Any] = {
        "@type": "prov:Activity",
        "@id": f"stage/{stage.name}",
        "prov:label": stage.name,
        "description": _step(view, stage),
    }
    if number:
        found["prov:wasInformedBy"] = {"@id": f"stage/{view.manifest.stages[number - 1].name}"}
    return found | ({"prov:used": used} if used else {})
