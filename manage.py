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
    if sys.argv[1:2] == ["verify_certificate"] and any(word.startswith("--public-key") for word in sys.argv):
        # Whoever checks a certificate has neither our settings nor our database.
        from compliance.certificates import main as verify

        sys.exit(verify(sys.argv[2:]))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "neonpro.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
