"""What people declare in a recipe: taken as written, refused at its line with what is allowed."""

from __future__ import annotations

import pytest

from tamis.errors import RecipeError
from tamis.recipe.load import load_recipe_text
from tamis.recipe.model import Recipe
from tamis.stages import STAGES

RECIPE = """\
name: toy
version: "1"
defaults: {accessed: 2026-01, geography: [France]}
sources:
  - {name: one, path: "*.txt", license: MIT, acquisition: public_dataset}
  - {name: two, path: "*.md", license: MIT, %s}
stages: [language]
card: {%s}
"""


def load(source: str = "priority: 0", card: str = "") -> Recipe:
    return load_recipe_text(RECIPE % (source, card), "toy.yaml", STAGES)


def test_declarations_are_inherited_and_kept() -> None:
    recipe = load("accessed: 2026-03, opt_out: {protocols: [robots.txt]}", "released: 2026-04-01")
    one, two = recipe.sources
    assert (one.accessed, two.accessed) == ("2026-01", "2026-03")
    assert one.geography == two.geography == ("France",)
    written = recipe.to_recipe()
    # As it is written: without what is left open.
    assert written["sources"][1]["opt_out"] == {"protocols": ["robots.txt"]}
    assert written["card"] == {"released": "2026-04-01"}


@pytest.mark.parametrize(
    ("source", "card", "line", "complaint"),
    [
        ("acquisition: bought", "", 6, "'bought' is not allowed.*(allowed: .*licensed"),
        ("accessed: 2026-13", "", 6, "accessed: '2026-13' is no month: write year-month, such as 2026-03"),
        ("opt_out: {protocols: []}", "", 6, "opt_out.protocols: must have at least 1 entries"),
        ("synthetic: {license: MIT}", "", 6, "synthetic.generator is missing"),
        ("priority: 0", "released: 2026-02-30", 8, "released: '2026-02-30' is no day of the calendar"),
        ("priority: 0", "contact_email: me", 8, "contact_email: 'me' is no e-mail address"),
        ("priority: 0", 'doi: "https://doi.org/10.1/x"', 8, "is no DOI: write it without an address"),
        ("priority: 0", "creators: [{name: A, orcid: 0000-0002-1825-0098}]", 8, "its last character doesn't check"),
        ("priority: 0", "creators: [{nom: A}]", 8, "unknown option 'nom'. (allowed: affiliation, email, name"),
        ("priority: 0", "host: {title: A, url: https://a.org, country: XX}", 8, "'XX' is no country"),
        ("priority: 0", 'host: {title: A, url: "ftp://a.org"}', 8, "is no web address"),
        ("priority: 0", 'eu: {answered_no: ["2.7"]}', 8, "'2.7' is not allowed. Did you mean '2.6'"),
        ("priority: 0", 'eu: {answered_no: ["2.1"]}', 8,
         "2.1 is answered with no, and source 'one' says `acquisition: public_dataset`"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_at_its_line(source: str, card: str, line: int, complaint: str) -> None:
    with pytest.raises(RecipeError) as error:
        load(source, card)
    message = str(error.value)
    assert message.startswith(f"toy.yaml:{line}: ")
    for part in complaint.split(".*"):
        assert part in message


def test_an_orcid_ends_in_x_where_it_should() -> None:
    recipe = load(card="creators: [{name: A, orcid: 0000-0002-1694-233X}]")
    assert recipe.card.creators[0].orcid == "0000-0002-1694-233X"
