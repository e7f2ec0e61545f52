"""`python -m safety` is the command `jiezhu`."""

from safety.app.cli import main

main()
