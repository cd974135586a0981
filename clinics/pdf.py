"""Building blocks of the clinic's PDF documents: paper, letterhead, table, page numbers.

Bitstream Vera comes with ReportLab, has Portuguese's letters and is embedded: a document looks alike everywhere.
"""

import io
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache
from html import escape
from typing import Any, Final

from django.utils.translation import get_language, to_locale
from django.utils.translation import gettext as _
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, HRFlowable, LongTable, Paragraph, SimpleDocTemplate, Spacer, TableStyle

from clinics.identifiers import format_cep, format_cnpj, format_phone
from clinics.models import Clinic

REGULAR: Final = "Vera"
BOLD: Final = "VeraBd"

INK: Final = colors.HexColor("#1c2b30")
SUBTLE: Final = colors.HexColor("#55666c")
LINE: Final = colors.HexColor("#c8d2d5")
SUNKEN: Final = colors.HexColor("#eef3f4")

EDGE: Final = 18 * mm
"""The margin at the left and the right."""

_PADDING: Final = 6
"""ReportLab keeps so much free inside the margins."""

WIDTH: Final = A4[0] - 2 * (EDGE + _PADDING)
"""What there is to write on."""


@cache
def _fonts() -> TTFont:
    """Make the fonts known, once a process."""
    regular = TTFont(REGULAR, "Vera.ttf")
    pdfmetrics.registerFont(regular)
    pdfmetrics.registerFont(TTFont(BOLD, "VeraBd.ttf"))
    pdfmetrics.registerFontFamily(REGULAR, normal=REGULAR, bold=BOLD, italic=REGULAR, boldItalic=BOLD)
    return regular


def _style(name: str, **options: Any) -> ParagraphStyle:
    _fonts()
    return ParagraphStyle(name, **{"fontName": REGULAR, "fontSize": 9, "leading": 12.5, "textColor": INK, **options})


@cache
def styles() -> dict[str, ParagraphStyle]:
    """The styles of text: title, heading, text, fact, small, cell, head (of a table's column)."""
    return {
        "title": _style("title", fontName=BOLD, fontSize=14, leading=18, spaceBefore=8, spaceAfter=6),
        "heading": _style("heading", fontName=BOLD, fontSize=10, leading=14, spaceBefore=8, spaceAfter=4),
        "text": _style("text", spaceAfter=6),
        "fact": _style("fact", spaceAfter=1),
        "small": _style("small", fontSize=7.5, leading=10, textColor=SUBTLE),
        "cell": _style("cell", fontSize=7.5, leading=9.5),
        "head": _style("head", fontName=BOLD, fontSize=7.5, leading=9.5),
    }


def drawable(text: str) -> str:
    """A text with every letter that the font lacks as its nearest: an accent less, or a question mark."""
    known = _fonts().face.charToGlyph
    return "".join(
        letter
        if ord(letter) in known or letter in "\n\t"
        else "".join(part for part in unicodedata.normalize("NFKD", letter) if ord(part) in known) or "?"
        for letter in unicodedata.normalize("NFC", text)
    )


def paragraph(text: str, style: str = "text") -> Paragraph:
    """Plain text as a paragraph; nothing in it is markup.

    Args:
        text: what it says; line breaks stay.
        style: one of `styles`.
    """
    return Paragraph(escape(drawable(text), quote=False).replace("\n", "<br/>"), styles()[style])


def letterhead(clinic: Clinic) -> list[Flowable]:
    """Whose document it is: name, CNPJ, address and contact of the clinic."""
    place = " – ".join(part for part in (clinic.city, clinic.uf) if part)
    facts = (
        clinic.legal_name if clinic.legal_name != clinic.trade_name else "",
        f"CNPJ {format_cnpj(clinic.cnpj)}" if clinic.cnpj else "",
        f"CNES {clinic.cnes}" if clinic.cnes else "",
        clinic.street,
        place,
        f"CEP {format_cep(clinic.cep)}" if clinic.cep else "",
        format_phone(clinic.phone) if clinic.phone else "",
        clinic.email,
    )
    return [
        paragraph(clinic.trade_name, "heading"),
        paragraph(" · ".join(fact for fact in facts if fact), "small"),
        Spacer(0, 3 * mm),
        HRFlowable(width="100%", thickness=0.7, color=LINE, spaceAfter=2 * mm),
    ]


def facts(pairs: Iterable[tuple[str, str]]) -> list[Flowable]:
    """Lines of «name: value»."""
    return [
        Paragraph(
            f"<b>{escape(drawable(name), quote=False)}:</b> {escape(drawable(value), quote=False)}", styles()["fact"]
        )
        for name, value in pairs
    ]


class _Cell(Paragraph):
    """A cell's text; it stays broken into lines as long as its column is as wide."""

    def __init__(self, text: str) -> None:
        super().__init__(escape(drawable(text), quote=False).replace("\n", "<br/>"), styles()["cell"])
        self._wrapped: tuple[float, tuple[float, float]] | None = None

    def wrap(self, availWidth: float, availHeight: float) -> Any:  # noqa: N803  # ReportLab's names
        """The size of the text in this width."""
        if self._wrapped is None or self._wrapped[0] != availWidth:
            self._wrapped = availWidth, super().wrap(availWidth, availHeight)
        return self._wrapped[1]


def table(head: Sequence[str], rows: Iterable[Sequence[str]], widths: Sequence[float]) -> LongTable:
    """A table whose head stands on every page.

    Args:
        head: the columns' names.
        rows: the cells, plain text.
        widths: of the columns, as shares of the paper's width; their sum is 1.
    """
    # What stands in a column again and again is taken apart and broken into lines once.
    known: dict[tuple[int, str], _Cell] = {}
    cells = [[paragraph(name, "head") for name in head]]
    for row in rows:
        for place in enumerate(row):
            if place not in known:
                known[place] = _Cell(place[1])
        cells.append([known[place] for place in enumerate(row)])
    return LongTable(
        cells,
        colWidths=[share * WIDTH for share in widths],
        repeatRows=1,
        style=TableStyle(
            [
                # Nothing is written in it, but a table that names no font asks for one that is not embedded.
                ("FONT", (0, 0), (-1, -1), REGULAR, 7.5),
                ("BACKGROUND", (0, 0), (-1, 0), SUNKEN),
                ("LINEBELOW", (0, 0), (-1, -1), 0.4, LINE),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LEFTPADDING", (0, 0), (-1, -1), 3),
                ("RIGHTPADDING", (0, 0), (-1, -1), 3),
                ("TOPPADDING", (0, 0), (-1, -1), 2.5),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
            ]
        ),
    )


def document(story: list[Flowable], *, title: str, author: str, foot: str, keywords: str = "") -> bytes:
    """The finished file, on A4.

    Args:
        story: what it holds, from top to bottom.
        title: what readers show as the window's title; it says no name of a patient.
        author: the clinic.
        foot: the line at the bottom of every page, beside the page number.
        keywords: the file's own, shown by readers among its properties.
    """
    _fonts()
    out = io.BytesIO()
    paper = SimpleDocTemplate(
        out, pagesize=A4, leftMargin=EDGE, rightMargin=EDGE, topMargin=16 * mm, bottomMargin=20 * mm,
        title=title, author=author, creator="NeonPro", subject=title, keywords=keywords, initialFontName=REGULAR,
        lang=to_locale(get_language() or "pt-br").replace("_", "-"), displayDocTitle=True,
    )  # fmt: skip

    class Numbered(_NumberedCanvas):
        foot_line = drawable(foot)

    paper.build(story, canvasmaker=Numbered)
    return out.getvalue()


class _NumberedCanvas(Canvas):
    """Waits with its pages until it knows how many there are."""

    foot_line = ""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._kept: list[dict[str, Any]] = []

    def showPage(self) -> None:  # noqa: N802  # ReportLab's name
        """Keep the page."""
        self._kept.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        """Number the pages, and finish."""
        for page in self._kept:
            self.__dict__.update(page)
            self._foot(len(self._kept))
            super().showPage()
        super().save()

    def _foot(self, pages: int) -> None:
        self.setFont(REGULAR, 7.5)
        self.setFillColor(SUBTLE)
        self.drawString(EDGE + _PADDING, 11 * mm, self.foot_line)
        number = _("page %(page)s of %(pages)s") % {"page": self._pageNumber, "pages": pages}
        self.drawRightString(A4[0] - EDGE - _PADDING, 11 * mm, drawable(number))
