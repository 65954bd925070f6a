"""Whatever goes wrong on the way: main is as it was or complete, and the same command goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hub_files import REPO, bytes_of, contents, deliver, watched
from hub_server import Hub
from hub_store import Blob

from tamis.errors import PublishError
from tamis.hub.outgoing import outgoing

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
LINES = {
    "whoami": "GET /api/whoami", "create": "POST /api/repos/create", "refs": "/refs$", "tree": "/tree/",
    "card": "validate-yaml", "discussions": "GET .*/discussions$", "open": "POST .*/discussions$",
    "preupload": "/preupload/", "batch": "/objects/batch", "put": "^PUT /objects", "verify": "/verify$",
    "commit": "POST .*/commit/", "status": "/status$", "merge": "/merge$", "tag": "POST .*/tag/", "head": "/revision/",
}  # fmt: skip


def complete(hub: Hub, *releases: Path) -> None:
    """Main and the tag have the last release; main had nothing else but the ones before."""
    repo = hub.repos[REPO]
    assert contents(repo.tree("main")) == bytes_of(releases[-1])
    assert len(repo.tags) == len(releases)
    watched(repo, *releases)
    assert len(repo.mains) == 1 + len(releases), "one merge each"


@pytest.mark.parametrize("fault", [{"status": 503}, {"drop": "after"}], ids=["503", "answer lost"])
@pytest.mark.parametrize("line", LINES)
def test_one_bad_answer_does_no_harm(
    hub: Hub, made: dict[str, Path], waits: list[float], line: str, fault: dict[str, object]
) -> None:
    made_of = hub.fault(LINES[line], **fault)
    deliver(hub, made["open"])
    assert made_of.hits > 0
    complete(hub, made["open"])
    requests = hub.repos[REPO].requests.values()
    assert [one.status for one in requests] == ["merged"], "no second pull request"


@pytest.mark.parametrize(
    ("line", "status"),
    [("create", 409), ("open", 409), ("commit", 409), ("commit", 412), ("merge", 409), ("merge", 412), ("tag", 409)],
)
def test_one_conflict_does_no_harm(hub: Hub, made: dict[str, Path], waits: list[float], line: str, status: int) -> None:
    """Where the Hub writes it may say that somebody else does, too: nothing of the request was done."""
    made_of = hub.fault(LINES[line], status=status)
    deliver(hub, made["open"])
    assert made_of.hits > 0
    complete(hub, made["open"])


@pytest.mark.parametrize("line", ["commit", "merge"])
def test_a_conflict_without_end(hub: Hub, made: dict[str, Path], waits: list[float], line: str) -> None:
    busy = hub.fault(LINES[line], status=409, times=10**6)
    with pytest.raises(PublishError):
        deliver(hub, made["open"])
    assert len(hub.repos[REPO].mains) == 1 and not hub.repos[REPO].tags
    busy.times = 0
    deliver(hub, made["open"])
    complete(hub, made["open"])


def test_as_long_as_the_hub_asks_for(hub: Hub, made: dict[str, Path], waits: list[float]) -> None:
    hub.fault("POST .*/commit/", status=429, headers={"Retry-After": "77"})
    hub.fault("/objects/batch", status=429, headers={"Retry-After": "55"})
    deliver(hub, made["open"])
    assert 77.0 in waits and 56.0 in waits  # the client adds a second
    complete(hub, made["open"])


@pytest.mark.parametrize("line", ["POST .*/commit/", "^PUT /objects", "/merge$"])
def test_a_hub_that_stays_down(hub: Hub, made: dict[str, Path], waits: list[float], line: str) -> None:
    down = hub.fault(line, status=503, times=10**6)
    with pytest.raises(PublishError, match="the same command goes on from here"):
        deliver(hub, made["open"])
    assert len(hub.repos[REPO].mains) == 1 and not hub.repos[REPO].tags
    down.times = 0
    assert "going on with pull request 1" in deliver(hub, made["open"])[1]
    complete(hub, made["open"])


def test_one_file_is_stored_wrong_once(hub: Hub, made: dict[str, Path], waits: list[float]) -> None:
    hub.fault("^PUT /objects", corrupt=True, after=2)
    deliver(hub, made["open"])
    complete(hub, made["open"])


def test_a_file_that_is_stored_wrong_again_and_again(hub: Hub, made: dict[str, Path], waits: list[float]) -> None:
    hub.fault("^PUT /objects", corrupt=True, times=10**6)
    with pytest.raises(PublishError, match=r"another content than was sent: .* expected .*\. main is as it was"):
        deliver(hub, made["open"])
    assert len(hub.repos[REPO].mains) == 1 and not hub.repos[REPO].tags


def test_a_file_in_git_that_is_stored_wrong(hub: Hub, made: dict[str, Path], waits: list[float]) -> None:
    def spoil() -> None:
        repo = hub.repos[REPO]
        repo.commit("refs/pr/1", {"LICENSES.md": Blob(b"free for all", None, 12)}, [], "spoilt", None)

    hub.fault("/tree/refs|/tree/[0-9a-f]{40}", run=spoil, after=3)
    deliver(hub, made["open"])
    complete(hub, made["open"])


def test_a_file_that_the_repository_ignores(hub: Hub, made: dict[str, Path], waits: list[float]) -> None:
    def ignore() -> None:
        ignored = {".gitignore": Blob(b"stats/.*", None, 8)}
        hub.repos[REPO].commit("refs/pr/1", ignored, [], "ignore", None)

    hub.fault("/preupload/", run=ignore)
    deliver(hub, made["open"])
    complete(hub, made["open"])


def test_somebody_else_writes_to_the_pull_request(hub: Hub, made: dict[str, Path], waits: list[float]) -> None:
    def write() -> None:
        hub.repos[REPO].commit("refs/pr/1", {"more.txt": Blob(b"x", None, 1)}, [], "helpful", None)

    hub.fault("POST .*/commit/", run=write)  # after our parent was read: 412
    deliver(hub, made["open"])
    complete(hub, made["open"])


def test_main_moves_before_the_merge(hub: Hub, made: dict[str, Path], waits: list[float]) -> None:
    """Another version of the dataset is merged while ours is sent: ours comes on top, whole."""

    def publish_other() -> None:
        os.environ["HF_TOKEN"] = "hf_other"
        try:
            deliver(hub, made["open"])
        finally:
            os.environ["HF_TOKEN"] = "hf_writer"

    hub.fault("POST .*/commit/", run=publish_other)
    deliver(hub, made["next"])
    complete(hub, made["open"], made["next"])


def test_another_s_request_of_the_same_name_is_not_ours(hub: Hub, made: dict[str, Path], waits: list[float]) -> None:
    down = hub.fault("/merge$", status=503, times=10**6)
    with pytest.raises(PublishError):
        deliver(hub, made["open"])
    hub.repos[REPO].requests[1].author = "eve"
    down.times = 0
    deliver(hub, made["open"])
    assert [one.status for one in hub.repos[REPO].requests.values()] == ["open", "merged"]
    complete(hub, made["open"])


def test_what_was_sent_is_not_sent_again(hub: Hub, made: dict[str, Path], waits: list[float]) -> None:
    down = hub.fault("POST .*/commit/", status=503, times=10**6)
    with pytest.raises(PublishError):
        deliver(hub, made["open"])
    down.times = 0
    before = hub.called("^PUT /objects")
    assert before
    deliver(hub, made["open"])
    assert hub.called("^PUT /objects") == before
    complete(hub, made["open"])


def killed(hub: Hub, release: Path, match: str, after: int, small: bool = False) -> None:
    """Starts the command in a process of its own and kills it at a request; the request itself is done."""
    there, go_on = threading.Event(), threading.Event()

    def stop() -> None:
        there.set()
        go_on.wait(30)

    fault = hub.fault(match, run=stop, after=after)
    code = "import sys\nfrom tamis.hub import publish\n" + ("publish.COMMIT_FILES = 3\n" if small else "")
    code += "from tamis.cli.main import main\nsys.argv[0] = 'tamis'\nmain()"
    command = [sys.executable, "-c", code, "publish", str(release), "--repo", REPO, "--endpoint", hub.url]
    environment = {**os.environ, "HF_TOKEN": "hf_writer", "HF_HUB_DISABLE_XET": "1"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        try:
            assert there.wait(60), process.communicate(timeout=5)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
            go_on.set()
    assert fault.hits > after


@pytest.mark.service
@pytest.mark.parametrize(("match", "after"), [("POST .*/commit/", 1), ("/merge$", 0), ("POST .*/tag/", 0)])
def test_killed_it_goes_on(
    hub: Hub, made: dict[str, Path], monkeypatch: pytest.MonkeyPatch, match: str, after: int
) -> None:
    deliver(hub, made["next"])
    killed(hub, made["held"], match, after, small=True)
    watched_main(hub, made)
    monkeypatch.setattr("tamis.hub.publish.COMMIT_FILES", 3)
    deliver(hub, made["held"])
    watched_main(hub, made)
    repo = hub.repos[REPO]
    assert repo.tags["2.0.0"] == repo.head("main") and len(repo.mains) == 3
    assert [one.status for one in repo.requests.values()] == ["merged", "merged"]


def watched_main(hub: Hub, made: dict[str, Path]) -> None:
    """Main was empty, the version before, or all of the next, whose withheld files are named in it."""
    with outgoing(made["held"]) as leaving:
        whole = {file.path: (leaving.root / file.path).read_bytes() for file in leaving.files}
    for tree in hub.repos[REPO].mains:
        assert contents(tree) in [{}, bytes_of(made["next"]), whole]


@pytest.mark.service
def test_through_the_content_store(
    hub: Hub, made: dict[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With hf-xet, large files go to a content store of chunks; here it is a folder."""
    pytest.importorskip("hf_xet")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", False)
    hub.cas = str(tmp_path / "cas")
    Path(hub.cas).mkdir()
    deliver(hub, made["open"])
    repo = hub.repos[REPO]
    assert hub.called("xet-write-token") and not hub.called("^PUT /objects")
    assert any(path.is_file() for path in Path(hub.cas).rglob("*"))
    for path, content in bytes_of(made["open"]).items():
        blob = repo.tree("main")[path]
        assert blob.bytes == len(content) and (blob.data is None or blob.data == content)
