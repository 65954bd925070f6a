"""The mix: how often each document is seen."""
