"""Run with ``python -m fsens_cli``."""

from fsens_cli.app import main

if __name__ == "__main__":
    main()
