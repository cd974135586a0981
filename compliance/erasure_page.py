"""The page of an erasure, whatever it carries out: the plan, its approval, its execution, and what proves it."""

import json
import re
from collections.abc import Mapping
from datetime import date
from typing import Any, ClassVar

from django.apps import apps
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldBooleanWidget

from clinics import trail
from clinics.adminbase import ClinicAdmin, place_of
from clinics.models import Clinic
from compliance.certificate_pdf import certificate_pdf
from compliance.erasure import (
    ErasureError,
    ResidueError,
    approve_erasure,
    execute_erasure,
    is_held,
    note_coincidences,
    only_dpo,
)
from compliance.erasure_letter import category_word, day, letter, outcome_word
from compliance.models import Erasure
from compliance.plans import ErasurePlan

ICONS = {"ERASE": "delete_forever", "ANONYMISE": "person_off", "RESTRICT": "lock", "REFUSE": "gavel"}
TAGS = {"ERASE": "danger", "ANONYMISE": "warning", "RESTRICT": "info", "REFUSE": "success"}


def patient_word(record: Any) -> str:
    """A patient by name and record number, as far as there still is one; `prepare` has looked."""
    found = getattr(record, "of_patient", None)
    if found is None:
        return _("erased patient %(id)s") % {"id": str(record.patient_id)[:8]}
    return f"{found.display_name} · {found}"


def _place(text: str) -> tuple[str, int]:
    """A place that the page offered, as it comes back: «table.column:rows».

    Raises:
        ErasureError: it is none.
    """
    if not re.fullmatch(r"[a-z_]{1,63}\.[a-z_0-9]{1,63}:[0-9]{1,9}", text):
        raise ErasureError(_("Choose what is somebody else's."))
    place, _colon, hits = text.partition(":")
    return place, int(hits)


def _place_words(place: str, hits: int) -> dict[str, Any]:
    """A place in words."""
    table, _dot, column = place.partition(".")
    names = {
        found.column: str(found.verbose_name)
        for model in apps.get_models() if model._meta.db_table == table
        for found in model._meta.local_concrete_fields
    }  # fmt: skip
    word = names.get(column, column)
    return {"value": f"{place}:{hits}", "table": trail.table_word(table), "column": word, "hits": hits}


class ErasurePages(ClinicAdmin):
    """The admin of what an erasure carries out: a holder's request, or a record that a committee eliminates."""

    intro: ClassVar[Any] = ""
    """What the page says first; '' for what it says of a holder's request."""
    proofs: ClassVar[tuple[str, ...]] = ("certificate", "certificate_pdf", "letter")

    def erasures_of(self, found: Any) -> "QuerySet[Erasure]":
        """The erasures that carry this out, or tried to."""
        raise NotImplementedError

    def plan_of(self, found: Any, on: date | None = None) -> ErasurePlan:
        """What erasing would do.

        Raises:
            ErasureError: it may not be.
        """
        raise NotImplementedError

    def propose(self, found: Any, plan: ErasurePlan, user: Any) -> None:
        """Put the plan before another person.

        Raises:
            ErasureError: it may not be.
        """
        raise NotImplementedError

    def back_url(self, found: Any) -> str:
        """The page that leads here."""
        return "../change/"

    def erasure_page(self, request: HttpRequest, found: Any) -> HttpResponse:
        """Answer for one record of this admin, which has been looked up for this person."""
        latest = self.erasures_of(found).order_by("-created_at").first()
        if request.method == "POST":
            act = request.POST.get("act", "")
            if act in self.proofs and latest and latest.certificate:
                return self._proof(request, latest, act)
            try:
                messages.success(request, self._do(request, found, latest, act))
            except ResidueError as error:
                # Only now is it known where: the page asks about each place.
                messages.error(request, _("Nothing was erased: what must be gone still stands elsewhere. See below."))
                return self._page(request, found, latest, residue=error.places)
            except ErasureError as error:
                messages.error(request, str(error))
            return HttpResponseRedirect(request.path)
        try:
            return self._page(request, found, latest)
        except ErasureError as error:
            # There is no plan to show: why, the page before says.
            messages.error(request, str(error))
            return HttpResponseRedirect(self.back_url(found))

    def _do(self, request: HttpRequest, found: Any, latest: Erasure | None, act: str) -> str:
        if act == "propose":
            plan = self.plan_of(found)
            if request.POST.get("seen") != plan.digest:
                raise ErasureError(_("The data changed while this page was open. Look at the new plan."))
            self.propose(found, plan, request.user)
            return _("The plan is proposed. Another data protection officer approves it.")
        if latest is None or latest.executed_at:
            raise ErasureError(_("There is nothing to approve or carry out."))
        if act == "approve":
            approve_erasure(latest, acting_user=request.user, password=request.POST.get("password"))
            return _("The erasure is approved. It can be carried out now.")
        if act == "coincidences":
            note_coincidences(latest, dict(_place(text) for text in request.POST.getlist("place")))
            return _("Noted. Another data protection officer approves the erasure again, knowing of it.")
        if act == "execute":
            if request.POST.get("sure") != "on":
                raise ErasureError(_("Nothing was erased. Confirm that you know that it cannot be undone."))
            execute_erasure(latest, acting_user=request.user)
            if "letter" not in self.proofs:
                return _("The erasure was carried out. The certificate is below.")
            return _("The erasure was carried out. Certificate and letter are below.")
        raise ErasureError(_("There is nothing to approve or carry out."))

    def _proof(self, request: HttpRequest, erasure: Erasure, what: str) -> HttpResponse:
        if what == "certificate":
            answer = HttpResponse(erasure.certificate, content_type="application/json")
            name = f"certificado-{str(erasure.pk)[:8]}.json"
        else:
            make, word = (certificate_pdf, "certificado") if what == "certificate_pdf" else (letter, "resposta")
            clinic = Clinic.objects.get(pk=place_of(request).id)
            answer = HttpResponse(make(clinic, json.loads(erasure.certificate)), content_type="application/pdf")
            name = f"{word}-{str(erasure.pk)[:8]}.pdf"
        answer["Content-Disposition"] = f'attachment; filename="{name}"'
        return answer

    def _page(
        self,
        request: HttpRequest,
        found: Any,
        latest: Erasure | None,
        *,
        residue: Mapping[str, int] | None = None,
    ) -> HttpResponse:
        done = latest is not None and latest.executed_at is not None
        fresh = None if done else self.plan_of(found, date.fromisoformat(latest.plan["on"]) if latest else None)
        stale = latest is not None and fresh is not None and fresh.digest != latest.plan_digest
        if stale:
            # What was proposed is no longer so: the page shows what is, and proposing begins anew.
            latest, fresh = None, self.plan_of(found)
        told: dict[str, Any] = fresh.told() if fresh else latest.plan if latest else {"lines": []}
        people = trail.names()
        own = latest is not None and latest.proposed_by_id == request.user.pk
        alone = only_dpo()
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            "title": _("Erasure"),
            "subtitle": patient_word(found),
            "opts": self.opts,
            "object": found,
            "lines": [
                {
                    "category": category_word(line["category"]),
                    "table": trail.table_word(line["table"]),
                    "outcome": outcome_word(line["outcome"]),
                    "icon": ICONS[line["outcome"]],
                    "tag": TAGS[line["outcome"]],
                    "rows": line["rows"],
                    "versions": line["versions"],
                    "ground": line["ground"],
                    "until": line["kept_until"] and day(line["kept_until"]),
                }
                # What goes comes first: that is what is asked.
                for line in sorted(told["lines"], key=lambda line: list(ICONS).index(line["outcome"]))
            ],
            "whole": told.get("whole"),
            "intro": self.intro,
            "proofs": self.proofs,
            "back_url": self.back_url(found),
            "stale": stale,
            "audit_rows": fresh.audit_rows if fresh else None,
            "digest": fresh.digest if fresh else "",
            "held": is_held(found.patient_id),
            "latest": latest,
            "done": done,
            "residue": [_place_words(place, hits) for place, hits in (residue or {}).items()],
            "coincidences": [_place_words(place, hits) for place, hits in latest.coincidences.items()]
            if latest
            else [],
            "sure": UnfoldBooleanWidget().render("sure", False, {"id": "id_sure", "required": True}),
            "proposed_by": people.get(str(latest.proposed_by_id), "") if latest else "",
            "approved_by": people.get(str(latest.approved_by_id), "") if latest else "",
            "may_approve": latest is not None and not latest.approved_by_id and (not own or alone),
            "password": UnfoldAdminPasswordWidget().render("password", "", {"id": "id_password", "autocomplete": "off"})
            if own and alone
            else "",
        }
        return TemplateResponse(request, "admin/compliance/datarequest/erasure.html", context)
