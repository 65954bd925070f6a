"""`tamis card`."""

from __future__ import annotations

from pathlib import Path

import click

from tamis.cli.options import json_option, writing_to


@click.command("card")
@click.argument("release", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option(
    "--to", type=click.Path(path_type=Path, file_okay=False), help="Write it to this folder, not into the release."
)
@json_option
def command(release: Path, to: Path | None, as_json: bool) -> None:
    """Write the data card of RELEASE again, from its manifest and ledger alone.

    In place, the manifest's checksums of the card's files are brought up to date with it.
    """
    from tamis.cards.rewrite import rewrite_card
    from tamis.cli.output import busy, print_json
    from tamis.corpus.commit import make_folder

    if to is not None:
        with writing_to(to):
            make_folder(to)
    with busy("writing the card"):
        written = rewrite_card(release, to)
    if as_json:
        print_json({"release": str(release), "files": [str(path) for path in written]})
    else:
        click.echo(f"wrote {len(written)} files, first {written[0]}")
