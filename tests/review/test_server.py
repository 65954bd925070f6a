"""The review page over a real socket, and its log through kills."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tamis.errors import InputError, OptionError
from tamis.review.samples import read_samples
from tamis.review.server import ReviewServer
from tamis.review.verdicts import Verdict, append, given, latest, log_of, parse_given, read_log, to_csv


def sample(number: int, kind: str) -> dict[str, Any]:
    return {
        "id": f"web:{number}", "kind": kind, "source": "web", "language": "fr", "category": "news", "license": "MIT",
        "reason": None if "kept" in kind else "quality.words", "rule": "", "value": None, "threshold": None,
        "chars": 5, "stratum": f"{kind}, fr, news", "cut": False, "text": f"Été {number} <script>alert(1)</script>",
    }  # fmt: skip


@pytest.fixture
def release(tmp_path: Path) -> Path:
    folder = tmp_path / "toy-1"
    (folder / "samples").mkdir(parents=True)
    for name, kind in (("kept", "kept"), ("dropped", "dropped")):
        rows = [sample(number, kind) for number in (range(3) if kind == "kept" else range(3, 5))]
        (folder / f"samples/{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


class Client:
    """A browser of sorts."""

    def __init__(self, server: ReviewServer) -> None:
        self.server = server

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, dict[str, str]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.server_port, timeout=10)
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        connection.request(method, path, data, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        kind = answer.headers["Content-Type"]
        return answer.status, json.loads(content) if "json" in kind else content.decode(), dict(answer.headers)

    def judge(self, document: str, verdict: str, note: str = "") -> tuple[int, Any]:
        page = self.ask("GET", "/")[1]
        token = re.findall(r'name="tamis-token" content="([^"]+)"', page)[0]
        body = {"document": document, "verdict": verdict, "note": note}
        return self.ask("POST", "/verdicts", body, X_Tamis_Token=token)[:2]


@pytest.fixture
def client(release: Path) -> Iterator[Client]:
    with ReviewServer(release, "r1") as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield Client(server)
        server.shutdown()
        thread.join()


def test_the_page_is_whole_and_asks_nobody_else(client: Client) -> None:
    status, page, headers = client.ask("GET", "/")
    assert status == 200 and "{{" not in page
    assert not re.findall(r"https?://|src=|@import", page)
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    nonce = re.findall(r"'nonce-([^']+)'", headers["Content-Security-Policy"])[0]
    assert page.count(f'nonce="{nonce}"') == 2
    assert client.server.server_address[0] == "127.0.0.1"


def test_a_verdict_is_on_disk_when_it_is_answered(client: Client, release: Path) -> None:
    assert client.judge("web:1", "drop", "doublé")[0] == 200
    [line] = log_of(release).read_bytes().splitlines()
    told = json.loads(line)
    assert log_of(release) == release.parent / "toy-1.review.jsonl"
    assert told["document"] == "web:1" and told["verdict"] == "drop" and told["reviewer"] == "r1"
    assert told["stratum"] == "kept, fr, news" and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", told["time"])
    shown = {one["id"]: one for one in client.ask("GET", "/samples")[1]["samples"]}
    assert shown["web:1"]["verdict"] == "drop" and shown["web:1"]["note"] == "doublé"
    assert client.judge("web:1", "keep")[0] == 200
    assert client.server.verdicts()["web:1"].verdict == "keep" and len(read_log(log_of(release))) == 2


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'{"document": "web:9", "verdict": "keep"}', b'{"document": "web:1", "verdict": "yes"}',
             b'{"document": "web:1", "verdict": "keep", "note": 3}'],
)  # fmt: skip
def test_what_is_no_verdict_is_refused(client: Client, release: Path, body: bytes) -> None:
    status, told, _ = client.ask("POST", "/verdicts", body, X_Tamis_Token=client.server.token)
    assert status == 400 and told["error"]
    assert not log_of(release).exists()


def test_other_pages_can_neither_read_nor_write(client: Client, release: Path) -> None:
    body = {"document": "web:1", "verdict": "keep"}
    assert client.ask("GET", "/samples", Host="evil.example:80")[0] == 403
    assert client.ask("POST", "/verdicts", body)[0] == 403
    assert client.ask("POST", "/verdicts", body, X_Tamis_Token="0" * 22)[0] == 403
    assert client.ask("GET", "/../manifest.json")[0] == 404
    # A header that promises more than is taken: refused before anything is read.
    with socket.create_connection(("127.0.0.1", client.server.server_port), timeout=10) as raw:
        host = f"127.0.0.1:{client.server.server_port}"
        head = f"POST /verdicts HTTP/1.1\r\nHost: {host}\r\nX-Tamis-Token: {client.server.token}\r\n"
        raw.sendall(f"{head}Content-Length: 999999999\r\n\r\n".encode())
        assert b" 413 " in raw.recv(100)
    assert not log_of(release).exists()


def test_blind_tells_nothing_of_what_was_decided(release: Path) -> None:
    with ReviewServer(release, "r1", blind=True) as server:
        told = server.told()["samples"]
    assert {one["id"] for one in told} == {f"web:{n}" for n in range(5)}
    assert not {"kind", "reason", "rule", "value", "threshold", "stratum"} & {name for one in told for name in one}


def test_what_cannot_be_served_is_told(release: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="pseudonym"):
        ReviewServer(release, "me at@home")
    (tmp_path / "empty").mkdir()
    with pytest.raises(OptionError, match="no samples to review"):
        ReviewServer(tmp_path / "empty", "r1")
    with ReviewServer(release, "r1") as one, pytest.raises(OptionError, match="--port"):
        ReviewServer(release, "r2", one.server_port)


def test_a_torn_line_costs_that_line_alone(release: Path) -> None:
    samples, log = read_samples(release), log_of(release)
    told = [Verdict(f"web:{n}", "s", "keep", "r1", "2026-01-01T00:00:00Z", samples[0].shown) for n in range(2)]
    append(log, told[0])
    with log.open("ab") as handle:
        handle.write(b'{"document": "web:1", "verd')
    assert read_log(log) == told[:1]
    append(log, told[1])
    assert read_log(log) == told
    log.write_bytes(b'{"document": "web:1"}\n')
    with pytest.raises(InputError, match=r"review\.jsonl:1: no verdict"):
        read_log(log)


def test_verdicts_lose_names_and_count_once(release: Path) -> None:
    samples, log = read_samples(release), log_of(release)
    shown = {one.id: one.shown for one in samples}
    for document, verdict, reviewer, hash_ in (
        ("web:1", "drop", "zoe", shown["web:1"]),
        ("web:1", "keep", "zoe", shown["web:1"]),
        ("web:1", "keep", "adam", shown["web:1"]),
        ("web:2", "keep", "adam", "of another text"),
        ("web:7", "keep", "eve", "no sample"),
    ):
        append(log, Verdict(document, "s", verdict, reviewer, "2026-01-01T00:00:00Z", hash_))
    rows = given(read_log(log), samples)
    assert rows == [("web:1", 1, "keep"), ("web:1", 2, "keep")]
    assert parse_given(to_csv(rows)) == rows
    assert b"zoe" not in to_csv(rows) and b"adam" not in to_csv(rows)
    assert len(latest(read_log(log), samples)) == 2


@pytest.mark.slow
def test_a_killed_server_loses_no_answered_verdict(release: Path) -> None:
    command = [sys.executable, "-u", "-m", "tamis", "review", str(release), "--reviewer", "r1"]
    answered: dict[str, str] = {}
    for document, verdict in (("web:0", "keep"), ("web:4", "drop")):
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=os.environ)
        assert server.stdout is not None
        port = int(re.findall(r":(\d+)/", server.stdout.readline())[0])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", "/")
        token = re.findall(r'name="tamis-token" content="([^"]+)"', connection.getresponse().read().decode())[0]
        connection.close()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        body = json.dumps({"document": document, "verdict": verdict})
        connection.request("POST", "/verdicts", body, {"X-Tamis-Token": token})
        assert connection.getresponse().status == 200
        server.send_signal(signal.SIGKILL)
        server.wait(10)
        server.stdout.close()
        connection.close()
        answered[document] = verdict
        assert {one.document: one.verdict for one in read_log(log_of(release))} == answered
        time.sleep(0.01)
