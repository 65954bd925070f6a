"""`python -m tamis` is `tamis`."""

from tamis.cli.main import main

main()
