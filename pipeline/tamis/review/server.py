"""The review page: served to this machine alone, from the standard library.

    GET  /             the page
    GET  /samples      the samples, this reviewer's verdicts among them
    POST /verdicts     adds a verdict to the log: {"document", "verdict", "note"}

Requests must name this address as their host, and those that write must carry the page's own token: a page from
elsewhere, open in the same browser, can do neither.
"""

from __future__ import annotations

import hmac
import re
import secrets
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any

import orjson
import xxhash

from tamis.errors import OptionError, TamisError
from tamis.review.samples import Sample, read_samples
from tamis.review.verdicts import NOTE, VERDICTS, Verdict, append, latest, log_of, now, read_log

HOST = "127.0.0.1"
LARGEST = 64_000
"""Bytes of a request, at most."""
PSEUDONYM = re.compile(r"[\w.-]{1,40}\Z")


class ReviewServer(ThreadingHTTPServer):
    """Serves one release to one reviewer. `serve_forever()` until `shutdown()`; `server_port` is the port."""

    daemon_threads = True

    def __init__(self, release: Path, reviewer: str, port: int = 0, blind: bool = False) -> None:
        """Port 0 takes any that is free. Raises OptionError when the port is taken, or the release has no samples."""
        if not PSEUDONYM.match(reviewer):
            raise OptionError(
                f"--reviewer {reviewer!r}: a pseudonym is 1 to 40 letters, digits, '.', '_' and '-', such as r1"
            )
        self.release, self.reviewer, self.blind = release, reviewer, blind
        self.samples = {sample.id: sample for sample in read_samples(release)}
        if not self.samples:
            raise OptionError(
                f"{release} has no samples to review: its recipe says `release: {{samples: 0}}`, or it was made "
                "before samples were drawn. `tamis run` makes it anew"
            )
        self.log = log_of(release)
        self.token = secrets.token_urlsafe(16)
        self.writing = threading.Lock()
        try:
            super().__init__((HOST, port), _Handler)
        except OSError as error:
            raise OptionError(
                f"port {port} of {HOST} can't be used: {error.strerror}. Name another with --port"
            ) from error

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{HOST}:{self.server_port}/"

    def verdicts(self) -> dict[str, Verdict]:
        """This reviewer's last verdicts by document."""
        return {
            document: one
            for (reviewer, document), one in latest(read_log(self.log), list(self.samples.values())).items()
            if reviewer == self.reviewer
        }

    def told(self) -> dict[str, Any]:
        """What the page is made of."""
        mine = self.verdicts()
        samples = [_shown(sample, mine.get(sample.id), self.blind) for sample in self._ordered()]
        return {
            "release": self.release.resolve().name, "reviewer": self.reviewer, "blind": self.blind, "samples": samples
        }  # fmt: skip

    def _ordered(self) -> Sequence[Sample]:
        samples = list(self.samples.values())
        # Blind, the order must not tell what was kept.
        if self.blind:
            return sorted(samples, key=lambda one: xxhash.xxh3_64_hexdigest(one.id.encode()))
        # What lies near a threshold tells most about it.
        return sorted(samples, key=lambda one: not one.kind.startswith("near"))

    def record(self, data: Any) -> Verdict:
        """Adds a verdict to the log. Raises ValueError, and says why, for what is none."""
        if not isinstance(data, dict) or data.get("verdict") not in VERDICTS:
            raise ValueError(f"verdict must be one of {', '.join(VERDICTS)}")
        sample, note = self.samples.get(str(data.get("document"))), data.get("note", "")
        if sample is None:
            raise ValueError("document is no sample of this release")
        if not isinstance(note, str) or len(note) > NOTE:
            raise ValueError(f"note must be text of at most {NOTE} characters")
        verdict = Verdict(sample.id, sample.facts["stratum"], data["verdict"], self.reviewer, now(), sample.shown, note)
        with self.writing:
            append(self.log, verdict)
        return verdict


def _shown(sample: Sample, verdict: Verdict | None, blind: bool) -> dict[str, Any]:
    decided = ("kind", "reason", "rule", "value", "threshold", "stratum")
    facts = {name: value for name, value in sample.facts.items() if not (blind and name in decided)}
    return facts | {"verdict": verdict.verdict if verdict else None, "note": verdict.note if verdict else ""}


class _Handler(BaseHTTPRequestHandler):
    """One request."""

    server: ReviewServer
    server_version, sys_version = "tamis", ""

    def do_GET(self) -> None:
        """The page, or what it shows."""
        if not self._from_here():
            return
        if self.path == "/":
            nonce = secrets.token_urlsafe(16)
            page = (files("tamis.review") / "page.html").read_text(encoding="utf-8")
            page = page.replace("{{nonce}}", nonce).replace("{{token}}", self.server.token)
            self._answer(200, page.encode(), "text/html; charset=utf-8", nonce)
        elif self.path == "/samples":
            try:
                self._json(200, self.server.told())
            except TamisError as error:
                self._json(500, {"error": str(error)})
        else:
            self._json(404, {"error": "no such page"})

    def do_POST(self) -> None:
        """A verdict."""
        if not self._from_here():
            return
        token = self.headers.get("X-Tamis-Token", "")
        size = self.headers.get("Content-Length", "")
        if self.path != "/verdicts":
            self._json(404, {"error": "no such page"})
        elif not hmac.compare_digest(token.encode(), self.server.token.encode()):
            self._json(403, {"error": "the page is of an earlier start of the server: load it again"})
        elif not size.isdigit() or int(size) > LARGEST:
            self._json(413, {"error": f"a request has at most {LARGEST} bytes"})
        else:
            self._record(self.rfile.read(int(size)))

    def _record(self, body: bytes) -> None:
        try:
            verdict = self.server.record(orjson.loads(body))
        except (ValueError, TamisError, OSError) as error:
            self._json(400 if isinstance(error, ValueError) else 500, {"error": str(error)})
        else:
            self._json(200, {"document": verdict.document, "verdict": verdict.verdict, "note": verdict.note})

    def _from_here(self) -> bool:
        """Whether the request names this address: a name that someone else's server resolves to it does not."""
        host = self.headers.get("Host", "")
        if host in (f"{HOST}:{self.server.server_port}", f"localhost:{self.server.server_port}"):
            return True
        self._json(403, {"error": "wrong host"})
        return False

    def _json(self, status: int, data: Any) -> None:
        self._answer(status, orjson.dumps(data), "application/json")

    def _answer(self, status: int, body: bytes, kind: str, nonce: str = "") -> None:
        inline = f"'nonce-{nonce}'" if nonce else "'none'"
        self.send_response(status)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Content-Security-Policy": f"default-src 'none'; script-src {inline}; style-src {inline}; "
            "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        }.items():
            self.send_header(name, value)
        if status >= 400:
            # What is left of a refused request is not read.
            self.close_connection = True
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the terminal shows the progress."""
