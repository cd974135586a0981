#!/usr/bin/env python3
"""Confere, sem o NeonPro e sem o banco, que um registro está na auditoria selada.

    python3 check_audit_proof.py PROVA.json CHAVE_PÚBLICA

Needs Python and the package `cryptography`. Exits with 0 when the proof holds, 1 when it does not, 2 when it cannot be
read. What is checked: the hash of the entry, the path from it to the root of its Merkle tree (RFC 6962, section 2.1.1),
and the Ed25519 signature of the seal that names this root, by the key that you were given (not the one in the file).
"""

import base64
import hashlib
import json
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def root_from(leaf: bytes, index: int, rows: int, path: list[bytes]) -> bytes:
    """The root that a leaf's path leads to; ValueError when the path does not fit the place."""
    if not 0 <= index < rows:
        raise ValueError("index")
    here, last, steps = leaf, rows - 1, list(path)
    while last:
        if index % 2 or index < last:
            beside = steps.pop(0)
            pair = beside + here if index % 2 else here + beside
            here = hashlib.sha256(b"\x01" + pair).digest()
        index, last = index // 2, last // 2
    if steps:
        raise ValueError("path")
    return here


def check(proof: dict, public_key: str) -> list:
    """The entry that is proved, as a list of its values; raises InvalidSignature or ValueError."""
    seal = dict(proof["seal"])
    signature = base64.urlsafe_b64decode(seal.pop("signature")["value"])
    signed = json.dumps(seal, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(public_key)).verify(signature, signed)
    leaf = hashlib.sha256(b"\x00" + proof["entry"].encode()).digest()
    path = [bytes.fromhex(step) for step in proof["path"]]
    if proof["rows"] != seal["rows"] or root_from(leaf, proof["index"], seal["rows"], path).hex() != seal["root"]:
        raise ValueError("root")
    return json.loads(proof["entry"])


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        print(__doc__.split("\n\n")[1].strip(), file=sys.stderr)
        return 2
    try:
        with open(arguments[0], encoding="utf-8") as file:
            proof = json.load(file)
    except (OSError, ValueError) as error:
        print(f"Não foi possível ler a prova: {error}", file=sys.stderr)
        return 2
    try:
        entry = check(proof, arguments[1])
    except (InvalidSignature, ValueError, KeyError, TypeError, IndexError, AttributeError):
        print("Inválida: o registro não está neste selo, ou o selo não foi assinado com esta chave.", file=sys.stderr)
        return 1
    print(f"Válida: registro {entry[0]}, {entry[4]} em {entry[5]}, de {entry[2]} UTC; selo {proof['seal']['number']}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
