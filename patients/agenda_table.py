"""The agenda as a table of HTML, put together as plain text: three hundred visits in a few milliseconds.

Rows are steps of the clock, columns professionals or days. What overlaps shares one cell, which spans its rows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.utils import timezone
from django.utils.html import conditional_escape, escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from clinics import withheld
from neonpro.vault.fields import Withheld
from patients.agenda import DAY, Column, Visit
from patients.dashboard import ICONS
from patients.flow import NOT_BEFORE_THE_DAY
from patients.models import AppointmentStatus

STEPS: dict[str, tuple[str, ...]] = {
    "scheduled": ("confirmed", "arrived", "no_show"),
    "confirmed": ("arrived", "no_show"),
    "arrived": ("in_care",),
    "in_care": ("completed",),
    "no_show": ("arrived",),
}
"""The buttons of a visit in each state: what reception and professionals do next."""


BLOCK = '<span class="material-symbols-outlined" aria-hidden="true">block</span>'


@dataclass(frozen=True, slots=True)
class Links:
    """Where the table's links lead, and what the reader may do."""

    change: str
    """The address of a visit's page, up to its id."""
    add: str
    """The address of the form of a new one; "" for whom it is not."""
    may_change: bool


class Table:
    """One agenda's table."""

    def __init__(self, columns: Sequence[Column], links: Links, *, titles: Sequence[str]) -> None:
        self.columns, self.links, self.titles = columns, links, titles
        self.today = timezone.localdate()
        self.now = timezone.now()
        self.words = {value: capfirst(str(label)) for value, label in AppointmentStatus.choices}
        self.acts = {
            "confirmed": _("Confirm"),
            "arrived": _("Arrived"),
            "in_care": _("Start care"),
            "completed": _("Complete"),
            "no_show": _("No-show"),
        }
        self.step = self._step()
        self.first, self.last = self._range()

    def _step(self) -> int:
        """Half an hour; a quarter where visits begin or end at one."""
        odd = any(v.starts % 30 or v.ends % 30 for column in self.columns for v in column.visits)
        return 15 if odd else 30

    def _range(self) -> tuple[int, int]:
        begins = [b for c in self.columns for b, _e in c.hours] + [v.starts for c in self.columns for v in c.visits]
        ends = [e for c in self.columns for _b, e in c.hours] + [v.ends for c in self.columns for v in c.visits]
        if not begins:
            return 8 * 60, 18 * 60
        return min(begins) // self.step * self.step, min(DAY, -(-max(ends) // self.step) * self.step)

    def html(self) -> SafeString:
        """The whole table."""
        rows = range(self.first, self.last, self.step)
        cells = [self._cells(column, len(rows)) for column in self.columns]
        parts = ['<table class="np-week"><thead><tr><th scope="col">', escape(_("Time")), "</th>"]
        parts += [f'<th scope="col">{title}</th>' for title in self.titles]
        parts.append("</tr></thead><tbody>")
        for number, minute in enumerate(rows):
            parts.append(f'<tr><th scope="row">{minute // 60:02}:{minute % 60:02}</th>')
            parts += [column[number] for column in cells]
            parts.append("</tr>")
        parts.append("</tbody></table>")
        return mark_safe("".join(parts))  # noqa: S308  every value in it was escaped

    def _cells(self, column: Column, count: int) -> list[str]:
        cells = [""] * count
        taken = [False] * count
        for top, bottom, inside in self._blocks(column, count):
            span = f' rowspan="{bottom - top}"' if bottom - top > 1 else ""
            cells[top] = f"<td{span}>{inside}</td>"
            taken[top:bottom] = [True] * (bottom - top)
        booking = self._booking(column)
        shut = f'<td class="np-shut"><span class="np-hidden">{escape(_("outside working hours"))}</span></td>'
        for number in range(count):
            if not taken[number]:
                minute = self.first + number * self.step
                free = column.is_free(minute, minute + self.step)
                cells[number] = self._free(booking, minute) if free else shut
        return cells

    def _blocks(self, column: Column, count: int) -> Iterator[tuple[int, int, str]]:
        """What is booked and what is closed, as (first row, row after the last, HTML); what overlaps in one."""
        items = [(v.starts, v.ends, self.visit(v, column.day)) for v in column.visits]
        items += [
            (starts, ends, f'<p class="np-absent">{BLOCK}{escape(capfirst(label))}</p>')
            for starts, ends, label in column.closed
        ]  # fmt: skip
        rows = sorted(
            (
                max(0, (starts - self.first) // self.step),
                min(count, -(-(ends - self.first) // self.step)),
                inside,
            )
            for starts, ends, inside in items
            if ends > self.first and starts < self.last
        )
        top = bottom = 0
        inside: list[str] = []
        for start, end, text in rows:
            if inside and start < bottom:
                bottom = max(bottom, end)
                inside.append(text)
                continue
            if inside:
                yield top, bottom, "".join(inside)
            top, bottom, inside = start, end, [text]
        if inside:
            yield top, bottom, "".join(inside)

    def _booking(self, column: Column) -> str:
        if not self.links.add or column.professional is None:
            return ""
        return f"{self.links.add}?professional={column.professional}&amp;day={column.day:%d/%m/%Y}&amp;time="

    def _free(self, booking: str, minute: int) -> str:
        clock = f"{minute // 60:02}:{minute % 60:02}"
        if not booking:
            return f'<td class="np-free"><span class="np-hidden">{escape(_("free"))}</span></td>'
        return f'<td class="np-free"><a href="{booking}{clock}">{clock} <span>{escape(_("free: book"))}</span></a></td>'

    def visit(self, visit: Visit, day: date) -> str:
        """One visit: when, who, what for, its state in an icon and a word, and the buttons of what comes next."""
        status = visit.status
        name = withheld.shown(visit.patient) if isinstance(visit.patient, Withheld) else escape(visit.patient)
        parts = [
            f'<div class="np-visit np-status-{status}" id="v-{visit.id}">'
            f'<a href="{self.links.change}{visit.id}/change/"><b>{visit.clock}</b> {name}</a>',
            f'<span class="np-state"><span class="material-symbols-outlined" aria-hidden="true">'
            f"{ICONS[AppointmentStatus(status)]}</span>{self.words[status]}{self._waiting(visit, day)}</span>",
        ]
        if visit.overbooked:
            parts.append(
                '<span class="np-encaixe"><span class="material-symbols-outlined" aria-hidden="true">stacks</span>'
                f"{escape(_('Overbooking (encaixe)'))}</span>"
            )
        if visit.service:
            parts.append(f'<span class="np-what">{conditional_escape(visit.service)}</span>')
        if self.links.may_change:
            parts.append(self._buttons(visit, day))
        parts.append("</div>")
        return "".join(parts)

    def _waiting(self, visit: Visit, day: date) -> str:
        if visit.status != "arrived" or day != self.today:
            return ""
        minutes = int((self.now - visit.status_at).total_seconds()) // 60
        return f" {escape(_('%(minutes)d min ago') % {'minutes': minutes})}"

    def _buttons(self, visit: Visit, day: date) -> str:
        found = [
            f'<button name="go" value="{visit.id}:{visit.status}:{step}">{self.acts[step]}</button>'
            for step in STEPS.get(visit.status, ())
            if day <= self.today or step not in NOT_BEFORE_THE_DAY
        ]
        return f'<span class="np-acts">{"".join(found)}</span>' if found else ""


def arrivals(columns: Sequence[Column]) -> list[tuple[Column, Visit]]:
    """The visits by order of arrival: those who have come, in the order they came; then the others."""
    order = {"arrived": 0, "in_care": 1, "confirmed": 2, "scheduled": 2, "completed": 3, "no_show": 4}
    found = [(column, visit) for column in columns for visit in column.arrivals]

    def place(pair: tuple[Column, Visit]) -> tuple[int, datetime]:
        return order.get(pair[1].status, 5), pair[1].status_at

    return sorted(found, key=place)
