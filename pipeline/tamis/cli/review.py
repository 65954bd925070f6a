"""`tamis review`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("review")
@click.argument("release", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port of the page.  [default: any that is free]")
@click.option(
    "--reviewer", default="reviewer", show_default=True, metavar="NAME",
    help="Your pseudonym in the log of verdicts. It stays out of the card.",
)  # fmt: skip
@click.option("--blind", is_flag=True, help="Don't show what the pipeline decided, and shuffle the samples.")
def command(release: Path, port: int, reviewer: str, blind: bool) -> None:
    """Review the samples of RELEASE on a local page: kept, dropped and near-threshold documents.

    Keys: k keep, d drop, u unsure, n note, arrows to go on and back. Every verdict is on disk at once, in
    RELEASE.review.jsonl beside the release; the same command goes on where you stopped. Reviewers take turns or work
    at the same time, each with a --reviewer of their own. Then `tamis card RELEASE` puts counts and agreement on the
    card, without names. The page is served to this machine alone; Ctrl-C ends it.
    """
    from tamis.review.server import ReviewServer

    with ReviewServer(release, reviewer, port, blind) as server:
        click.echo(f"{len(server.samples)} samples of {release}, reviewer {reviewer}: {server.url}")
        click.echo("open it in a browser; Ctrl-C ends it, and every verdict is kept", err=True)
        try:
            server.serve_forever(poll_interval=0.2)
        except KeyboardInterrupt:
            click.echo("", err=True)
        done = len(server.verdicts())
        click.echo(f"{done} of {len(server.samples)} samples have a verdict of {reviewer}, in {server.log}")
    if done:
        click.echo(f"put counts and agreement on the card: tamis card {release}")
