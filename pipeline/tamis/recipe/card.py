"""What a recipe says for people: the facts of a release that no machine can know.

An empty field is named in the card's "What is missing"; where each one goes stands in docs/exports.md.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tamis.recipe.base import Country, Date, Declared, Doi, Email, Line, Orcid, Prose, Url

Section = Literal["2.1", "2.2.1", "2.2.2", "2.3", "2.4.a", "2.4.b", "2.5", "2.6"]
"""Questions of the EU template that are answered with yes or no."""
SECTIONS: dict[str, Section] = {
    "public_dataset": "2.1",
    "licensed": "2.2.1",
    "private": "2.2.2",
    "crawled": "2.3",
    "synthetic": "2.5",
    "other": "2.6",
}
"""A source's acquisition -> the question that it answers with yes. On user data the template asks two."""


class Creator(Declared):
    """Someone who made the dataset."""

    name: Line
    """Full name."""
    type: Literal["person", "organization"] = "person"
    """What it is a name of."""
    affiliation: Line | None = None
    """Where the person works."""
    orcid: Orcid | None = None
    """ORCID iD."""
    email: Email | None = None
    """Address. Whose is `contact_email`, is the plan's contact person."""
    url: Url | None = None
    """Home page."""


class Funding(Declared):
    """Who paid."""

    funder: Line
    """Name of the funder."""
    funder_url: Url | None = None
    """The funder's identifier or home."""
    grant: Line | None = None
    """Grant number."""
    project: Line | None = None
    """Name or acronym of the project."""


class Host(Declared):
    """Where the release is kept for others."""

    title: Line
    """Name of the repository."""
    url: Url
    """Its address."""
    country: Country | None = None
    """Where its storage stands: ISO 3166 code."""


class Party(Declared):
    """A company or a person before the law."""

    name: Line
    """Legal name."""
    contact: Line
    """Contact details; a contact point of its own, not the general address."""


class NamedModel(Declared):
    """A model that the summary covers."""

    name: Line
    """Name with version."""
    url: Url | None = None
    """Its public documentation."""
    placed: Date | None = None
    """Day of its placement on the Union market."""


class EuFacts(Declared):
    """What the provider of a model adds to the EU summary of training content. Nothing of it is ever inferred."""

    provider: Party | None = None
    """Who provides the model (1.1.a)."""
    representative: Party | None = None
    """Authorised representative, if the provider is outside the Union (1.1.b)."""
    models: tuple[NamedModel, ...] = ()
    """Models that the summary covers, and when they were placed on the market (1.2.a, 1.2.c)."""
    dependencies: Prose = ""
    """Models that these were made from, with links to their summaries; or `none` (1.2.b)."""
    previous: tuple[Url, ...] = ()
    """Previous versions of the summary (0.a)."""
    continuous: bool | None = None
    """Whether training goes on with data newer than the latest date given (1.3.d)."""
    demographics: Prose = ""
    """Demographic characteristics of the data (1.3.f)."""
    answered_no: tuple[Section, ...] = ()
    """Questions that the provider answers with no, such as 2.4.a: a source's `acquisition` alone says yes."""
    user_data: Prose = ""
    """Services that user data was collected through (2.4.c)."""
    code_of_practice_signatory: bool | None = None
    """Whether the provider has signed the Code of Practice (3.1.a)."""
    opt_out_measures: Prose = ""
    """How reservations of rights are respected, beyond what each source's `opt_out` says (3.1.b)."""
    copyright_policy: Prose = ""
    """Summary or address of the copyright policy (3.1.c)."""
    illegal_content_measures: Prose = ""
    """How illegal content is kept out: lists, classifiers; not quality filters (3.2)."""


class CardText(Declared):
    """What no machine can know; each goes to its section of the card, and an empty one is named there."""

    summary: Prose = ""
    """One paragraph under the title: card, description in croissant.json, dmp.json and data_provenance.json."""
    motivation: Prose = ""
    """Why the dataset was made: card, data management plan 1a."""
    intended_uses: Prose = ""
    """What the dataset is for: card, `rai:dataUseCases`, intended use in data_provenance.json."""
    out_of_scope_uses: Prose = ""
    """What it should not be used for: card, `rai:dataUseCases`."""
    limitations: Prose = ""
    """Known limitations: card, `rai:dataLimitations`."""
    biases: Prose = ""
    """Known biases: card, `rai:dataBiases`."""
    social_impact: Prose = ""
    """Good and harm it may do: card, `rai:dataSocialImpact`."""
    personal_data: Prose = ""
    """Personal data in it, and on which legal basis: card, `rai:personalSensitiveInformation`, plan 4a."""
    ethics: Prose = ""
    """Ethical questions, and who looked at them: card, plan 4c."""
    maintenance: Prose = ""
    """Who keeps it up, how often, how errors and removal requests are dealt with: card,
    `rai:dataReleaseMaintenancePlan`."""
    languages_note: Prose = ""
    """On varieties of language, dialects, translations: card, EU summary 1.3."""
    contact: str = ""
    """Where questions and removal requests go: card, plan 6a."""
    contact_email: Email | None = None
    """An address for them: dmp.json, which can't be without, and EU summary 3.1."""
    citation: str = ""
    """How to cite it (BibTeX): card, `citeAs`."""
    template: str = ""
    """Markdown file beside the recipe: prose of its own, with a line `{{ section }}` where a computed section goes.
    Empty: every section, in the usual order."""
    released: Date | None = None
    """Day of publication: `datePublished`, last update of the EU summary, date of the plan."""
    url: Url | None = None
    """Where the dataset is published: `url`, identifier in dmp.json and data_provenance.json."""
    doi: Doi | None = None
    """DOI of this version: `identifier`, dmp.json."""
    creators: tuple[Creator, ...] = ()
    """Who made it: `creator`, plan 6a."""
    publisher: Line | None = None
    """Who publishes it: `publisher`, issuer in data_provenance.json."""
    funding: tuple[Funding, ...] = ()
    """Who paid for it: `funder`, project in dmp.json, plan 0."""
    host: Host | None = None
    """Where it is kept: dmp.json, plan 5b, storage geography in data_provenance.json."""
    access: Literal["open", "shared", "closed"] | None = None
    """Who may have it: anyone, some on conditions, nobody else. dmp.json, plan 5a."""
    retention: Prose = ""
    """How long it is kept, and what is deleted when: plan 5b."""
    storage: Prose = ""
    """Storage, backup and security while the work goes on: plan 3a and 3b."""
    costs: Prose = ""
    """Costs of keeping the data findable and usable, and who bears them: plan 6b."""
    confidentiality: Line | None = None
    """Classification: data_provenance.json."""
    consent: Annotated[str, Field(max_length=2000)] = ""
    """Where consents or permissions are documented: data_provenance.json."""
    processing_geography: Line | None = None
    """Countries where it may, or may not, be processed: data_provenance.json."""
    eu: EuFacts = EuFacts()
    """What the provider of a model adds to the EU summary."""
