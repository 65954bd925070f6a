"""The JSON of a WAT record: what it tells of the page that a response held."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from tamis.readers.fields import Problem

_DESCRIPTIONS = ("description", "og:description", "twitter:description", "dc.description")
_MAX_STEPS = 12
"""Steps down to which nested fields are taken."""


def description_of(data: bytes) -> dict[str, Any] | Problem | None:
    """Fields of the response that a WAT record describes; None where it describes another record.

    `html` (whether it was a page), `title`, `description`, `links` and `images` (how many), `canonical`,
    `http.status`, `http.NAME` of the response's headers, and every value of the JSON by its dotted path in
    lower case.
    """
    try:
        envelope = orjson.loads(data)["Envelope"]
        kind = envelope["WARC-Header-Metadata"]["WARC-Type"]
    except orjson.JSONDecodeError as error:
        return "bad_json", str(error).partition(": line")[0]
    except (KeyError, TypeError):
        return "wrong_type", "no Envelope with the headers of a WARC record"
    if kind != "response":
        return None
    response = _at(envelope, "Payload-Metadata", "HTTP-Response-Metadata")
    page = _at(response, "HTML-Metadata")
    head = _at(page, "Head")
    metas = [meta for meta in _list(head.get("Metas")) if isinstance(meta, dict)]
    links = [link for link in _list(page.get("Links")) if isinstance(link, dict)]
    fields: dict[str, Any] = {f"envelope.{path}": value for path, value in _flat(envelope)}
    fields |= {f"http.{str(name).lower()}": value for name, value in _at(response, "Headers").items()}
    return fields | {
        "http.status": _at(response, "Response-Message").get("Status"),
        "html": bool(page),
        "title": _line(head.get("Title")),
        "description": _described(metas),
        "links": sum(str(link.get("path", "")).startswith("A@") for link in links),
        "images": sum(str(link.get("path", "")).startswith("IMG@") for link in links),
        "canonical": next((link.get("url") for link in _list(head.get("Link")) if _is(link, "rel", "canonical")), None),
    }


def _at(value: Any, *path: str) -> Mapping[str, Any]:
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _is(value: Any, key: str, expected: str) -> bool:
    return isinstance(value, dict) and str(value.get(key, "")).lower() == expected


def _described(metas: list[dict[str, Any]]) -> str | None:
    named: dict[str, Any] = {}
    for meta in metas:
        named.setdefault(str(meta.get("name") or meta.get("property") or "").lower(), meta.get("content"))
    return next((text for name in _DESCRIPTIONS if (text := _line(named.get(name)))), None)


def _line(value: Any) -> str | None:
    return " ".join(value.split()) or None if isinstance(value, str) else None


def _flat(value: Mapping[str, Any], above: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Single values by their path; lists are left out."""
    for name, item in value.items():
        path = f"{above}{name.lower()}"
        if isinstance(item, dict):
            if depth < _MAX_STEPS:
                yield from _flat(item, f"{path}.", depth + 1)
        elif not isinstance(item, list):
            yield path, item
