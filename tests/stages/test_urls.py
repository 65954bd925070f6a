"""Rules on addresses: what each finds, which comes first, and how DataTrove's filter compares."""

from __future__ import annotations

import io
import tarfile
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pydantic import ValidationError

from tamis.corpus.name_lists import HashedNames, category_lists, hashed
from tamis.corpus.references import content_hash, resolve
from tamis.corpus.urls import parents, split
from tamis.errors import InputError
from tamis.stages.urls import STAGE, UrlsConfig

Row = tuple[bool | None, str | None, str | None]


def rows(options: dict[str, Any], *urls: str | None, language: str | None = None) -> list[Row]:
    """(blocked, rule, category) of each address."""
    config = UrlsConfig(**options)
    models = {name: resolve(reference, Path()) for name, reference in STAGE.models(config).items()}
    batch = pa.record_batch(
        {"url": pa.array(urls, pa.string()), "language": pa.array([language] * len(urls), pa.string())}
    )
    return [tuple(row.values()) for row in STAGE.prepare(config, models)(batch).to_pylist()]


def rule(options: dict[str, Any], url: str, language: str | None = None) -> str | None:
    return rows(options, url, language=language)[0][1]


@pytest.fixture
def ut1(tmp_path: Path) -> Path:
    """A collection of lists."""
    lists = {
        "adult/domains": "bad.example\nBoth.example\n10.0.0.1\n",
        "adult/urls": "free.example/~bad\n",
        "games/domains": "both.example\nplay.example\n",
        "games/usage": "black\n",
    }
    for name, content in lists.items():
        path = tmp_path / "ut1" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (tmp_path / "ut1" / "jeux").symlink_to("games")
    return tmp_path / "ut1"


@pytest.mark.parametrize(
    ("url", "host", "path", "site"),
    [
        ("https://Example.ORG", "example.org", "/", "example.org"),
        ("http://u:p@example.org.:8080/a/b?c=d#e", "example.org", "/a/b?c=d", "example.org:8080"),
        ("https://example.org:443?x", "example.org", "/?x", "example.org"),
        ("//example.org/x", "example.org", "/x", "example.org"),
        ("example.org/x", "example.org", "/x", "example.org"),
        ("https://bücher.example/ü", "xn--bcher-kva.example", "/ü", "xn--bcher-kva.example"),
        ("http://[2001:db8::1]:81/", "2001:db8::1", "/", "2001:db8::1:81"),
        (" https://a.b.org/ ", "a.b.org", "/", "a.b.org"),
    ],
)
def test_an_address_taken_apart(url: str, host: str, path: str, site: str) -> None:
    found = split(url)
    assert found is not None
    assert (found.host, found.path, found.site) == (host, path, site)


@pytest.mark.parametrize("url", ["", "s:1", "urn:uuid:1", "mailto:a@b.org", "a b.org/x", "https:///x", "file:///etc"])
def test_what_is_no_address_of_a_host(url: str) -> None:
    assert split(url) is None


def test_domains_above_a_host() -> None:
    assert parents("a.b.org") == ["a.b.org", "b.org", "org"]
    assert parents("10.0.0.1") == ["10.0.0.1"]


@pytest.mark.parametrize(
    ("options", "url", "found"),
    [
        (
            {"prefixes": ["fr.wikipedia.org/wiki"]},
            "https://FR.wikipedia.org/wiki/Tamis",
            "prefix fr.wikipedia.org/wiki",
        ),
        ({"prefixes": ["http://a.org/x/"]}, "https://a.org/x/y", None),
        ({"prefixes": ["http://a.org/x/"]}, "http://a.org/x/y", "prefix http://a.org/x/"),
        ({"prefixes": ["a.org"]}, "https://a.org/", "prefix a.org"),
        ({"prefixes": ["a.org/"]}, "https://a.org.evil.example/", None),
        ({"hosts": ["A.org"]}, "https://a.org/x", "host a.org"),
        ({"hosts": ["a.org"]}, "https://www.a.org/x", None),
        ({"domains": ["a.org"]}, "https://www.a.org/x", "domain a.org"),
        ({"domains": ["a.org"]}, "https://aa.org/x", None),
        ({"domains": ["bücher.example"]}, "https://xn--bcher-kva.example/", "domain bücher.example"),
        ({"keywords": ["Wiktionary"]}, "https://fr.WIKTIONARY.org/", "keyword wiktionary"),
    ],
)
def test_what_a_rule_finds(options: dict[str, Any], url: str, found: str | None) -> None:
    assert rule(options, url) == (found and found.replace("bücher", "xn--bcher-kva"))


def test_keywords_are_those_of_the_language_else_of_the_star() -> None:
    options = {"keywords": {"fr": ["fr.wikipedia", "theses.fr"], "*": ["europarl"]}}
    url = "https://theses.fr/europarl"
    assert rule(options, url, "fr") == rule(options, url, "fr-CA") == "keyword theses.fr"
    assert rule(options, url, "de") == rule(options, url) == "keyword europarl"


def test_lists_by_category(ut1: Path) -> None:
    assert rows(
        {"folders": [f"{ut1}/"]},
        "https://www.bad.example/",
        "http://both.example",
        "http://www.free.example/~BAD/x?y",
        "http://free.example/~badly",
        "http://10.0.0.1/",
        "http://10.0.0.1.example/",
        None,
        "nothing",
    ) == [
        (True, "category adult", "adult"),
        (True, "category adult+games", "adult+games"),
        (True, "category adult", "adult"),
        (False, None, None),
        (True, "category adult", "adult"),
        (False, None, None),
        (None, None, None),
        (False, None, None),
    ]
    some = {"folders": [f"{ut1}/"], "categories": ["games"]}
    assert rows(some, "http://bad.example") == [(False, None, None)]
    assert rows(some, "http://both.example") == [(True, "category games", "games")]
    with pytest.raises(InputError, match="Did you mean 'games'"):
        rows({"folders": [f"{ut1}/"], "categories": ["game"]}, "http://a.org")


def test_an_archive_is_read_as_its_folder_is(ut1: Path, tmp_path: Path) -> None:
    path = tmp_path / "all.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(ut1, "blacklists")
        content = b"flat.example\n"
        member = tarfile.TarInfo("domains")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    lists = category_lists([path], None)
    assert lists.categories == ("adult", "all", "games")
    assert lists.domains.find(["both.example", "flat.example", "x.example"]) == [("adult", "games"), ("all",), ()]
    (tmp_path / "all.zip").write_bytes(b"x")
    with pytest.raises(InputError, match="neither a folder of lists nor an archive"):
        category_lists([tmp_path / "all.zip"], None)
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="holds no lists"):
        category_lists([tmp_path / "none"], None)


def test_a_folder_is_a_reference_and_its_files_are_its_identity(ut1: Path) -> None:
    assert resolve("ut1/", ut1.parent) == ut1
    before = content_hash(ut1)
    assert before == content_hash(ut1)
    with (ut1 / "games" / "domains").open("a") as file:
        file.write("new.example\n")
    assert content_hash(ut1) != before
    with pytest.raises(InputError, match="ends with a slash"):
        resolve("ut1", ut1.parent)
    with pytest.raises(InputError, match="no file"):
        resolve("ut2/", ut1.parent)


@pytest.mark.parametrize("content", ["A.org\n# b.org\n", '["a.org"]', '{"a.org": true}'])
def test_only_hosts_of_a_list_are_allowed(tmp_path: Path, content: str) -> None:
    path = tmp_path / "valid"
    path.write_text(content)
    no = "not on the list of allowed hosts"
    urls = ["https://a.org/", "https://www.a.org", "https://b.org", "nothing"]
    assert [row[1] for row in rows({"allow": str(path)}, *urls)] == [None, no, no, no]
    assert [row[1] for row in rows({"allow": str(path), "allow_below": True}, *urls)] == [None, None, no, no]


def test_the_first_rule_is_named(tmp_path: Path) -> None:
    options: dict[str, Any] = {"hosts": ["a.org"], "domains": ["a.org"], "keywords": ["a.o"]}
    assert rule(options, "http://a.org") == "host a.org"
    assert rule(options, "http://b.a.org") == "domain a.org"
    assert rule(options, "http://b.a.ox.org") == "keyword a.o"


def test_mistakes_are_told(tmp_path: Path) -> None:
    for options, told in (
        ({}, "has no rule"),
        ({"keywords": {"French": ["x"]}}, "no language"),
        ({"hosts": ["x"], "categories": ["adult"]}, "there are none"),
    ):
        with pytest.raises(ValidationError, match=told):
            UrlsConfig(**options)
    (tmp_path / "bad.json").write_text("[1,")
    with pytest.raises(InputError, match="is no JSON"):
        rows({"allow": str(tmp_path / "bad.json")}, "http://a.org")


def test_a_table_of_names_says_what_a_dictionary_says() -> None:
    import polars as pl

    lists = {name: [f"{n}.example" for n in range(0, 900, step)] for name, step in (("a", 2), ("b", 3), ("c", 7))}
    table = HashedNames((name, [hashed(pl.Series([*names, names[0]]))]) for name, names in lists.items())
    asked = [f"{n}.example" for n in range(1000)]
    assert table.find(asked) == [tuple(name for name in lists if one in lists[name]) for one in asked]
    assert len(table) == len(set().union(*lists.values()))
    assert HashedNames([]).find(["x"]) == [()]


@pytest.mark.filterwarnings("ignore:The .registered_domain. property:DeprecationWarning")
def test_words_as_datatroves_filter_has_them(tmp_path: Path) -> None:
    from datatrove.data import Document
    from datatrove.pipeline.filters import URLFilter
    from tldextract import TLDExtract

    for name, entries in {"words": "vile\n#calm\n", "soft": "play\nwin\nfree\n", "sub": "casino\n"}.items():
        (tmp_path / name).write_text(entries)
    options = {
        "domains": ["bad.org", "deep.good.org"], "words": str(tmp_path / "words"), "soft_words": str(tmp_path / "soft"),
        "subwords": str(tmp_path / "sub"),
    }  # fmt: skip
    theirs = URLFilter(
        extra_domains=["bad.org", "deep.good.org"], banned_words=["vile", "#calm"],
        soft_banned_words=["play", "win", "free"],
        banned_subwords=["casino"], use_integrated_lists=False,
    )  # fmt: skip
    theirs.tldextractor = TLDExtract(suffix_list_urls=())
    reasons = {"domain": "domain", "hard": "word", "soft": "words", "blacklisted": "subword"}
    urls = {
        "https://www.bad.org/x": True,
        "https://good.org/x": True,
        # Below a listed host that is no registrable domain.
        "https://www.deep.good.org/x": False,
        "https://a.example/vile-page": True,
        "https://a.example/calm": True,
        "https://a.example/villain": True,
        "https://a.example/play/free": True,
        "https://a.example/play/player": True,
        "https://a.example/ca-si/no": True,
        # Case: theirs doesn't see the word.
        "https://a.example/VILE": False,
    }
    for url, same in urls.items():
        verdict = theirs.filter(Document(text="", id="1", metadata={"url": url}))
        reason = (
            None if verdict is True else next(ours for name, ours in reasons.items() if verdict[1].startswith(name))
        )
        found = rule(options, url)
        assert ((found and found.split()[0]) == reason) is same, (url, found, verdict)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"prefixes": ["members/"]}, "doesn't begin an address"),
        ({"hosts": ["https://www.example.org/"]}, "write 'www.example.org'"),
        ({"domains": ["example.org/x"]}, "write 'example.org'"),
        ({"keywords": {"fra": ["wiki"]}}, "canonical code 'fr'"),
        ({"keywords": {"french": ["wiki"]}}, "or [*] for every other"),
        ({"keywords": {"fr": []}}, "at least 1 item"),
    ],
)
def test_entries_that_no_address_could_have_are_refused(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        UrlsConfig(**options)


def test_a_domain_is_spelled_in_a_recipe_as_in_a_list(tmp_path: Path) -> None:
    for spelled in ("*.example.org", ".example.org", "Example.org."):
        assert rule({"domains": [spelled]}, "https://a.example.org/") == "domain example.org"
    assert rule({"hosts": ["2001:db8::1"]}, "https://[2001:DB8::1]:8080/x") == "host 2001:db8::1"


@pytest.mark.parametrize("content", ["", "# nothing\n", "[]"])
@pytest.mark.parametrize("option", ["allow", "words", "subwords"])
def test_a_list_without_entries_is_no_list(tmp_path: Path, option: str, content: str) -> None:
    path = tmp_path / "list.txt"
    path.write_text(content)
    with pytest.raises(InputError, match="holds no"):
        rows({option: str(path)}, "https://example.org/")
    with pytest.raises(InputError, match="holds no"):
        checked({option: str(path)})


def test_lists_are_checked_before_any_text_is_read(ut1: Path, tmp_path: Path) -> None:
    checked({"folders": [f"{ut1}/"], "categories": ["adult"]})
    with pytest.raises(InputError, match=r"category 'adlut'\. Did you mean 'adult'"):
        checked({"folders": [f"{ut1}/"], "categories": ["adlut"]})
    archive = tmp_path / "cut.tar.gz"
    with tarfile.open(archive, "w:gz") as made:
        made.add(ut1, "ut1")
    archive.write_bytes(archive.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"cut\.tar\.gz can't be read as an archive"):
        checked({"folders": [str(archive)]})


def checked(options: dict[str, Any]) -> None:
    config = UrlsConfig(**options)
    assert STAGE.check is not None
    STAGE.check(config, {name: resolve(reference, Path()) for name, reference in STAGE.models(config).items()})


def test_words_beyond_ascii_find_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("été\nbad\n", encoding="utf-8")
    for option in ("words", "subwords"):
        assert rule({option: str(path)}, "https://example.org/t") is None
        assert rule({option: str(path)}, "https://example.org/bad") is not None
    path.write_text("été\n", encoding="utf-8")
    with pytest.raises(InputError, match="a to z"):
        rows({"subwords": str(path)}, "https://example.org/")


def test_lists_may_spell_names_as_people_do(tmp_path: Path) -> None:
    allow = tmp_path / "allow.txt"
    allow.write_text("https://a.example/\nbücher.example\n", encoding="utf-8")
    urls = ("http://a.example/x", "https://bücher.example/", "https://xn--bcher-kva.example/", "http://b.example/")
    assert [row[0] for row in rows({"allow": str(allow)}, *urls)] == [False, False, False, True]
    folder = tmp_path / "lists" / "adult"
    folder.mkdir(parents=True)
    (folder / "domains").write_text("bücher.example\n", encoding="utf-8")
    (folder / "urls").write_text("www.free.example/~bad/\nhttp://old.example/x\n")
    urls = (
        "https://bücher.example/",
        "https://free.example/~bad/page",
        "https://www.old.example/x",
        "http://free.example/",
    )
    found = rows({"folders": [f"{tmp_path}/lists/"]}, *urls)
    assert [row[2] for row in found] == ["adult", "adult", "adult", None]


def test_the_longest_address_takes_little_time(ut1: Path) -> None:
    urls = ["https://example.org/" + "a/" * 500_000, "https://" + "a." * 500_000 + "example.org/"]
    options = {"folders": [f"{ut1}/"], "domains": ["example.org"]}
    started = time.perf_counter()
    assert [row[1] for row in rows(options, *urls)] == ["domain example.org"] * 2
    assert time.perf_counter() - started < 5
