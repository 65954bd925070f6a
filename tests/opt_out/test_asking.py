"""Asking sites: a real server on this machine's loopback, never the network."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from made_warcs import members, response
from tamis.cli.main import cli
from tamis.errors import InputError
from tamis.opt_out.asking import Manners, ask, get
from tamis.opt_out.collecting import collect, sites_of_file, unfinished
from tamis.opt_out.snapshot import Row, read
from web_site import Site

ROBOTS = "User-agent: GPTBot\nDisallow: /\n"
QUICK = Manners(timeout=5, retries=1, pause=0)


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as found:
        yield found


@pytest.fixture
def closed() -> str:
    """A site where nobody listens."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.server_close()
    return f"127.0.0.1:{server.server_port}"


def snapshot(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["opt-out-snapshot", "--pause", "0", "--timeout", "5", *arguments])


def test_all_that_a_site_says(site: Site) -> None:
    site.answers = {
        "/robots.txt": (200, ROBOTS.encode(), {}),
        "/.well-known/tdmrep.json": (200, b'[{"location": "/", "tdm-reservation": 1}]', {}),
        "/ai.txt": (200, b"<html>welcome</html>", {}),
        "/": (200, b"", {"TDM-Reservation": "1", "Server": "x", "X-Robots-Tag": "noai"}),
    }
    row = ask(site.name(), QUICK)
    assert (row["site"], row["status"], row["robots"], row["error"]) == (site.name(), 200, ROBOTS, None)
    assert row["url"] == f"http://{site.name()}/robots.txt"
    assert len(row["sha256"] or "") == 64 and (row["date"] or "").endswith("Z")
    assert "tdm-reservation" in (row["tdmrep"] or "")
    # A page of HTML is no ai.txt; of the headers those that reserve are kept.
    assert row.get("ai_txt") is None
    assert json.loads(row["headers"] or "") == {"tdm-reservation": "1", "x-robots-tag": "noai"}
    assert site.agents == {QUICK.user_agent}


def test_robots_txt_alone(site: Site) -> None:
    site.answers = {"/robots.txt": (200, ROBOTS.encode(), {})}
    ask(site.name(), Manners(timeout=5, pause=0, others=False))
    assert set(site.asked) == {"/robots.txt"}


def test_redirects_are_followed_to_other_sites_but_not_for_ever_nor_to_files(site: Site) -> None:
    site.answers = {
        "/robots.txt": (301, b"", {"Location": f"http://{site.name(2)}/r"}),
        "/r": (200, ROBOTS.encode(), {}),
        "/loop": (302, b"", {"Location": "/loop"}),
        "/file": (302, b"", {"Location": "file:///etc/hostname"}),
    }
    row = ask(site.name(), QUICK)
    assert (row["robots"], row["url"]) == (ROBOTS, f"http://{site.name(2)}/r")
    assert get(f"http://{site.name()}/loop", QUICK).status == 302
    assert site.asked["/loop"] <= 6
    found = get(f"http://{site.name()}/file", QUICK)
    assert found.text is None and found.body == b""


def test_a_site_that_does_not_answer(closed: str, site: Site) -> None:
    row = ask(closed, QUICK)
    assert (row["status"], row["robots"]) == (None, None)
    assert "refused" in (row["error"] or "")
    site.answers = {"/robots.txt": (0, b"", {})}
    assert ask(site.name(), QUICK)["status"] is None
    # The first try and one more.
    assert site.asked["/robots.txt"] == 2


def test_later_is_asked_again_and_no_is_no(site: Site) -> None:
    site.answers = {"/robots.txt": (503, b"busy", {})}
    assert ask(site.name(), QUICK)["status"] == 503
    assert site.asked["/robots.txt"] == 2
    site.answers = {"/robots.txt": (403, b"go away", {})}
    row = ask(site.name(), QUICK)
    assert (row["status"], row["robots"]) == (403, None)
    assert site.asked["/robots.txt"] == 3


def test_a_slow_or_endless_answer_ends(site: Site) -> None:
    site.answers = {"/robots.txt": (200, b"#" * 5_000_000, {})}
    found = get(f"http://{site.name()}/robots.txt", QUICK)
    assert found.status == 200 and len(found.body) == 512 * 1024
    site.delay = 0.2
    begin = time.monotonic()
    found = get(f"http://{site.name()}/robots.txt", Manners(timeout=0.5))
    assert found.status is None and "Timeout" in (found.error or "")
    assert time.monotonic() - begin < 3


def test_bytes_of_no_encoding_are_read_all_the_same(site: Site) -> None:
    site.answers = {"/robots.txt": (200, b"User-agent: *\nDisallow: /\xe9\x00\n", {})}
    assert ask(site.name(), QUICK)["robots"] == "User-agent: *\nDisallow: /\ufffd\ufffd\n"


def test_sites_are_asked_side_by_side_and_once(site: Site, tmp_path: Path) -> None:
    site.answers = {"/robots.txt": (200, ROBOTS.encode(), {})}
    out, told = tmp_path / "s.parquet", []
    names = [site.name(number) for number in range(1, 12)]
    only = Manners(timeout=5, pause=0, others=False)

    def run(again: Callable[[Row], bool] = lambda _: False) -> tuple[int, int, int]:
        found = collect([*names, names[0]], out, only, 4, again, lambda *done: told.append(done))
        return found.asked, found.known, len(found.rows)

    assert run() == (11, 0, 11)
    assert told[-1] == (11, 11) and site.asked["/robots.txt"] == 11
    assert [row["site"] for row in read(out)] == sorted(names)
    before = out.read_bytes()
    assert run() == (0, 11, 11)
    assert out.read_bytes() == before and not unfinished(out).exists()
    names.append(site.name(12))
    assert run() == (1, 11, 12)
    assert run(lambda row: row["site"] == names[0]) == (1, 11, 12)


def test_an_interrupted_collection_goes_on(site: Site, tmp_path: Path) -> None:
    site.answers = {"/robots.txt": (200, ROBOTS.encode(), {})}
    out = tmp_path / "s.jsonl"
    names = [site.name(number) for number in range(1, 9)]
    only = Manners(timeout=5, pause=0, others=False)

    def stop(done: int, _: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        collect(names, out, only, 1, lambda _: False, stop)
    assert not out.exists() and len(unfinished(out).read_text().splitlines()) == 3
    with unfinished(out).open("a") as file:
        file.write('{"site": "cut sho')
    found = collect(names, out, only, 1, lambda _: False, lambda *_: None)
    assert (found.asked, found.known, len(found.rows)) == (5, 3, 8)


def test_an_interrupted_command_ends_at_once_and_goes_on(site: Site, tmp_path: Path) -> None:
    site.answers, site.delay = {"/robots.txt": (200, ROBOTS.encode(), {})}, 0.2
    hosts, out = tmp_path / "hosts.txt", tmp_path / "s.parquet"
    hosts.write_text("\n".join(site.name(number) for number in range(1, 41)))
    arguments = ["--domains", str(hosts), "--out", str(out), "--robots-only", "--threads", "2"]
    command = [sys.executable, "-m", "tamis", "opt-out-snapshot", *arguments]
    # A test run that is itself in the background has SIGINT ignored, and its children with it.
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:  # fmt: skip
        deadline = time.monotonic() + 60
        while not (unfinished(out).exists() and unfinished(out).read_bytes().count(b"\n") >= 3):
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
    assert process.returncode == 130 and "the same command goes on" in told
    assert not out.exists()
    site.delay = 0
    facts = json.loads(snapshot(*arguments, "--json").stdout)
    assert facts["known"] >= 3 and facts["asked"] + facts["known"] == facts["sites"]["found"] == 40


def test_the_command(site: Site, closed: str, tmp_path: Path) -> None:
    site.answers = {"/robots.txt": (200, ROBOTS.encode(), {}), "/ai.txt": (200, b"User-agent: *\nDisallow: /\n", {})}
    hosts, out = tmp_path / "hosts.txt", tmp_path / "s.parquet"
    hosts.write_text(f"# sites\n{site.name()}\nhttp://{site.name(2)}/a/page\n{closed}\n\n{site.name()}/x\n")
    result = snapshot("--domains", str(hosts), "--out", str(out), "--retries", "0")
    assert result.exit_code == 0, result.stderr
    assert "3 sites, 3 asked" in result.stdout
    assert "2 found, 0 missing, 0 forbidden, 1 unreachable" in result.stdout and "ai.txt 2" in result.stdout
    asked = site.asked.total()
    assert "nobody asked" in snapshot("--domains", str(hosts), "--out", str(out)).stdout
    assert site.asked.total() == asked
    again = snapshot("--domains", str(hosts), "--out", str(out), "--retry-unreachable", "--retries", "0", "--json")
    facts = json.loads(again.stdout)
    assert (facts["asked"], facts["known"], facts["sites"]["all"]) == (1, 2, 3)
    assert site.asked.total() == asked
    snapshot("--domains", str(hosts), "--out", str(out), "--refresh", "--robots-only", "--retries", "0")
    assert site.asked.total() == asked + 2


def test_common_crawls_files(tmp_path: Path) -> None:
    path, out = tmp_path / "robotstxt.warc.gz", tmp_path / "s.parquet"
    plain = "text/plain"
    path.write_bytes(
        members(
            [
                response("https://a.example/robots.txt", ROBOTS.encode(), plain),
                response("http://a.example/robots.txt", b"", status="404 Not Found"),
                response(
                    "http://b.example/robots.txt",
                    b"",
                    status="301 Moved",
                    head="Location: https://www.b.example/robots.txt\r\n",
                ),
                response("https://www.b.example/robots.txt", b"User-agent: *\nDisallow: /b\n", plain),
                response("https://c.example/robots.txt", b"", status="404 Not Found"),
                response("https://d.example/page", b"no robots.txt", plain),
            ]
        )
        + b"\x1f\x8bdamaged"
    )
    result = snapshot("--warc", str(path), "--out", str(out))
    assert result.exit_code == 0, result.stderr
    rows = {row["site"]: row for row in read(out)}
    assert {site: row["status"] for site, row in rows.items()} == {
        "a.example": 200, "b.example": 200, "www.b.example": 200, "c.example": 404,
    }  # fmt: skip
    assert rows["a.example"]["robots"] == ROBOTS and rows["b.example"]["robots"] == "User-agent: *\nDisallow: /b\n"
    assert rows["a.example"]["date"] == "2024-05-06T07:08:09Z"
    assert "4 sites, nobody asked" in result.stdout and "damaged" in result.stderr


def test_mistakes_are_told(tmp_path: Path) -> None:
    hosts = tmp_path / "hosts.txt"
    hosts.write_text("a.example\nnot a host\n")
    with pytest.raises(InputError, match=r"hosts.txt:2: 'not a host'"):
        sites_of_file(hosts)
    for arguments, told in (
        (("--out", "x.parquet"), "give one of --domains FILE, --release FOLDER, --warc FILE"),
        (("--domains", str(hosts), "--out", "x.csv"), "ends in .parquet or .jsonl"),
        (("--release", str(tmp_path), "--out", "x.parquet"), "has no ledger"),
    ):
        result = snapshot(*arguments)
        assert result.exit_code == 2 and told in result.stderr, result.stderr
