"""Merkle trees as RFC 6962 has them (section 2.1), over leaves that are hashed already."""

from collections.abc import Sequence
from hashlib import sha256

LEAF, NODE = b"\x00", b"\x01"
"""What stands before the data that is hashed, so that no node passes for a leaf."""


def leaf(entry: str) -> bytes:
    """The hash of an entry of the log (`sql/audit_entries.sql` computes the same)."""
    return sha256(LEAF + entry.encode()).digest()


def split(leaves: bytes) -> list[bytes]:
    """Leaves out of one string of 32 bytes each."""
    return [leaves[at : at + 32] for at in range(0, len(leaves), 32)]


def root(leaves: Sequence[bytes]) -> bytes:
    """The root over one leaf or more."""
    level = list(leaves)
    while len(level) > 1:
        level = _above(level)
    return level[0]


def path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The audit path of a leaf (section 2.1.1): the hashes that lead from it to the root, from below."""
    level, found = list(leaves), []
    while len(level) > 1:
        beside = index ^ 1
        if beside < len(level):
            found.append(level[beside])
        level, index = _above(level), index // 2
    return found


def _above(level: list[bytes]) -> list[bytes]:
    # The odd one out goes up as it is: the same tree as the RFC's, which splits at the largest power of two.
    above = [sha256(NODE + left + right).digest() for left, right in zip(level[::2], level[1::2], strict=False)]
    return [*above, level[-1]] if len(level) % 2 else above
