"""Exports of a release: the same facts for other readers. All are views of the manifest, rendered with the card."""

from __future__ import annotations

from collections.abc import Container

from tamis.cards.exports import croissant, data_provenance, dmp, eu_summary, pgd
from tamis.cards.view import View


def render(view: View, beside: Container[str]) -> dict[str, bytes]:
    """The exports by path, all but the checksums. dmp.json is only among them when its required facts are known.

    `beside`: paths of the card's other files.
    """
    domains = eu_summary.DOMAINS in beside
    found = {
        croissant.NAME: croissant.render(view),
        eu_summary.MARKDOWN: eu_summary.markdown(view, domains),
        eu_summary.JSON: eu_summary.json(view, domains),
        pgd.NAME: pgd.render(view),
        data_provenance.NAME: data_provenance.render(view),
    }
    if not dmp.lacking(view):
        found[dmp.NAME] = dmp.render(view)
    return found
