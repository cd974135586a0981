"""Lists of bytes on their way to PostgreSQL: psycopg searches each element for what must be quoted; hexadecimal digits
need no search. A bulk insert sends each encrypted column as one such list."""

from collections.abc import Callable
from typing import Any

import psycopg
from psycopg.abc import Buffer
from psycopg.types.array import ListDumper


class BytesListDumper(ListDumper):
    """psycopg's own, with a short way for flat lists of bytes; what it writes is the same."""

    def _dump_list(self, obj: list[Any], tokens: list[Buffer], needs_quotes: Callable[[Buffer], object]) -> None:
        if obj and set(map(type, obj)) <= {bytes, type(None)}:
            texts = ("NULL" if item is None else f'"\\\\x{item.hex()}"' for item in obj)
            tokens.append(f"{{{','.join(texts)}}}".encode())
        else:
            super()._dump_list(obj, tokens, needs_quotes)


def register(connection: psycopg.Connection[Any]) -> None:
    """Let a connection use it."""
    connection.adapters.register_dumper(list, BytesListDumper)
