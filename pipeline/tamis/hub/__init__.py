"""Publishing a release on the Hugging Face Hub: what may leave, what is checked first, and the way it goes."""
