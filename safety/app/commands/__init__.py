"""One module for each command of `jiezhu`."""
