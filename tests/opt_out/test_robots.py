"""robots.txt: the examples of RFC 9309, and the lines on training in its groups."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.opt_out.robots import normal_path, parse, pattern_of, trains

# RFC 9309, section 5.1: which paths each robot may take.
GROUPS = """\
User-Agent: *
Disallow: *.gif$
Disallow: /example/
Allow: /publications/

User-Agent: foobot
Disallow:/
Allow:/example/page.html
Allow:/example/allowed.gif

User-Agent: barbot
User-Agent: bazbot
Disallow: /example/page.html

User-Agent: quxbot
"""
# Section 5.2: the longest match.
LONGEST = """\
User-Agent: foobot
Allow: /example/page/
Disallow: /example/page/disallowed.gif
"""


def allowed(text: str, agent: str, path: str) -> bool:
    group = parse(text).group(agent)
    rule = group.decides(normal_path(path)) if group else None
    return rule is None or rule.allow


@pytest.mark.parametrize(
    ("agent", "may", "may_not"),
    [
        ("foobot", ["/example/page.html", "/example/allowed.gif", "/robots.txt"], ["/", "/example/", "/publications/"]),
        ("FooBot", ["/example/page.html"], ["/"]),
        ("barbot", ["/example/", "/example/page.htm", "/x.gif"], ["/example/page.html", "/example/page.html?x"]),
        ("bazbot", ["/"], ["/example/page.html"]),
        ("quxbot", ["/", "/example/", "/x.gif"], []),
        ("otherbot", ["/", "/publications/", "/x.gif?a", "/robots.txt"], ["/x.gif", "/example/", "/publications.gif"]),
    ],
)
def test_the_simple_example_of_the_rfc(agent: str, may: list[str], may_not: list[str]) -> None:
    assert [path for path in may if not allowed(GROUPS, agent, path)] == []
    assert [path for path in may_not if allowed(GROUPS, agent, path)] == []


def test_the_longest_match_of_the_rfc() -> None:
    assert not allowed(LONGEST, "foobot", "/example/page/disallowed.gif")
    assert allowed(LONGEST, "foobot", "/example/page/")
    assert allowed("User-agent: a\nDisallow: /page\nAllow: /page\n", "a", "/page")


def test_groups_of_one_robot_are_one() -> None:
    text = "user-agent: ExampleBot\ndisallow: /foo\ndisallow: /bar\n\nuser-agent: ExampleBot\ndisallow: /baz\n"
    assert [path for path in ("/foo", "/bar", "/baz", "/boo") if allowed(text, "examplebot", path)] == ["/boo"]


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("/foo/bar?baz=quz", "/foo/bar?baz=quz"),
        ("/foo/bar?baz=https://foo.bar", "/foo/bar?baz=https%3A%2F%2Ffoo.bar"),
        ("/foo/bar/ツ", "/foo/bar/%E3%83%84"),
        ("/foo/bar/%E3%83%84", "/foo/bar/ツ"),
        ("/foo/bar/%62%61%7A", "/foo/bar/baz"),
        ("/path/file-with-a-%2A.html", "/path/file-with-a-*.html"),
        ("/path/foo-%24", "/path/foo-$"),
    ],
)
def test_the_paths_that_the_rfc_calls_the_same(written: str, path: str) -> None:
    assert pattern_of(written).matches(normal_path(path))
    assert pattern_of(f"{written}$").matches(normal_path(path))


def test_what_is_escaped_stays_apart_from_what_is_not() -> None:
    assert not pattern_of("/a%2Fb").matches(normal_path("/a/b"))
    assert not pattern_of("/a$").matches(normal_path("/a$"))
    assert pattern_of("/a$b").matches(normal_path("/a$b"))


@pytest.mark.parametrize(
    ("text", "agent", "path", "may"),
    [
        ("User-agent: GPTBot/1.0\nDisallow: /", "gptbot", "/x", False),
        ("User-agent: GPTBot2\nDisallow: /", "GPTBot", "/x", True),
        ("User-agent: AI2Bot\r\nDisallow: / # all of it", "AI2Bot", "/x", False),
        ("User-agent: a\rDisallow: /x", "a", "/x", False),
        ("\ufeffUser-agent: a\nDisallow: /", "a", "/x", False),
        ("user-agent : a\nDISALLOW : /", "a", "/x", False),
        # What stands between robots and rules, and means something else, breaks no group.
        ("User-agent: a\nSitemap: https://x/s.xml\nUser-agent: b\nCrawl-delay: 3\nDisallow: /", "a", "/x", False),
        ("User-agent: a\nDisallow: /a\nUser-agent: b\nDisallow: /b", "b", "/a", True),
        ("User-agent: *\nDisallow:", "a", "/x", True),
        ("Disallow: /", "a", "/x", True),
        ("User-agent: *\nDisallow: /*?*id=", "a", "/p?x=1&id=2", False),
        ("User-agent: *\nDisallow: /*/feed/", "a", "/p?x=/feed/", False),
    ],
)
def test_files_as_they_are(text: str, agent: str, path: str, may: bool) -> None:
    assert allowed(text, agent, path) is may


@pytest.mark.parametrize(
    ("text", "understood"),
    [
        ("", True),
        ("# nothing is forbidden\n", True),
        ("Sitemap: https://example.org/s.xml", True),
        ("<!doctype html><title>Not found</title>", False),
        ("Page not found", False),
        ("style: none", False),
    ],
)
def test_a_file_that_is_none_is_told_from_an_empty_one(text: str, understood: bool) -> None:
    assert parse(text).understood is understood


pieces = st.lists(st.sampled_from(("/", "a", "b", "*", "$", "ab", "é", "?", "%61", ".")), max_size=7).map("".join)
paths = st.lists(st.sampled_from(("/", "a", "b", "ab", "é", "?", "%C3%A9", ".")), max_size=9).map("".join)


@settings(max_examples=100, deadline=None)
@given(pieces, paths)
def test_patterns_match_as_their_regular_expression_does(pattern: str, path: str) -> None:
    def plain(text: str) -> str:
        return text.replace("%61", "a").replace("é", "%C3%A9")

    ends = pattern.endswith("$")
    body = pattern.removesuffix("$")
    expression = "".join(".*" if char == "*" else re.escape(char.replace("$", "%24")) for char in plain(body))
    expected = re.match(expression + ("$" if ends else ""), plain(f"/{path}"), re.DOTALL) is not None
    assert pattern_of(pattern).matches(normal_path(f"/{path}")) is expected


def test_a_long_pattern_takes_no_long_time() -> None:
    assert not pattern_of("/*a" * 200 + "b").matches(normal_path("/" + "a" * 20_000))


@pytest.mark.parametrize(
    ("preferences", "training"),
    [
        ("train-ai=n", False),
        ("train-ai=y, search=n", True),
        ("search=yes,ai-train=no", False),
        ("ai-train=no, use=reference", False),
        ("tdm=n, train-ai=y", True),
        ("bots=n", False),
        ("train-ai=n, train-ai=y", False),
        ("search=n", None),
        ("train-ai", None),
        ("", None),
    ],
)
def test_what_preferences_say_of_training(preferences: str, training: bool | None) -> None:
    assert trains(preferences) is training


def test_lines_on_training_belong_to_groups_and_paths() -> None:
    text = (
        "User-agent: *\nContent-Usage: train-ai=n\nContent-Usage: /open/ train-ai=y\nAllow: /\n\n"
        "User-agent: a\nAllow: /\n"
    )
    robots = parse(text)
    everyone, own = robots.group("b"), robots.group("a")
    assert everyone is not None and own is not None
    assert [everyone.reserves(path) is not None for path in ("/", "/x", "/open/x")] == [True, True, False]
    assert own.reserves("/x") is None
    assert parse("Content-Signal: ai-train=no\n").groups["*"].reserves("/x") is not None
