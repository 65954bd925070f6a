"""Web archives made for tests: records, each a gzip member of its own, as crawlers write them."""

from __future__ import annotations

import gzip
import uuid
from collections.abc import Sequence

NAMESPACE = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")


def record(kind: str, content: bytes, url: str = "", date: str = "2024-05-06T07:08:09Z", **more: str) -> bytes:
    """One record; further headers are spelled `Some_Name`."""
    headers = {
        "WARC-Type": kind,
        "WARC-Record-ID": f"<urn:uuid:{id_of(url + kind)}>",
        "WARC-Date": date,
        **({"WARC-Target-URI": url} if url else {}),
        **{name.replace("_", "-"): value for name, value in more.items()},
        "Content-Length": str(len(content)),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return b"WARC/1.0\r\n" + head.encode() + b"\r\n" + content + b"\r\n\r\n"


def id_of(name: str) -> str:
    """The UUID that `record` gives: the URL's and the kind's."""
    return str(uuid.uuid5(NAMESPACE, name))


def response(
    url: str, body: bytes, mime: str = "text/html", status: str = "200 OK", head: str = "", **more: str
) -> bytes:
    """An HTTP response; `head` holds further lines of its header."""
    message = f"HTTP/1.1 {status}\r\n" + (f"Content-Type: {mime}\r\n" if mime else "") + head + "\r\n"
    return record(
        "response", message.encode("latin-1") + body, url, Content_Type="application/http; msgtype=response", **more
    )


def page(text: str, title: str = "Title", head: str = "") -> bytes:
    """An HTML page with a menu around its text."""
    return (
        f"<!doctype html><html><head><title>{title}</title>{head}</head><body><nav><a href='/'>Home</a></nav>"
        f"<main><h1>{title}</h1><p>{text}</p></main></body></html>"
    ).encode()


def members(records: Sequence[bytes]) -> bytes:
    """The records as a .warc.gz holds them."""
    return b"".join(gzip.compress(one, 6, mtime=0) for one in records)
