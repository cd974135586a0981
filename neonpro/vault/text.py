"""Text as people mean it, for comparing."""

import re
import unicodedata


def fold(text: str) -> str:
    """The same text in small letters without accents: "José" becomes "jose", "Straße" becomes "strasse"."""
    if text.isascii():
        return text.lower()
    letters = unicodedata.normalize("NFKD", text).casefold()
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def words(text: str) -> list[str]:
    """The words of a text, folded; whatever is no letter or digit stands between them."""
    return re.findall(r"[^\W_]+", fold(text))
