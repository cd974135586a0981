#!/usr/bin/env python
"""Django's command line."""

import os
import sys


def main() -> None:
    """Run a management command."""
    if sys.argv[1:] == ["vault", "new-key"]:
        # What it prints is what the settings refuse to load without: the one command that asks for no settings.
        from neonpro.vault.keys import new_key

        print(new_key())
        return
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "neonpro.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
