"""Addresses on the Hugging Face Hub, `hf://datasets/ORG/NAME@REVISION/path/*.parquet`, pinned to a commit.

A branch and a tag may move, a commit can't: what a branch or tag stands for is asked once, before anything is read, and
the recipe of the run and of the release's manifest names the commit.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from tamis.errors import InputError
from tamis.recipe.load import expand
from tamis.recipe.model import Source

_ADDRESS = re.compile(
    r"hf://datasets/(?P<repo>[\w.-]+/[\w.-]+)"
    r"(?:@(?P<revision>refs/(?:convert|pr)/[^/]+|[^/]+))?(?P<file>/.+)"
)
_COMMIT = re.compile(r"[0-9a-f]{40}")


def pinned(source: Source) -> Source:
    """The source with a commit in every path on the Hub. Asks the Hub only where the recipe names a branch or tag.

    Raises InputError for a path without a revision (it tells the commit to write), and for a repository or revision
    that isn't there or can't be asked for.
    """
    paths = tuple(_pinned(source.name, path) for path in source.path)
    return source if paths == source.path else source.model_copy(update={"path": paths})


def _pinned(source: str, written: str) -> str:
    if "hf://" not in written and "${" not in written:
        return written
    path = expand(written)
    if not path.startswith("hf://") or path.startswith("hf://buckets/"):
        return written
    match = _ADDRESS.fullmatch(path)
    if match is None:
        raise InputError(
            f"source {source}: {written} is no address of a data set on the Hub: write hf://datasets/ORG/NAME@COMMIT/path/*.parquet"
        )
    repo, revision = match["repo"], match["revision"]
    if revision is None:
        commit = _commit(source, written, repo, None)
        raise InputError(
            f"source {source}: {written} names no revision, so another day might read other files. Write "
            f"hf://datasets/{repo}@{commit}{match['file']} (its main branch as it is now)"
        )
    if _COMMIT.fullmatch(revision):
        return written
    commit = _commit(source, written, repo, unquote(revision))
    asked = f"@{revision}/"
    return (written if asked in written else path).replace(asked, f"@{commit}/", 1)


def _commit(source: str, written: str, repo: str, revision: str | None) -> str:
    """The commit that a revision is now."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    place = f"source {source}: {written}"
    try:
        info = HfApi(library_name="tamis").repo_info(repo, repo_type="dataset", revision=revision)
    except GatedRepoError as error:
        raise InputError(f"{place}: access to {repo} is gated. Accept its terms on the Hub and set HF_TOKEN") from error
    except RepositoryNotFoundError as error:
        raise InputError(f"{place}: the Hub has no data set {repo}, or HF_TOKEN doesn't open it") from error
    except RevisionNotFoundError as error:
        raise InputError(f"{place}: {repo} has no revision {revision!r}; give a commit, tag or branch") from error
    except (HFValidationError, HfHubHTTPError, OSError, ValueError) as error:
        raise InputError(
            f"{place}: the Hub can't be asked which commit that is ({(str(error).splitlines() or ['no answer'])[0]}). "
            "Write the commit itself (40 hex digits) after the @, or try again"
        ) from error
    except Exception as error:  # the HTTP client under it raises errors of its own when there is no network
        if not type(error).__module__.startswith(("httpx", "httpcore", "requests")):
            raise
        raise InputError(
            f"{place}: the Hub can't be reached ({type(error).__name__}). Write the commit itself (40 hex digits) "
            "after the @, or try again online"
        ) from error
    return str(info.sha)
