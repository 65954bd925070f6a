"""`tamis publish`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tamis.cli.options import json_option

if TYPE_CHECKING:
    from tamis.hub.outgoing import Outgoing
    from tamis.hub.publish import Published, PublishOptions
    from tamis.hub.ready import Limit

SHOWN = 20
"""Withheld files that are printed for people, at most."""


@click.command("publish")
@click.argument("release", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("--repo", required=True, metavar="NAMESPACE/NAME", help="The dataset repository; made if it isn't there.")
@click.option("--dry-run", is_flag=True, help="Make every check and show what would leave. Contacts nobody.")
@click.option(
    "--private/--public", "private", default=None,
    help="Who may see the repository.  [default: as it is; a new one as its namespace has it]",
)  # fmt: skip
@click.option(
    "--gated", type=click.Choice(["auto", "manual"]), default=None,
    help="Readers ask for access, granted by itself or by hand.  [default: as it is]",
)  # fmt: skip
@click.option("--pull-request", is_flag=True, help="Stop before the merge, and leave the pull request to people.")
@click.option("--branch", metavar="NAME", help="Publish on this branch and leave main alone; no tag without --tag.")
@click.option("--tag", metavar="NAME", help="Name of the tag.  [default: the version]")
@click.option(
    "--endpoint", metavar="URL", envvar="HF_ENDPOINT", default=None, show_envvar=True,
    help="Another Hub than huggingface.co.",
)  # fmt: skip
@json_option
def command(
    release: Path, repo: str, dry_run: bool, private: bool | None, gated: str | None, pull_request: bool,
    branch: str | None, tag: str | None, endpoint: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Publish RELEASE as a dataset on the Hugging Face Hub.

    It has to verify, and to tell what a reader has to know; text that may not be handed on stays here and leaves as
    a list of ids. Files go into a pull request, are compared there by checksum, and one merge puts them all on main;
    then the version is tagged. Interrupted, the same command goes on. The token is HF_TOKEN, or the one of
    `hf auth login`.
    """
    from tamis.cli.output import busy, print_json
    from tamis.hub.publish import PublishOptions
    from tamis.hub.ready import ready

    options = PublishOptions(private, gated, branch, pull_request, tag)
    _check(repo, options)
    with ready(release, busy) as (leaving, limits):
        if not dry_run:
            published = _publish(leaving, repo, endpoint, options)
        if as_json:
            print_json(_facts(leaving, limits) if dry_run else {"repo": repo, **vars(published)})
        elif dry_run:
            _show(leaving, limits, repo, options)
        else:
            _tell(leaving, published)


def _check(repo: str, options: PublishOptions) -> None:
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    from tamis.errors import OptionError

    try:
        validate_repo_id(repo)
    except HFValidationError as error:
        raise OptionError(f"--repo {repo}: {error}") from None
    if repo.count("/") != 1:
        raise OptionError(f"--repo {repo}: give the namespace, too, a user or an organization: NAMESPACE/{repo}")
    if options.branch is not None and options.pull_request:
        raise OptionError("--branch and --pull-request exclude one another: a pull request goes to main")


def _publish(leaving: Outgoing, repo: str, endpoint: str | None, options: PublishOptions) -> Published:
    from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined]

    from tamis.cli.publish_progress import PublishProgress
    from tamis.hub.publish import publish
    from tamis.hub.remote import Remote

    # Ours tells of the whole; the client's of one file each.
    disable_progress_bars()
    with PublishProgress() as progress:
        return publish(leaving, Remote(repo, endpoint, say=progress.say), options, progress)


def _facts(leaving: Outgoing, limits: list[Limit]) -> dict[str, Any]:
    return {
        "files": [vars(file) for file in leaving.files],
        "bytes": leaving.bytes,
        "withheld": [file.model_dump() for file in leaving.withheld],
        "limits": [vars(limit) | {"kept": limit.kept} for limit in limits],
    }


def _show(leaving: Outgoing, limits: list[Limit], repo: str, options: PublishOptions) -> None:
    """What would leave, for people."""
    from tamis.cli.output import console, number, size, table

    files: Counter[str] = Counter()
    bytes_: Counter[str] = Counter()
    for file in leaving.files:
        folder = f"{file.path.partition('/')[0]}/" if "/" in file.path else "(top folder)"
        files[folder] += 1
        bytes_[folder] += file.bytes
    rows = [(folder, number(files[folder]), size(bytes_[folder])) for folder in sorted(files)]
    table("What would leave", ("folder", "files", "bytes"), [*rows, ("all", number(len(leaving.files)),
          size(leaving.bytes))], right=(1, 2))  # fmt: skip
    if leaving.withheld:
        console.print()
        shown = [(file.path, size(file.bytes), file.reason) for file in leaving.withheld[:SHOWN]]
        table("What stays here", ("file", "bytes", "because"), shown, right=(1,))
        if len(leaving.withheld) > SHOWN:
            click.echo(f"... and {number(len(leaving.withheld) - SHOWN)} more: --json lists all")
        click.echo(
            f"The text of {number(leaving.documents_withheld)} documents is withheld; withheld/ lists their ids and "
            "addresses, withheld.json these files."
        )
    console.print()

    def shown_as(limit: Limit, value: int) -> str:
        return size(value) if limit.unit == "bytes" else number(value)

    table("The Hub's limits", ("limit", "here", "allowed", "", "where"), [
        (one.name, shown_as(one, one.found), shown_as(one, one.allowed),
         "kept" if one.kept else "ABOVE" if one.hard else "above what is advised", one.where)
        for one in limits
    ], right=(1, 2))  # fmt: skip
    console.print()
    for step, what in enumerate(_steps(leaving, repo, options), 1):
        click.echo(f"{step}. {what}")
    click.echo("Nothing has left: this was a dry run.")


def _steps(leaving: Outgoing, repo: str, options: PublishOptions) -> list[str]:
    """What publishing would do, in order."""
    version = leaving.manifest.version
    seen = {None: "", True: ", private", False: ", public"}[options.private]
    gated = f", gated ({options.gated})" if options.gated else ""
    steps = [f"make the dataset repository {repo}, if it isn't there{seen}{gated}"]
    if options.branch is not None:
        steps.append(f"send the files to branch {options.branch}; main is left alone")
    else:
        steps.append("open a draft pull request, and send the files into it; delete what an earlier version had more")
    steps.append("compare every file there with the manifest by checksum")
    if options.pull_request:
        steps.append("leave the pull request open; after its merge, the same command without --pull-request tags it")
    elif options.branch is None:
        steps.append("merge it into main, in one step, and compare main")
    if options.tag or not (options.branch or options.pull_request):
        steps.append(f"tag it {options.tag or version}")
    return steps


def _tell(leaving: Outgoing, published: Published) -> None:
    from tamis.cli.output import number, size

    name = f"{leaving.manifest.name} {leaving.manifest.version}"
    if published.status == "nothing to do":
        click.echo(f"nothing to do: {name} is at {published.url}, tag {published.tag}, every file the same")
        return
    for path in published.deleted[:SHOWN]:
        click.echo(f"deleted, as this version has it no more: {path}")
    if len(published.deleted) > SHOWN:
        click.echo(f"... and {number(len(published.deleted) - SHOWN)} more")
    sent = f"{number(published.sent_files)} files, {size(published.sent_bytes)} sent; every checksum there is right"
    if published.status == "waiting":
        click.echo(f"{name} waits for people to merge it: {published.url}\n{sent}")
        return
    tag = f", tag {published.tag}" if published.tag else ", no tag"
    click.echo(f"published {name}: {published.url}, commit {published.commit[:12]}{tag}\n{sent}")
    if leaving.withheld:
        click.echo(
            f"the text of {number(leaving.documents_withheld)} documents stayed here; their ids are in withheld/"
        )
