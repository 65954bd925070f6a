"""The process that trains and quantizes: `python classifier_program.py < options.json`.

A process of its own, because of its environment (see `classifier_fit`).
"""

from __future__ import annotations

import json
import sys

if __name__ == "__main__":
    import fasttext

    options = json.load(sys.stdin)
    model = fasttext.train_supervised(options["examples"], thread=1, verbose=2, **options["train"])
    model.save_model(options["model"])
    # Fewer rows can't be quantized: the library wants 256 of them.
    if model.get_input_matrix().shape[0] >= 256:
        model.quantize(thread=1, **options["quantize"])
        model.save_model(options["quantized"])
