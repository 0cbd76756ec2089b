"""Lets `python -m fimble` do what `fimble` does."""

from fimble.cli import main

if __name__ == "__main__":
    main()
