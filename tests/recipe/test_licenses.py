from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.recipe.licenses import LICENSES, hub_license, is_own_reference, parse_license, redistributable

OPEN = "MIT"
CLOSED = "LicenseRef-Proprietary"


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("MIT", ["MIT"]),
        ("etalab-2.0", ["etalab-2.0"]),
        ("MIT AND Apache-2.0", ["MIT", "Apache-2.0"]),
        ("GPL-2.0-or-later OR CC-BY-SA-3.0", ["GPL-2.0-or-later", "CC-BY-SA-3.0"]),
        ("MIT AND (Apache-2.0 OR (BSD-3-Clause))", ["MIT", "Apache-2.0", "BSD-3-Clause"]),
        ("(MIT)", ["MIT"]),
        ("(MIT AND ISC)OR(Zlib)", ["MIT", "ISC", "Zlib"]),
        ("  MIT\n  AND\tISC ", ["MIT", "ISC"]),
        ("GPL-2.0-only WITH Classpath-exception-2.0", ["GPL-2.0-only"]),
        ("LicenseRef-Any.Name-1", ["LicenseRef-Any.Name-1"]),
    ],
)
def test_expressions(expression: str, found: list[str]) -> None:
    assert [license_.spdx for license_ in parse_license(expression)] == found


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("mit", "SPDX writes it 'MIT'"),
        ("cc-by-sa-4.0", "SPDX writes it 'CC-BY-SA-4.0'"),
        ("CC-BY-SA", "Did you mean 'CC-BY-SA-4.0'?"),
        ("Apache 2.0", "Did you mean 'Apache-2.0'?"),
        ("GPL-2.0", "Did you mean 'GPL-2.0-only' or 'GPL-2.0-or-later'?"),
        ("GPL-3.0+", "Did you mean 'GPL-3.0-only' or 'GPL-3.0-or-later'?"),
        ("MIT or Apache-2.0", "AND, OR and WITH are capitals"),
        ("free for all", "any other licence is written LicenseRef-Name"),
        ("LicenseRef-", "is no licence"),
        ("LicenseRef-unknown", "SPDX writes it 'LicenseRef-Unknown'"),
        ("LicenseRef-PROPRIETARY", "SPDX writes it 'LicenseRef-Proprietary'"),
        ("MIT WITH", "is no licence"),
        ("MIT WITH two words", "is no licence"),
        ("", "is no SPDX expression"),
        ("()", "is no SPDX expression"),
        ("(MIT", "is no SPDX expression"),
        ("MIT)", "is no SPDX expression"),
        ("MIT AND", "is no SPDX expression"),
        ("OR MIT", "is no SPDX expression"),
        ("MIT AND OR ISC", "is no SPDX expression"),
        ("MIT (ISC)", "is no SPDX expression"),
        ("(MIT) ISC", "is no SPDX expression"),
    ],
)
def test_what_is_no_expression_is_refused(expression: str, complaint: str) -> None:
    for function in (parse_license, redistributable):
        with pytest.raises(ValueError, match="is no") as caught:
            function(expression)
        assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        (OPEN, True),
        (CLOSED, False),
        ("LicenseRef-Unknown", False),
        ("LicenseRef-Of-My-Own", True),
        ("CC-BY-NC-4.0", True),
        (f"{OPEN} AND {CLOSED}", False),
        (f"{OPEN} OR {CLOSED}", True),
        (f"{CLOSED} OR {CLOSED}", False),
        # AND binds closer.
        (f"{OPEN} OR {OPEN} AND {CLOSED}", True),
        (f"({OPEN} OR {OPEN}) AND {CLOSED}", False),
        (f"{CLOSED} AND {OPEN} OR {OPEN}", True),
        (f"{CLOSED} AND ({OPEN} OR {OPEN})", False),
    ],
)
def test_handing_on(expression: str, allowed: bool) -> None:
    assert redistributable(expression) is allowed


trees = st.recursive(
    st.booleans(), lambda inner: st.tuples(st.sampled_from(["AND", "OR"]), inner, inner), max_leaves=12
)


def spelled(tree: object) -> str:
    """A tree of AND and OR over licences that may (true) and may not (false) be handed on."""
    if isinstance(tree, tuple):
        return f"({spelled(tree[1])} {tree[0]} {spelled(tree[2])})"
    return OPEN if tree else CLOSED


def value(tree: object) -> bool:
    if isinstance(tree, tuple):
        sides = (value(tree[1]), value(tree[2]))
        return all(sides) if tree[0] == "AND" else any(sides)
    return bool(tree)


@settings(max_examples=60, deadline=None)
@given(trees)
def test_handing_on_is_what_logic_says(tree: object) -> None:
    assert redistributable(spelled(tree)) is value(tree)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["MIT", "ISC", "AND", "OR", "(", ")", "WITH x", "no-such"]), max_size=8))
def test_any_words_are_an_expression_or_a_value_error(words: list[str]) -> None:
    try:
        found = parse_license(" ".join(words))
    except ValueError:
        return
    assert [one.spdx for one in found] == [word for word in words if word in LICENSES]


def test_deep_nesting_is_no_trouble() -> None:
    deep = 20_000
    assert [one.spdx for one in parse_license("(" * deep + "MIT" + ")" * deep)] == ["MIT"]
    assert redistributable(" OR ".join(["MIT"] * deep))


def test_the_table_is_sound() -> None:
    assert all(spdx == license_.spdx for spdx, license_ in LICENSES.items())
    assert len({spdx.lower() for spdx in LICENSES}) == len(LICENSES)
    assert all(parse_license(spdx) == (license_,) for spdx, license_ in LICENSES.items())
    for spdx, license_ in LICENSES.items():
        assert ("-NC-" in spdx) == (not license_.commercial) or spdx.startswith("LicenseRef")
        if spdx.startswith("CC-BY"):
            assert ("-SA-" in spdx) == license_.share_alike
        assert license_.hub in ("other", "unknown") or license_.hub == license_.hub.lower()
    assert not LICENSES["LicenseRef-Unknown"].redistributable


def test_own_references() -> None:
    assert is_own_reference("LicenseRef-Ours")
    assert not any(map(is_own_reference, LICENSES))


def test_the_hubs_licence_is_that_of_all_or_other() -> None:
    assert hub_license({"CC-BY-4.0"}) == "cc-by-4.0"
    assert hub_license({"GPL-2.0-only", "GPL-2.0-or-later"}) == "gpl-2.0"
    assert hub_license({"MIT", "ISC"}) == "other"
    assert hub_license({"MIT OR ISC"}) == "other"
    assert hub_license({"LicenseRef-Ours"}) == "other"
    for one, other in itertools.combinations(("MIT", "CC0-1.0", "etalab-2.0"), 2):
        assert hub_license({one, f"{one} AND {other}"}) == "other"
