"""The sample: a recipe and documents written for it (CC0-1.0), shipped inside the package."""
