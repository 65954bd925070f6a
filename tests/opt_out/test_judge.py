"""What stands against an address, by all that its site answered; and the stage that says it of documents."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from tamis.errors import InputError, OptionError
from tamis.opt_out import snapshot
from tamis.opt_out.snapshot import Row
from tamis.stages.opt_out import STAGE, OptOutConfig

OPEN = "User-agent: *\nAllow: /\n"


def judged(folder: Path, site: dict[str, Any] | None, url: str | None, **options: Any) -> dict[str, Any]:
    """The stage's signals of one address, when example.org has answered so."""
    path = folder / "snapshot.jsonl"
    rows = [{"site": "other.example", "robots": OPEN}]
    rows += [{"site": "example.org", "status": 200, "date": "2026-01-05T10:00:00Z"} | site] if site is not None else []
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = OptOutConfig(snapshot=str(path), **options)
    batch = pa.record_batch({"url": pa.array([url], pa.string())})
    found: dict[str, Any] = STAGE.prepare(config, {"snapshot": path})(batch).to_pylist()[0]
    return found


@pytest.mark.parametrize(
    ("robots", "rule", "agent"),
    [
        ("User-agent: GPTBot\nDisallow: /\n", "GPTBot: Disallow: /", "GPTBot"),
        ("User-agent: *\nDisallow: /x/ # no\n", "*: Disallow: /x/", "*"),
        ("User-agent: ccbot\nDisallow: /\nAllow: /x/\n", None, None),
        ("User-agent: Googlebot\nDisallow: /\n", None, None),
        ("User-agent: *\nContent-Signal: search=yes,ai-train=no\nAllow: /\n",
         "*: Content-Signal: search=yes,ai-train=no", "*"),
        ("User-agent: CCBot\nAllow: /\n\nUser-agent: *\nDisallow: /x/", "*: Disallow: /x/", "*"),
    ],
)  # fmt: skip
def test_by_robots_txt(tmp_path: Path, robots: str, rule: str | None, agent: str | None) -> None:
    found = judged(tmp_path, {"robots": robots}, "https://example.org/x/page?y#z")
    assert found == {
        "allowed": rule is None, "rule": rule, "agent": agent, "status": "found", "date": "2026-01-05"
    }  # fmt: skip


def test_agents_are_those_of_the_recipe(tmp_path: Path) -> None:
    robots = {"robots": "User-agent: GPTBot\nDisallow: /\n"}
    assert not judged(tmp_path, robots, "https://example.org/", agents=["gptbot"])["allowed"]
    assert judged(tmp_path, robots, "https://example.org/", agents=["CCBot"])["allowed"]


@pytest.mark.parametrize(
    ("answers", "status", "dropped"),
    [
        ({"robots": OPEN}, "found", False),
        ({"robots": ""}, "found", False),
        ({"status": 404}, "missing", False),
        ({"status": 302}, "missing", False),
        ({"status": 403}, "forbidden", True),
        ({"status": 429}, "unreachable", True),
        ({"status": 503}, "unreachable", True),
        ({"status": None, "error": "no such host"}, "unreachable", True),
        ({"robots": "<html>404</html>"}, "malformed", False),
        (None, "unknown", True),
    ],
)
def test_by_how_the_site_answered(tmp_path: Path, answers: dict[str, Any] | None, status: str, dropped: bool) -> None:
    url = "https://example.org/x"
    found = judged(tmp_path, answers, url)
    assert (found["status"], found["allowed"]) == (status, not dropped)
    assert (found["rule"] is not None) is dropped
    if status != "found":
        assert judged(tmp_path, answers, url, **{status: "drop"})["allowed"] is False
        assert judged(tmp_path, answers, url, **{status: "allow"})["allowed"] is True


def test_a_site_is_a_host_with_its_port(tmp_path: Path) -> None:
    for url in ("https://www.example.org/", "https://example.org:8443/", "http://sub.example.org"):
        assert judged(tmp_path, {"robots": OPEN}, url)["status"] == "unknown"
    for url in ("http://EXAMPLE.org", "https://example.org:443/", "example.org/x"):
        assert judged(tmp_path, {"robots": OPEN}, url)["status"] == "found"


@pytest.mark.parametrize("url", [None, "", "urn:uuid:1"])
def test_a_document_without_address_has_no_signals(tmp_path: Path, url: str | None) -> None:
    assert set(judged(tmp_path, {"robots": OPEN}, url).values()) == {None}


TDMREP = json.dumps(
    [
        {"location": "/", "tdm-reservation": 1, "tdm-policy": "https://example.org/policy.json"},
        {"location": "/open/*.html$", "tdm-reservation": 0},
    ]
)


@pytest.mark.parametrize(
    ("answers", "path", "rule", "kind"),
    [
        ({"tdmrep": TDMREP}, "/x", "tdmrep.json: /", "tdmrep"),
        ({"tdmrep": TDMREP}, "/open/x.html", None, "tdmrep"),
        ({"tdmrep": '{"location": "/", "tdm-reservation": "1"}'}, "/x", "tdmrep.json: /", "tdmrep"),
        ({"tdmrep": "<html>"}, "/x", None, "tdmrep"),
        ({"ai_txt": "User-Agent: *\nDisallow: *.pdf\n"}, "/x.pdf", "ai.txt, *: Disallow: *.pdf", "ai_txt"),
        ({"headers": '{"TDM-Reservation": "1"}'}, "/x", "header TDM-Reservation: 1", "headers"),
        ({"headers": '{"content-usage": "train-ai=n"}'}, "/x", "header Content-Usage: train-ai=n", "headers"),
        ({"headers": '{"x-robots-tag": "noindex, noai"}'}, "/x", "header X-Robots-Tag: noindex, noai", "headers"),
        ({"headers": '{"x-robots-tag": "noindex"}'}, "/x", None, "headers"),
    ],
)
def test_by_other_reservations(tmp_path: Path, answers: dict[str, Any], path: str, rule: str | None, kind: str) -> None:
    url = f"https://example.org{path}"
    # They hold whether or not there is a robots.txt.
    for robots in ({"robots": OPEN}, {"status": 404}):
        assert judged(tmp_path, answers | robots, url)["rule"] == rule
        honour = [name for name in ("robots", "content_usage", "tdmrep", "ai_txt", "headers") if name != kind]
        assert judged(tmp_path, answers | robots, url, honour=honour)["allowed"]


def test_a_snapshot_is_read_as_it_was_written(tmp_path: Path) -> None:
    rows: list[Row] = [{"site": "b.org", "status": 404}, {"site": "a.org", "robots": OPEN, "status": 200}]
    for name in ("x.parquet", "x.jsonl"):
        path = tmp_path / name
        snapshot.write(path, [{"site": "a.org", "status": 500}, *rows])
        assert [(row["site"], row["status"], row["robots"]) for row in snapshot.read(path)] == [
            ("a.org", 200, OPEN), ("b.org", 404, None),
        ]  # fmt: skip
        held = snapshot.Snapshot(path)
        assert len(held) == 2
        assert held.get("a.org") == snapshot.Answers(None, 200, OPEN, None, None, None)
        assert held.get("c.org") is None


def test_a_snapshot_of_ones_own_needs_two_columns(tmp_path: Path) -> None:
    path = tmp_path / "own.parquet"
    pq.write_table(pa.table({"domain": ["a.org"], "robots": [OPEN], "more": [1]}), path)
    found = snapshot.Snapshot(path).get("a.org")
    assert found is not None and found.robots == OPEN


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("x.jsonl", b'{"a": 1}\n', "is no snapshot"),
        ("x.jsonl", b"[]\n", "no JSON object"),
        ("x.jsonl", b"{\n", "can't be read"),
        ("x.parquet", b"x", "can't be read"),
    ],
)
def test_what_is_no_snapshot_is_told(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=told):
        snapshot.read(tmp_path / name)


def test_mistakes_are_told() -> None:
    with pytest.raises(ValidationError):
        OptOutConfig(snapshot="x", agents=["GPT Bot"])
    with pytest.raises(ValidationError):
        OptOutConfig(snapshot="x", honour=["noai"])
    with pytest.raises(OptionError, match=r"\.parquet or \.jsonl"):
        snapshot.check_suffix(Path("x.csv"))


@pytest.mark.parametrize("site", ["Example.ORG", "https://example.org/", "example.org:443", "example.org."])
def test_a_site_may_be_spelled_in_any_way(tmp_path: Path, site: str) -> None:
    assert judged(tmp_path, {"site": site, "robots": OPEN}, "https://example.org/")["status"] == "found"


@pytest.mark.parametrize("headers", ["[]", "null", "5", "{"])
def test_headers_that_are_no_object_say_nothing(tmp_path: Path, headers: str) -> None:
    assert judged(tmp_path, {"robots": OPEN, "headers": headers}, "https://example.org/")["allowed"]


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ({"site": None}, "row 2, column site: None is neither"),
        ({"site": "two words"}, "row 2, column site: 'two words' is neither"),
        ({"status": "200"}, 'line 2: status is a whole number, not "200"'),
        ({"tdmrep": [{"location": "/"}]}, "line 2: tdmrep is a string, not"),
    ],
)
def test_what_is_wrong_in_a_snapshot_is_told(tmp_path: Path, row: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InputError, match=re.escape(complaint)):
        judged(tmp_path, row, "https://example.org/")


def test_columns_of_nested_types_are_told(tmp_path: Path) -> None:
    path = tmp_path / "snapshot.parquet"
    headers = pa.array([[("TDM-Reservation", "1")]], pa.map_(pa.string(), pa.string()))
    pq.write_table(pa.table({"site": ["example.org"], "status": [200], "headers": headers}), path)
    with pytest.raises(InputError, match="column headers: Unsupported cast"):
        snapshot.read(path)


@pytest.mark.parametrize(
    ("name", "content"), [("a.parquet", ""), ("a.jsonl", ""), ("a.jsonl", "{\n"), ("a.txt", "a.org")]
)
def test_a_file_that_is_no_snapshot_is_told_before_any_text_is_read(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    assert STAGE.check is not None
    with pytest.raises(InputError, match="can't be read as a snapshot"):
        STAGE.check(OptOutConfig(snapshot=name), {"snapshot": tmp_path / name})
