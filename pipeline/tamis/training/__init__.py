"""Models trained on a corpus by themselves: tokenizers, classifiers."""
