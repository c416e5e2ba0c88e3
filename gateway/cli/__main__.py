"""`python -m gateway.cli` is the command `courtesy`."""

from gateway.cli.main import main

main(prog_name="courtesy")
