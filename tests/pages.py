"""What a page of HTML holds, for tests that look at many pages alike."""

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class Form:
    """A form: where it goes, how, and the names and values of its hidden fields."""

    action: str
    method: str
    hidden: dict[str, str] = field(default_factory=dict)


class Page(HTMLParser):
    """A page, read once."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.title = ""
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.inline: list[str] = []
        """What a strict content security policy refuses: styles and scripts that stand in the page."""
        self.landmarks: list[str] = []
        self.rows: list[list[str]] = []
        """The text of the tables' cells, row by row; icons are not text."""
        self._open = ""
        self._cell: list[str] | None = None
        self._icon = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._open = tag
        self._icon = given.get("aria-hidden") == "true" or "material-symbols-outlined" in given.get("class", "")
        if tag == "form":
            self.forms.append(Form(given.get("action", ""), given.get("method", "get")))
        elif tag == "input" and given.get("type") == "hidden" and self.forms:
            self.forms[-1].hidden[given.get("name", "")] = given.get("value", "")
        elif tag == "a":
            self.links.append(given.get("href", ""))
        elif tag == "style" or (tag == "script" and not given.get("src")):
            self.inline.append(self.get_starttag_text() or "")
        elif tag == "main":
            self.landmarks.append(tag)
        elif tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th") and self.rows:
            self._cell = []
        self.inline += [f"{tag} {name}" for name in given if name == "style" or name.startswith("on")]

    def handle_endtag(self, tag: str) -> None:
        self._icon = False
        if tag in ("td", "th") and self._cell is not None:
            self.rows[-1].append(" ".join(" ".join(self._cell).split()))
            self._cell = None
        if tag == self._open:
            self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open == "title":
            self.title += data
        if self._cell is not None and not self._icon:
            self._cell.append(data)
