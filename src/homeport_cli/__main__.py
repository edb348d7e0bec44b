"""`python -m homeport_cli` is `homeport`."""

from homeport_cli.main import main

if __name__ == "__main__":
    main()
