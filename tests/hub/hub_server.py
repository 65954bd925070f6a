"""A Hub on a real socket: the endpoints that publishing and downloading call, with faults on demand."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from hub_store import Blob, PullRequest, Refused, Repo

TOKENS = {"hf_writer": ("ada", True), "hf_other": ("eve", True), "hf_reader": ("bob", False)}
DATE = "2026-01-02T03:04:05.000Z"
PAGE = 25
"""Entries of a page of a tree: small, so that there are several."""
PART = 40_000
"""Bytes above which a large file goes in parts, and of each."""
ID = r"/api/datasets/(?P<id>[^/]+/[^/]+)"


@dataclass
class Fault:
    """What goes wrong with the requests that match, after `after` that go well, `times` times."""

    match: str
    """Regular expression of `METHOD /path`."""
    status: int = 0
    """Answer with this status; 0: another fault."""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b'{"error": "a fault"}'
    drop: str = ""
    """`before`: the connection ends before anything is done; `after`: when all is done, and nothing answered."""
    corrupt: bool = False
    """The bytes that arrive are not those that are stored."""
    run: Callable[[], None] | None = None
    """Called before the request is done."""
    after: int = 0
    times: int = 1
    hits: int = 0


class Hub:
    """The server; `with Hub() as hub` runs it."""

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.faults: list[Fault] = []
        self.log: list[str] = []
        self.cas: str | None = None
        """Folder of the content store that clients with hf-xet write to."""
        self.lock = threading.RLock()
        self.parts: dict[str, dict[int, bytes]] = {}

    def __enter__(self) -> Hub:
        hub = self

        class Bound(Handler):
            """Answers for this server."""

        Bound.hub = hub
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Bound)
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._http.server_port}"

    def fault(self, match: str, **what: Any) -> Fault:
        """Something goes wrong from here on."""
        made = Fault(match, **what)
        self.faults.append(made)
        return made

    def called(self, match: str) -> int:
        """Requests so far that match."""
        return sum(re.search(match, line) is not None for line in self.log)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    hub: Hub
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""

    def do_GET(self) -> None:
        self._handle()

    do_POST = do_PUT = do_DELETE = do_HEAD = do_GET

    def _handle(self) -> None:
        url = urlsplit(self.path)
        self.query = {key: values[-1] for key, values in parse_qs(url.query).items()}
        self.body = self._read()
        line = f"{self.command} {url.path}"
        fault = self._fault(line)
        if fault is not None and fault.run is not None:
            fault.run()
        if fault is not None and (fault.status or fault.drop == "before"):
            self._drop() if fault.drop else self._answer(fault.status, fault.body, fault.headers)
            return
        if fault is not None and fault.corrupt:
            self.body = bytes([self.body[0] ^ 1]) + self.body[1:]
        try:
            answer = self._route(line)
        except Refused as error:
            headers = {"X-Error-Code": error.code, "X-Error-Message": error.message}
            answer = (error.status, json.dumps({"error": error.message}).encode(), headers if error.code else {})
        self._drop() if fault is not None and fault.drop == "after" else self._answer(*answer)

    def _read(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        found = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            found += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return found

    def _fault(self, line: str) -> Fault | None:
        with self.hub.lock:
            self.hub.log.append(line)
            for fault in self.hub.faults:
                if re.search(fault.match, line):
                    fault.hits += 1
                    if fault.after < fault.hits <= fault.after + fault.times:
                        return fault
        return None

    def _drop(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(2)

    def _answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.send_response(status)
            given = {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}
            for name, value in given.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
            self.wfile.flush()

    def _route(self, line: str) -> tuple[int, bytes, dict[str, str]]:
        for pattern, name, writes in ROUTES:
            match = re.fullmatch(pattern, line)
            if match is None:
                continue
            self.user = self._user(writes)
            groups = {key: unquote(value) for key, value in match.groupdict().items() if value is not None}
            if "id" in groups:
                groups["repo"] = self._repo(groups.pop("id"))  # type: ignore[assignment]
            done = getattr(self, name)(**groups)
            if isinstance(done, tuple):
                return done
            return 200, json.dumps({} if done is None else done).encode(), {}
        raise Refused(404, f"no such endpoint: {line}")

    def _user(self, writes: bool) -> str:
        given = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if given and given not in TOKENS:
            raise Refused(401, "Invalid credentials in Authorization header", "Unauthorized")
        name, may_write = TOKENS.get(given, ("", False))
        if writes and not may_write:
            raise Refused(403, "You don't have the required permissions")
        return name

    def _repo(self, name: str) -> Repo:
        repo = self.hub.repos.get(name)
        if repo is None or (repo.visibility == "private" and not self.user):
            raise Refused(404, "Repository not found", "RepoNotFound")
        return repo

    @property
    def data(self) -> Any:
        """The request's JSON."""
        return json.loads(self.body)

    def whoami(self) -> Any:
        if not self.user:
            raise Refused(401, "Invalid username or password.")
        return {"type": "user", "name": self.user}

    def create(self) -> Any:
        name = f"{self.data['organization']}/{self.data['name']}"
        url = {"url": f"{self.hub.url}/datasets/{name}"}
        with self.hub.lock:
            if name in self.hub.repos:
                return 409, json.dumps({"error": "You already created this dataset repo", **url}).encode(), {}
            self.hub.repos[name] = Repo(name, self.data.get("visibility") or "public")
        return url

    def card(self) -> Any:
        content = self.data["content"]
        if not content.startswith("---\n") or "license:" not in content:
            message = {"errors": [{"message": '"license" is required'}], "warnings": []}
            return 400, json.dumps(message).encode(), {}
        return {"errors": [], "warnings": []}

    def info(self, repo: Repo, rev: str = "main") -> Any:
        oid = repo.head(rev)
        return {
            "id": repo.name, "sha": oid, "private": repo.visibility == "private", "gated": repo.gated, "tags": [],
            "siblings": [{"rfilename": path} for path in repo.tree(oid)],
        }  # fmt: skip

    def refs(self, repo: Repo) -> Any:
        def told(kind: str, refs: dict[str, str]) -> list[dict[str, str]]:
            return [{"name": n, "ref": f"refs/{kind}/{n}", "targetCommit": oid} for n, oid in refs.items()]

        heads = {name: oid for name, oid in repo.branches.items() if not name.startswith("refs/")}
        return {"branches": told("heads", heads), "tags": told("tags", repo.tags), "converts": [], "pullRequests": []}

    def tree(self, repo: Repo, rev: str, path: str = "") -> Any:
        files = sorted(repo.tree(rev).items())
        inside = f"{path}/" if path else ""
        files = [(name, blob) for name, blob in files if name.startswith(inside)]
        if path and not files:
            raise Refused(404, f"no folder {path}", "EntryNotFound")
        folders = []
        if self.query.get("recursive", "").lower() == "false":
            below = [name.removeprefix(inside) for name, _ in files]
            folders = sorted({inside + name.partition("/")[0] for name in below if "/" in name})
            files = [(name, blob) for name, blob in files if "/" not in name.removeprefix(inside)]
        at = int(self.query.get("cursor", 0))
        told: list[dict[str, Any]] = []
        if not at:
            told += [{"type": "directory", "path": name, "size": 0, "oid": "0" * 40} for name in folders]
        for name, blob in files[at : at + PAGE]:
            entry: dict[str, Any] = {"type": "file", "path": name, "size": blob.bytes, "oid": blob.oid}
            if blob.large is not None:
                entry["lfs"] = {"oid": blob.large, "size": blob.bytes, "pointerSize": 130}
            else:
                assert blob.data is not None
                entry["size"] = len(blob.data)
            told.append(entry)
        more = at + PAGE < len(files)
        query = urlencode({**self.query, "cursor": at + PAGE})
        link = {"Link": f'<{self.hub.url}{urlsplit(self.path).path}?{query}>; rel="next"'} if more else {}
        return 200, json.dumps(told).encode(), link

    def commits(self, repo: Repo, rev: str) -> Any:
        return [
            {"id": one.oid, "authors": [{"user": "ada"}], "date": DATE, "title": one.title, "message": ""}
            for one in repo.history(rev)
        ]

    def preupload(self, repo: Repo, rev: str) -> Any:
        tree, told = repo.tree(rev), []
        ignored = tree.get(".gitignore", Blob(b"")).data or b""
        for file in self.data["files"]:
            large = file["path"].endswith((".parquet", ".bin", ".idx")) or file["size"] > 1_000_000
            blob = tree.get(file["path"])
            oid = None if blob is None else blob.large or blob.oid
            ignore = any(re.fullmatch(line, file["path"]) for line in ignored.decode().split())
            told.append({"path": file["path"], "uploadMode": "lfs" if large else "regular", "oid": oid,
                         "shouldIgnore": ignore})  # fmt: skip
        return {"files": told}

    def batch(self, repo: Repo) -> Any:
        objects = []
        for one in self.data["objects"]:
            oid, size = one["oid"], one["size"]
            told: dict[str, Any] = {"oid": oid, "size": size}
            kept = repo.large.get(oid)
            if kept is None or hashlib.sha256(kept).hexdigest() != oid:
                base = f"{self.hub.url}/objects/{repo.name}/{oid}"
                upload: dict[str, Any] = {"href": base}
                if size > PART:
                    parts = {str(n + 1): f"{base}/{n + 1}" for n in range(-(-size // PART))}
                    upload = {"href": base, "header": {"chunk_size": str(PART), **parts}}
                told["actions"] = {"upload": upload, "verify": {"href": f"{base}/verify"}}
            objects.append(told)
        return {"transfer": "basic", "objects": objects}

    def put(self, id_: str, oid: str, part: str = "") -> Any:
        repo = self.hub.repos[id_]
        if not part:
            repo.store(oid, self.body)
        else:
            self.hub.parts.setdefault(oid, {})[int(part)] = self.body
        return 200, b"", {"ETag": f'"{hashlib.md5(self.body).hexdigest()}"'}

    def complete(self, id_: str, oid: str) -> Any:
        parts = self.hub.parts.pop(oid)
        self.hub.repos[id_].store(oid, b"".join(parts[one["partNumber"]] for one in self.data["parts"]))

    def verified(self, id_: str, oid: str) -> Any:
        if len(self.hub.repos[id_].large[oid]) != self.data["size"]:
            raise Refused(400, "another size")

    def commit(self, repo: Repo, rev: str) -> Any:
        lines = [json.loads(line) for line in self.body.splitlines()]
        header, added, deleted = lines[0]["value"], {}, []
        for line in lines[1:]:
            value = line["value"]
            if line["key"] == "file":
                content = base64.b64decode(value["content"])
                added[value["path"]] = Blob(content, None, len(content))
            elif line["key"] == "lfsFile":
                kept = repo.large.get(value["oid"])
                if kept is None and self.hub.cas is None:
                    raise Refused(400, f"{value['path']}: its content was not sent")
                # The checksum is of what is stored, whatever was promised.
                large = value["oid"] if kept is None else hashlib.sha256(kept).hexdigest()
                added[value["path"]] = Blob(kept, large, value["size"])
            else:
                deleted.append(value["path"])
        oid = repo.commit(rev, added, deleted, header["summary"], header.get("parentCommit"))
        return {"commitUrl": f"{self.hub.url}/datasets/{repo.name}/commit/{oid}", "commitOid": oid}

    def branch(self, repo: Repo, name: str) -> Any:
        repo.branch(name, self.data.get("startingPoint") or "main")

    def tag(self, repo: Repo, rev: str) -> Any:
        repo.tag(self.data["tag"], rev)

    def settings(self, repo: Repo) -> Any:
        repo.visibility = self.data.get("visibility", repo.visibility)
        repo.gated = self.data.get("gated", repo.gated)

    def discussions(self, repo: Repo) -> Any:
        every = [self._told(repo, one) for one in repo.requests.values()]
        return {"discussions": every, "count": len(every), "start": 0}

    def open(self, repo: Repo) -> Any:
        made = repo.open(self.data["title"], self.data["description"], self.user)
        return {"num": made.number}

    def discussion(self, repo: Repo, number: str) -> Any:
        one = repo.requests[int(number)]
        changes = {"base": "refs/heads/main", **({"mergeCommitId": one.merged} if one.merged else {})}
        return {**self._told(repo, one), "events": [], "changes": changes, "filesWithConflicts": []}

    def _told(self, repo: Repo, one: PullRequest) -> dict[str, Any]:
        return {
            "num": one.number, "title": one.title, "author": {"name": one.author}, "createdAt": DATE,
            "status": one.status, "isPullRequest": True, "repo": {"name": repo.name, "type": "dataset"},
        }  # fmt: skip

    def status(self, repo: Repo, number: str) -> Any:
        repo.requests[int(number)].status = self.data["status"]
        event = {"id": "0", "type": "status-change", "createdAt": DATE, "data": {"status": self.data["status"]}}
        return {"newStatus": event}

    def merge(self, repo: Repo, number: str) -> Any:
        repo.merge(int(number))

    def resolve(self, repo: Repo, rev: str, path: str) -> Any:
        oid = repo.head(rev)
        blob = repo.tree(oid).get(path)
        if blob is None or blob.data is None:
            raise Refused(404, f"no file {path}", "EntryNotFound")
        etag = blob.large or blob.oid
        headers = {"X-Repo-Commit": oid, "ETag": f'"{etag}"', "X-Linked-Etag": f'"{etag}"',
                   "X-Linked-Size": str(len(blob.data)), "Content-Type": "application/octet-stream"}  # fmt: skip
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if wanted is None:
            return 200, blob.data, headers
        first, last = int(wanted[1]), int(wanted[2] or len(blob.data) - 1)
        headers["Content-Range"] = f"bytes {first}-{last}/{len(blob.data)}"
        return 206, blob.data[first : last + 1], headers

    def xet_token(self, repo: Repo, rev: str) -> Any:
        told = {"accessToken": "xet", "exp": int(time.time()) + 3600, "casUrl": f"local://{self.hub.cas}"}
        headers = {"X-Xet-Cas-Url": told["casUrl"], "X-Xet-Access-Token": "xet", "X-Xet-Token-Expiration":
                   str(told["exp"])}  # fmt: skip
        return 200, json.dumps(told).encode(), headers


ROUTES = [
    (r"GET /api/whoami-v2", "whoami", False),
    (r"POST /api/repos/create", "create", True),
    (r"POST /api/validate-yaml", "card", False),
    (rf"GET {ID}(/revision/(?P<rev>[^/]+))?", "info", False),
    (rf"GET {ID}/refs", "refs", False),
    (rf"GET {ID}/tree/(?P<rev>[^/]+)(/(?P<path>.+))?", "tree", False),
    (rf"GET {ID}/commits/(?P<rev>[^/]+)", "commits", False),
    (rf"POST {ID}/preupload/(?P<rev>[^/]+)", "preupload", True),
    (r"POST /datasets/(?P<id>[^/]+/[^/]+)\.git/info/lfs/objects/batch", "batch", True),
    (r"PUT /objects/(?P<id_>[^/]+/[^/]+)/(?P<oid>[0-9a-f]{64})(/(?P<part>\d+))?", "put", False),
    (r"POST /objects/(?P<id_>[^/]+/[^/]+)/(?P<oid>[0-9a-f]{64})", "complete", False),
    (r"POST /objects/(?P<id_>[^/]+/[^/]+)/(?P<oid>[0-9a-f]{64})/verify", "verified", False),
    (rf"POST {ID}/commit/(?P<rev>[^/]+)", "commit", True),
    (rf"POST {ID}/branch/(?P<name>[^/]+)", "branch", True),
    (rf"POST {ID}/tag/(?P<rev>[^/]+)", "tag", True),
    (rf"PUT {ID}/settings", "settings", True),
    (rf"GET {ID}/discussions", "discussions", False),
    (rf"POST {ID}/discussions", "open", True),
    (rf"GET {ID}/discussions/(?P<number>\d+)", "discussion", False),
    (rf"POST {ID}/discussions/(?P<number>\d+)/status", "status", True),
    (rf"POST {ID}/discussions/(?P<number>\d+)/merge", "merge", True),
    (rf"GET {ID}/xet-write-token/(?P<rev>[^/]+)", "xet_token", True),
    (r"(GET|HEAD) /datasets/(?P<id>[^/]+/[^/]+)/resolve/(?P<rev>[^/]+)/(?P<path>.+)", "resolve", False),
]
"""Pattern, method, and whether it takes the right to write."""
