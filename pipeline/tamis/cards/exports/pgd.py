"""`pgd.md` : le plan de gestion de données, en français et dans l'ordre du modèle de l'ANR.

Every answer is made of the manifest; what only people know stands under its question as open, and again at the end.
"""

from __future__ import annotations

from collections.abc import Callable

from tamis.cards.exports.declared import card, held, language_name, said, spoken, unique
from tamis.cards.markdown import code, link, section, table, text
from tamis.cards.view import View

NAME = "pgd.md"
OPEN = "*À compléter*"
THIN = "\u202f"


def render(view: View) -> bytes:
    """Le plan : une rubrique par question, puis la liste de ce qui reste à compléter."""
    parts, unanswered = [], []
    for number, title, answer, asks in QUESTIONS:
        told = answer(view)
        if asks and not all(_known(view, key) for key in asks):
            missing = [key for key in asks if not _known(view, key)]
            told = "\n\n".join([*([told] if told else []), f"{OPEN} : {', '.join(map(code, missing))}."])
            unanswered.append((number, title, ", ".join(map(code, missing))))
        parts.append(section(f"{number} {title}", told))
    manifest = view.manifest
    head = (
        f"# Plan de gestion de données : {text(manifest.title)} {text(manifest.version)}\n\n"
        f"Plan produit à partir de `manifest.json` (identité {code(manifest.identity)}), dans l'ordre du modèle "
        "Science Europe de l'ANR. Les chiffres sont calculés ; les textes déclarés dans la recette sont repris tels "
        "quels."
    )
    rest = table(("", "Question", "Champs de la recette"), "lll", unanswered) if unanswered else "Aucun."
    return ("\n\n".join([head, *parts, section("Points ouverts", rest)]) + "\n").encode()


def _known(view: View, key: str) -> bool:
    """Whether the recipe says it; of sources, whether each of those in the release does."""
    if key.startswith("sources."):
        return all(key.partition(".")[2] in source.declared for source in held(view))
    return bool(card(view).get(key.removeprefix("card.")))


def _number(value: int) -> str:
    return f"{value:,}".replace(",", THIN)


def _quoted(view: View, *keys: str) -> str:
    return "\n\n".join(said(view, key) for key in keys if said(view, key))


def _administration(view: View) -> str:
    manifest, told = view.manifest, card(view)
    rows = [("Jeu de données", f"{code(manifest.name)}, version {code(manifest.version)}")]
    rows += [("Date du plan", text(told["released"]))] if "released" in told else []
    for funding in told.get("funding", []):
        rows.append(("Financeur", text(funding["funder"])))
        rows += [("Projet", text(funding["project"]))] if "project" in funding else []
        rows += [("Numéro de convention", text(funding["grant"]))] if "grant" in funding else []
    return table(("", ""), "ll", rows)


def _collection(view: View) -> str:
    ways = {
        "public_dataset": "jeu de données public", "licensed": "licence commerciale", "private": "jeu privé d'un tiers",
        "crawled": "collecte en ligne", "user": "données d'utilisateurs", "synthetic": "synthétique", "other": "autre",
    }  # fmt: skip
    rows = [
        (text(source.title), link(str(source.declared.get("url") or "–")), text(source.declared.get("version") or "–"),
         ways.get(source.declared.get("acquisition", ""), "–"), _number(source.sum.documents))
        for source in held(view)
    ]  # fmt: skip
    stages = ", ".join(code(stage.name) for stage in view.manifest.stages)
    how = (
        "Données réutilisées, lues, mesurées et filtrées par Tamis "
        f"{text(view.manifest.software.get('tamis', ''))} ; étapes, dans l'ordre : {stages}. La recette complète est "
        "dans `README.md` ; chaque document lu a sa ligne dans `ledger/`, avec ses mesures et la règle qui l'écarte."
    )
    header = ("Source", "Adresse", "Version", "Acquisition", "Documents retenus")
    return "\n\n".join(part for part in (_quoted(view, "motivation"), how, table(header, "llllr", rows)) if part)


def _kinds(view: View) -> str:
    totals = view.manifest.totals
    languages = ", ".join(language_name(tag, "fr") for tag in spoken(view))
    size = sum(file.bytes for folder in ("data", "tokens") for file in view.files(folder))
    rows = [
        ("Nature", "textes"),
        ("Langues", text(languages)),
        ("Documents", f"{_number(totals['documents'])} sur {_number(totals['ingested'])} lus"),
        ("Caractères", _number(totals["chars"])),
        ("Tokens", _number(totals["tokens"])),
        ("Format", "Apache Parquet, UTF-8 : ouvert, lisible par colonnes, contrôlé par sommes SHA-256"),
        ("Volume", f"{_number(size)} octets"),
    ]
    return table(("", ""), "ll", rows)


def _metadata(view: View) -> str:
    return (
        "`README.md` (fiche du jeu de données), `croissant.json` (MLCommons Croissant 1.1, RAI 1.0, W3C PROV), "
        "`data_provenance.json` (Data Provenance Standards 1.0.0) et `manifest.json`, dont tous les autres sont des "
        "vues. Rangement : `data/LANGUE/SOURCE-*.parquet`, `tokens/`, `ledger/`, `stats/`, `figures/`. Une version par "
        "dossier, `NOM-VERSION`."
    )


def _quality(view: View) -> str:
    rows = [(code(stage.name), text(stage.title), "; ".join(f"{code(signal)} {text(rule)}"
             for signal, rule in stage.rules.items()) or "–") for stage in view.manifest.stages]  # fmt: skip
    check = "`tamis verify` recompte chaque nombre et compare chaque octet."
    return f"{table(('Étape', 'Objet', 'Règles'), 'lll', rows)}\n\n{check}"


def _security(view: View) -> str:
    level = said(view, "confidentiality")
    edited = view.stage("pii") is not None
    parts = (
        f"Niveau de confidentialité : {text(level)}." if level else "",
        "Ni le registre `ledger/` ni les fiches ne contiennent de texte ni de donnée personnelle trouvée."
        if edited else "Ni le registre `ledger/` ni les fiches ne contiennent de texte.",
    )  # fmt: skip
    return " ".join(part for part in parts if part)


def _personal(view: View) -> str:
    stage = view.stage("pii")
    if stage is None:
        found = "Aucune étape n'a cherché de données à caractère personnel."
    else:
        kinds: dict[str, int] = {}
        for row in view.manifest.pii:
            kinds[row.kind] = kinds.get(row.kind, 0) + row.found
        counts = ", ".join(f"{kind} {_number(number)}" for kind, number in sorted(kinds.items())) or "aucune"
        action = {"tag": "remplacées par une étiquette", "fake": "remplacées par une valeur fictive"}
        how = action[stage.settings["replacement"]]
        found = (
            f"Données cherchées par leur forme, trouvées dans les documents publiés et {how} : {counts}. Les noms de "
            "personnes et les adresses postales n'ont pas été cherchés."
        )
    return "\n\n".join(part for part in (found, _quoted(view, "personal_data")) if part)


def _legal(view: View) -> str:
    rows = [(code(name), _number(cell.documents)) for (name,), cell in view.sums("license").items()]
    bound = [source.facts.name for source in held(view) if not source.facts.redistributable]
    limits = (
        f"Sources dont le texte ne peut être redistribué : {', '.join(map(code, bound))}."
        if bound else "Aucune source publiée n'est connue comme non redistribuable."
    )  # fmt: skip
    checked = unique(
        f"{source.title} : {', '.join(source.declared['opt_out']['protocols'])}"
        for source in held(view) if "opt_out" in source.declared
    )  # fmt: skip
    opposed = f"Réserves de droits examinées : {text('; '.join(checked))}." if checked else ""
    parts = (table(("Licence", "Documents"), "lr", rows), limits, opposed, "Détail par source : `LICENSES.md`.")
    return "\n\n".join(part for part in parts if part)


def _sharing(view: View) -> str:
    access = {"open": "Accès ouvert.", "shared": "Accès sous conditions.", "closed": "Accès fermé."}
    told = card(view)
    address = link(str(told["url"])) if "url" in told else ""
    return " ".join(part for part in (access.get(told.get("access", ""), ""), address) if part)


def _preservation(view: View) -> str:
    host = card(view).get("host")
    where = f"{text(host['title'])}, {link(host['url'])}" + (f" ({host['country']})" if "country" in host else "") \
        if host else ""  # fmt: skip
    return "\n\n".join(part for part in (where, _quoted(view, "retention")) if part)


def _tools(_: View) -> str:
    return "Tout lecteur de Parquet (pyarrow, polars, DuckDB), la bibliothèque `datasets` et `mlcroissant`."


def _identifier(view: View) -> str:
    doi = card(view).get("doi")
    own = f"Identité de la version, calculée : {code(view.manifest.identity)}."
    return f"DOI : {link(f'https://doi.org/{doi}')}. {own}" if doi else own


def _responsible(view: View) -> str:
    told = card(view)
    rows = [
        (text(c["name"]), text(c.get("affiliation") or "–"), text(c.get("orcid") or "–"))
        for c in told.get("creators", [])
    ]
    people = table(("Nom", "Affiliation", "ORCID"), "lll", rows) if rows else ""
    publisher = f"Éditeur : {text(told['publisher'])}." if "publisher" in told else ""
    contact = " ".join(part for part in (said(view, "contact"), str(told.get("contact_email", ""))) if part)
    asked = f"Contact : {text(contact)}." if contact else ""
    return "\n\n".join(part for part in (people, publisher, asked, _quoted(view, "maintenance")) if part)


def _texts(*keys: str) -> Callable[[View], str]:
    return lambda view: _quoted(view, *keys)


QUESTIONS: tuple[tuple[str, str, Callable[[View], str], tuple[str, ...]], ...] = (
    ("0", "Informations administratives", _administration, ("card.released", "card.funding")),
    ("1a", "Recueil ou production des données, réutilisation", _collection,
     ("card.motivation", "sources.url", "sources.version", "sources.acquisition")),
    ("1b", "Types, formats et volumes", _kinds, ()),
    ("2a", "Métadonnées et documentation", _metadata, ()),
    ("2b", "Contrôle de la qualité", _quality, ()),
    ("3a", "Stockage et sauvegarde pendant le projet", _texts("storage"), ("card.storage",)),
    ("3b", "Sécurité et protection des données sensibles", _security, ("card.confidentiality",)),
    ("4a", "Données à caractère personnel", _personal, ("card.personal_data",)),
    ("4b", "Propriété intellectuelle et autres questions juridiques", _legal,
     ("sources.license_url", "sources.opt_out")),
    ("4c", "Éthique", _texts("ethics"), ("card.ethics",)),
    ("5a", "Partage : quand, comment, avec quelles restrictions", _sharing, ("card.access", "card.url")),
    ("5b", "Sélection et préservation à long terme", _preservation, ("card.host", "card.retention")),
    ("5c", "Outils nécessaires pour utiliser les données", _tools, ()),
    ("5d", "Identifiant pérenne", _identifier, ("card.doi",)),
    ("6a", "Responsabilités", _responsible, ("card.creators", "card.contact", "card.maintenance")),
    ("6b", "Ressources et coûts", _texts("costs"), ("card.costs",)),
)  # fmt: skip
"""Number and title in the template, the answer that facts give, and what the recipe should say."""
