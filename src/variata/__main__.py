"""`python -m variata`."""

from variata.cli.app import main

if __name__ == "__main__":
    main()
