"""Anvisa's two open-data files, made: in the published layout and encoding, with the usual dirt."""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

DEVICES = (
    "NUMERO_REGISTRO_CADASTRO", "NUMERO_PROCESSO", "NOME_TECNICO", "CLASSE_RISCO", "NOME_COMERCIAL",
    "CNPJ_DETENTOR_REGISTRO_CADASTRO", "DETENTOR_REGISTRO_CADASTRO", "NOME_FABRICANTE", "NOME_PAIS_FABRIC",
    "DT_PUB_REGISTRO_CADASTRO", "VALIDADE_REGISTRO_CADASTRO", "DT_ATUALIZACAO_DADO",
)  # fmt: skip
MEDICINES = (
    "TIPO_PRODUTO", "NOME_PRODUTO", "DATA_FINALIZACAO_PROCESSO", "CATEGORIA_REGULATORIA", "NUMERO_REGISTRO_PRODUTO",
    "DATA_VENCIMENTO_REGISTRO", "NUMERO_PROCESSO", "CLASSE_TERAPEUTICA", "EMPRESA_DETENTORA_REGISTRO",
    "SITUACAO_REGISTRO", "PRINCIPIO_ATIVO",
)  # fmt: skip

RISKS = ("I", "II", "III", "IV")


def device(number: int, **changes: str) -> dict[str, str]:
    """A row of the devices' file."""
    risk = RISKS[number % 4]
    return dict.fromkeys(DEVICES, "") | {
        "NUMERO_REGISTRO_CADASTRO": f"8{number:010d}",
        "NUMERO_PROCESSO": f"25351{number:012d}",
        "NOME_TECNICO": "Preenchedor dérmico",
        "CLASSE_RISCO": risk,
        "NOME_COMERCIAL": f"Ácido hialurônico «Nº {number}»; seringa" if number % 7 == 0 else f"Produto {number}",
        "DETENTOR_REGISTRO_CADASTRO": f"Importadora São João {number % 90} Ltda.",
        "NOME_FABRICANTE": "Fábrica Genérica GmbH",
        "VALIDADE_REGISTRO_CADASTRO": "VIGENTE" if risk in ("I", "II") else "31/12/2033",
        **changes,
    }


def medicine(number: int, **changes: str) -> dict[str, str]:
    """A row of the medicines' file."""
    return dict.fromkeys(MEDICINES, "") | {
        "TIPO_PRODUTO": "MEDICAMENTO",
        "NOME_PRODUTO": f"Remédio nº {number}",
        "NUMERO_REGISTRO_PRODUTO": f"1{number:08d}",
        "DATA_VENCIMENTO_REGISTRO": "01/06/2034",
        "EMPRESA_DETENTORA_REGISTRO": "12345678000190 - LABORATÓRIO EXEMPLO S.A.",
        "SITUACAO_REGISTRO": "VÁLIDO" if number % 5 else "CADUCO/CANCELADO",
        **changes,
    }


def dirt() -> Iterator[tuple[str, str]]:
    """Raw lines of the devices' file that are wrong each in a way of its own, with the reason that is given."""
    good = ";".join(device(999_999_001).values())
    yield "missing", good.replace("8999999001", "", 1).replace("80999999001", "", 1)
    yield "damaged", good.replace("80999999001", "8,09999E+10", 1)
    yield "number", good.replace("80999999001", "70999999001", 1)
    yield "risk", good.replace(";II;", ";V;", 1)
    yield "date", good.replace("VIGENTE", "31/02/2033", 1)
    yield "fields", ";".join(good.split(";")[:4])
    yield "unreadable", good.replace("Preenchedor", 'Preench"edor', 1).replace("Produto", '"Produto', 1)


def write(file: Path, rows: Iterator[dict[str, str]], raw: Iterable[str] = ()) -> Path:
    """Write a file as the agency does: Latin-1, semicolons, CRLF; then lines as they are given."""
    with file.open("w", encoding="latin-1", errors="replace", newline="") as out:
        first = next(rows)
        writer = csv.DictWriter(out, list(first), delimiter=";")
        writer.writeheader()
        writer.writerow(first)
        writer.writerows(rows)
        for line in raw:
            out.write(f"{line}\r\n")
    return file
