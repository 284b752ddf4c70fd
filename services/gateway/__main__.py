"""`python -m services.gateway` serves; `python -m services.gateway add-person` adds an account."""

import argparse
import sys

from services.gateway import add_person
from services.gateway.service import make
from services.gateway.settings import GatewaySettings
from services.runtime import process


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m services.gateway", description="The gateway of Upper Street.")
    commands = parser.add_subparsers(dest="command", metavar="add-person")
    add_person.arguments(commands.add_parser("add-person", help="add an account"))
    given = parser.parse_args()
    if given.command == "add-person":
        sys.exit(add_person.run(given))
    process.run("gateway", GatewaySettings, make)


if __name__ == "__main__":
    main()
