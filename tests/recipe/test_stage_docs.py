from __future__ import annotations

import json

import pytest

from tamis.corpus.stage import Stage
from tamis.recipe.stage_docs import stage_facts
from tamis.stages import STAGES


@pytest.mark.parametrize("stage", list(STAGES), ids=lambda stage: stage.name)
def test_every_stage_is_documented_as_plain_data(stage: Stage) -> None:
    facts = stage_facts(stage)
    assert json.loads(json.dumps(facts)) == facts
    assert [signal["name"] for signal in facts["signals"]] == [column.name for column in stage.adds]
    assert {option["name"] for option in facts["options"]} >= set(stage.config.model_fields)
    for option in facts["options"]:
        assert option["meaning"], option["name"]
        assert "any" not in option["type"].split(), option
    for signal in facts["signals"]:
        # A default says where it comes from.
        assert signal["default"] is None or signal["citation"], signal["name"]


def test_types_and_defaults_are_readable() -> None:
    options = {option["name"]: option for option in stage_facts(STAGES.get("near_duplicates"))["options"]}
    assert (options["scope"]["type"], options["scope"]["default"]) == ("source | language | corpus", "corpus")
    assert options["ngram"]["type"] == "integer 1..64"
    assert options["bands"]["type"] == "integer 1..256 | null"
    signals = {signal["name"]: signal for signal in stage_facts(STAGES.get("gopher_quality"))["signals"]}
    assert signals["words"]["default"] == "[50, 100000]"
    assert signals["mean_word_length"]["default_by"]["language"]["de"] == "[3, 12]"
    assert signals["lines"]["default"] is None
