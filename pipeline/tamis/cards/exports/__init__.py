"""Exports of a release: the same facts for other readers. All are views of the manifest, rendered with the card."""

from __future__ import annotations

from tamis.cards.exports import croissant, data_provenance, dmp, eu_summary, pgd
from tamis.cards.view import View
from tamis.engine.domains import DOMAINS


def render(view: View) -> dict[str, bytes]:
    """The exports by path, all but the checksums. dmp.json is only among them when its required facts are known."""
    domains = any(file.path == DOMAINS for file in view.manifest.files)
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
