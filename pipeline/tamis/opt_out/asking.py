"""Asking one site: robots.txt, tdmrep.json, ai.txt, and the headers of its home page. Politely: one request at a time,
a pause between them, and no more than a few tries."""

from __future__ import annotations

import hashlib
import http.client
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.error import HTTPError, URLError

import orjson

from tamis import __version__
from tamis.opt_out.robots import MAX_CHARACTERS
from tamis.opt_out.snapshot import Row

USER_AGENT = f"tamis/{__version__} (opt-out snapshot; asks for robots.txt and reservations of rights)"
_REDIRECTS = 5
"""The RFC asks for five at least."""
_CHUNK = 65_536
_KEPT_HEADERS = ("content-usage", "content-signal", "tdm-reservation", "tdm-policy", "x-robots-tag")
_LATER = (429, 500, 502, 503, 504)


Wait = Callable[[float], None]
"""Waits so many seconds."""


@dataclass(frozen=True)
class Manners:
    """How sites are asked."""

    timeout: float = 10.0
    """Seconds that one answer may take, all in all."""
    retries: int = 2
    """Further tries after no answer, or one that says "later"."""
    pause: float = 0.5
    """Seconds between two requests to a site; before a further try twice as long each time."""
    user_agent: str = USER_AGENT
    others: bool = True
    """Whether to ask for more than robots.txt."""
    schemes: tuple[str, ...] = ("https", "http")
    """Tried in order, until one answers."""


class Answer(NamedTuple):
    """One answer: status None when there was none."""

    status: int | None
    body: bytes
    url: str
    headers: Mapping[str, str]
    error: str | None

    @property
    def text(self) -> str | None:
        """The body of a good answer."""
        if self.status is None or not 200 <= self.status < 300:
            return None
        return self.body.decode("utf-8", "replace").replace("\x00", "\ufffd")


class _FewRedirects(urllib.request.HTTPRedirectHandler):
    max_redirections = _REDIRECTS


def _opener() -> urllib.request.OpenerDirector:
    """Speaks HTTP and HTTPS alone: a redirect leads to no file and no other protocol."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(), urllib.request.HTTPHandler(), urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(), _FewRedirects(), urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):  # fmt: skip
        opener.add_handler(handler)
    return opener


def get(url: str, manners: Manners, method: str = "GET") -> Answer:
    """One request with its redirects, without further tries."""
    deadline = time.monotonic() + manners.timeout
    headers = {"User-Agent": manners.user_agent, "Accept": "text/plain, */*;q=0.5"}
    try:
        request = urllib.request.Request(url, headers=headers, method=method)
        with _opener().open(request, timeout=manners.timeout) as response:
            body = bytearray()
            while len(body) < MAX_CHARACTERS and (chunk := response.read1(_CHUNK)):
                body += chunk
                if time.monotonic() > deadline:
                    raise TimeoutError(f"the answer took longer than {manners.timeout:g} s")
            found = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, bytes(body[:MAX_CHARACTERS]), response.url, found, None)
    except HTTPError as error:
        with error:
            return Answer(error.code, b"", error.url or url, {}, None)
    except (URLError, OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        return Answer(None, b"", url, {}, f"{type(reason).__name__}: {reason}"[:200])


def _robots(site: str, manners: Manners, wait: Wait) -> tuple[str, Answer]:
    """The scheme that answered, and the answer: every scheme is tried before one is tried again."""
    scheme, answer = "", Answer(None, b"", "", {}, None)
    for attempt in range(manners.retries + 1):
        for scheme in manners.schemes:
            wait(manners.pause * 2**attempt if attempt else 0)
            answer = get(f"{scheme}://{site}/robots.txt", manners)
            if answer.status is not None:
                break
        if answer.status is not None and answer.status not in _LATER:
            break
    return scheme, answer


def ask(site: str, manners: Manners, wait: Wait = time.sleep) -> Row:
    """What a site (a host, perhaps with a port) answers now. `wait` is called before every request."""
    date = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    scheme, robots = _robots(site, manners, wait)
    row = robots_row(site, date, robots.status, robots.text, robots.url, robots.error)
    if robots.status is not None and manners.others:
        root = f"{scheme}://{site}"
        for column, path in (("tdmrep", "/.well-known/tdmrep.json"), ("ai_txt", "/ai.txt")):
            wait(manners.pause)
            text = get(root + path, manners).text
            # A server that has a page for every address has one for these.
            if text and text.lstrip()[:1] not in ("", "<"):
                row[column] = text  # type: ignore[literal-required]
        wait(manners.pause)
        headers = get(f"{root}/", manners, "HEAD").headers
        kept = {name: headers[name] for name in _KEPT_HEADERS if name in headers}
        row["headers"] = orjson.dumps(kept).decode() if kept else None
    return row


def robots_row(
    site: str, date: str | None, status: int | None, text: str | None, url: str, error: str | None = None
) -> Row:
    """A row of a snapshot with what is known of robots.txt."""
    return {
        "site": site,
        "date": date,
        "status": status,
        "error": error,
        "url": url,
        "sha256": None if text is None else hashlib.sha256(text.encode()).hexdigest(),
        "robots": text,
    }
