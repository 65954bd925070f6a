"""What changed between two releases of a dataset: counted from their ledgers, and told by their manifests."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

RELEASED, ABSENT = "released", "not read"
"""Fates of a document beside the rules that drop one: it is in the release; its id was never met."""


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class SettingChange(_Fact):
    """Something that is set or recorded otherwise."""

    area: str
    """`source`, `stage`, `rule`, `option`, `when`, `model`, `recipe` or `software`."""
    name: str
    """What in it: `gopher_quality.words`, `mix.epochs.fr--news`, `polars`."""
    before: str
    """In words; empty where it wasn't there."""
    after: str
    """In words; empty where it isn't there any more."""


class DocumentChanges(_Fact):
    """Documents by what became of them. In the release and not in the one before: `new` + `now_kept`; the other way
    round: `gone` + `now_dropped`. Those that are in both may count in several of the last three."""

    new: int = 0
    """Released, and their ids were not met before."""
    now_kept: int = 0
    """Released, and dropped before."""
    gone: int = 0
    """Released before, and their ids are not met any more."""
    now_dropped: int = 0
    """Released before, and dropped now."""
    changed_text: int = 0
    """Released in both, with another text."""
    changed_copies: int = 0
    """Released in both, drawn another number of times."""
    changed_labels: int = 0
    """Released in both, of another source, language, category or licence."""

    @property
    def added(self) -> int:
        """In this release and not in the one before."""
        return self.new + self.now_kept

    @property
    def removed(self) -> int:
        """In the one before and not in this release."""
        return self.gone + self.now_dropped


class MoveRow(_Fact):
    """Documents with one fate before and another now; a fate is `released`, `not read`, or the first rule that
    drops the document."""

    before: str
    after: str
    documents: int
    tokens: int
    """Tokens of those released in one of the two; 0 for the others."""


class PartRow(_Fact):
    """What both releases hold of one source, language, category or licence."""

    kind: str
    """`source`, `language`, `category` or `license`."""
    name: str
    documents_before: int
    documents_after: int
    tokens_before: int
    tokens_after: int
    added: int
    """Documents in the second release and not in the first."""
    removed: int
    """The other way round."""


class ChangeSummary(_Fact):
    """One release beside the one before it: what an entry of the changelog is made of."""

    version: str
    identity: str
    totals: dict[str, int]
    """The headline numbers of the release."""
    previous_version: str | None = None
    """None: the first release, as far as the chain is known."""
    previous_identity: str | None = None
    totals_before: dict[str, int] = {}
    documents: DocumentChanges = DocumentChanges()
    settings: tuple[SettingChange, ...] = ()


class ReleaseChanges(_Fact):
    """All that changed since the previous release."""

    summary: ChangeSummary
    moves: tuple[MoveRow, ...]
    """The most documents first."""
    parts: tuple[PartRow, ...]
    """Of every kind, those that differ in documents, tokens or members."""
    earlier: tuple[ChangeSummary, ...] = ()
    """The releases before, newest first: the changelog goes on with them."""

    @property
    def same(self) -> bool:
        """Whether nothing differs but name and version."""
        return not (self.moves or self.parts or self.summary.settings) and self.summary.documents == DocumentChanges()
