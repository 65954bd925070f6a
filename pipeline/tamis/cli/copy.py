"""`tamis copy`."""

from __future__ import annotations

from pathlib import Path

import click

from tamis.cli.options import json_option


@click.command("copy")
@click.argument("release", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.argument("url")
@json_option
def command(release: Path, url: str, as_json: bool) -> None:
    """Copy RELEASE to the folder URL on object storage, such as s3://BUCKET/FOLDER.

    It has to verify. Every file is read back and compared, and the manifest goes last: where it lies, the copy is
    whole. Interrupted, the same command goes on; a folder with anything else in it is left alone. Credentials and
    endpoint are those of the store's own environment variables (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
    AWS_ENDPOINT_URL). This is a copy of all of the release: to hand it on, publish.
    """
    from tamis.cli.output import busy, number, print_json, size
    from tamis.hub.copying import copy_release

    copied = copy_release(release, url, busy)
    if as_json:
        print_json(vars(copied))
        return
    done = "nothing to do" if not copied.sent else f"{number(copied.sent)} sent"
    click.echo(f"{copied.url}: {number(copied.files)} files, {size(copied.bytes)}, {done}; every one compared")
