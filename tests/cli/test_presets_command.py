"""`tamis presets`: the list, one as YAML, and a name that isn't there."""

from __future__ import annotations

import json

from ruamel.yaml import YAML
from tiny_place import call


def test_the_list_names_them_with_their_stages() -> None:
    told = call("presets").stdout
    assert all(name in told for name in ("c4", "fineweb", "gopher", "lucie-web", "gopher_repetition"))
    names = [preset["name"] for preset in json.loads(call("presets", "--json").stdout)["presets"]]
    assert names == ["c4", "fineweb", "gopher", "lucie-web"]


def test_one_is_yaml_with_every_threshold_and_the_fields_of_its_source() -> None:
    told = call("presets", "lucie-web").stdout
    [urls, source, near, pii] = YAML(typ="safe").load(told)["stages"]
    assert list(urls) == ["urls"] and urls["urls"]["keywords"]["fr"][0] == "fr.wikipedia"
    assert source["source"]["keep"]["ccnet_perplexity"] == [10, 1000]
    assert list(near) == ["near_duplicates"] and list(pii) == ["pii"]
    assert "#   text: raw_content" in told


def test_a_wrong_name_has_a_near_match() -> None:
    result = call("presets", "gofer")
    assert result.exit_code == 2 and "Did you mean 'gopher'?" in result.stderr
