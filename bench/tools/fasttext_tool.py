"""fastText's own library (`fasttext-numpy2`): `predict` with k=1 on the full text of a document, newlines as blanks.

The same work as Tamis' `language` stage with the same model: the library refuses newlines, so both read them as
blanks. One call a document: a list of texts in one call was slower. The label is the model's own, without
`__label__`; Tamis writes the few that aren't BCP 47 as it has them (`als` as `gsw`). One thread; the library has no
other way, so `--workers` changes nothing.
"""

from __future__ import annotations

import os
from importlib.metadata import version

from protocol import Job, main

PACKAGE = "fasttext-numpy2"


def language(job: Job) -> None:
    """The best label of each document."""
    import fasttext

    model = fasttext.load_model(os.environ["LID_MODEL"])
    documents = list(job.documents())
    found = []
    with job.timed():
        for document in documents:
            found.append(model.predict(document["text"].replace("\n", " "), k=1))
    job.notes["workers"] = 1
    job.write(
        {
            "id": document["id"],
            "label": labels[0].removeprefix("__label__") if labels else None,
            "score": float(scores[0]) if labels else None,
        }
        for document, (labels, scores) in zip(documents, found, strict=True)
    )


if __name__ == "__main__":
    main(version(PACKAGE), {"language": language})
