"""For what personal data were opened, in words: the one table of the codes that `neonpro.vault.keys.purpose` keeps."""

import re
from typing import Final

from django.apps import apps
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

PAGES: Final = {
    "admin:index": gettext_lazy("first page: today's schedule"),
    "admin:search": gettext_lazy("search above every page"),
    "admin:autocomplete": gettext_lazy("choosing a record in a form"),
    "admin:patients_patient_page": gettext_lazy("patient's page"),
    "admin:patients_patient_page_print": gettext_lazy("patient's page, printed"),
    "admin:patients_patient_book": gettext_lazy("booking from a patient's page"),
    "admin:patients_patient_restrict": gettext_lazy("restricting access to a patient's data"),
    "admin:patients_patient_lift": gettext_lazy("lifting a restriction"),
    "admin:patients_patient_accesses": gettext_lazy("consulting who accessed"),
    "admin:patients_patient_accesses.export": gettext_lazy("copy of the accesses for the patient"),
    "admin:patients_patient_consents": gettext_lazy("consents of a patient"),
    "admin:patients_patient_consents.term": gettext_lazy("term for the patient to sign"),
    "admin:patients_patient_consents.statement": gettext_lazy("statement of consents for the patient"),
    "admin:patients_patient_consents.evidence": gettext_lazy("scan of a signed term"),
    "admin:patients_appointment_session": gettext_lazy("telemedicine session of an appointment"),
    "admin:patients_telemedicinesession_start": gettext_lazy("beginning a telemedicine session"),
    "admin:patients_telemedicinesession_finish": gettext_lazy("ending a telemedicine session"),
    "admin:patients_telemedicinesession_refuse": gettext_lazy("refusing a telemedicine session"),
    "admin:patients_telemedicinesession_convert": gettext_lazy("changing a telemedicine session to in person"),
    "admin:patients_telemedicinesession_in_person": gettext_lazy("booking the visit in person"),
    "admin:patients_telemedicinesession_record_on": gettext_lazy("recording of a telemedicine session"),
    "admin:patients_telemedicinesession_record_off": gettext_lazy("recording of a telemedicine session"),
    "admin:patients_telemedicinesession_share": gettext_lazy("sharing of a telemedicine session"),
    "admin:patients_telemedicinesession_cancel": gettext_lazy("cancelling a telemedicine session"),
    "admin:patients_telemedicinesession_entry": gettext_lazy("entry of a telemedicine session in the record"),
    "admin:patients_telemedicinesession_room": gettext_lazy("video room of a telemedicine session"),
    "admin:patients_patient_permissions": gettext_lazy("permissions on a patient's record"),
    "admin:patients_patient_permissions_manage_user": gettext_lazy("permissions on a patient's record"),
    "admin:patients_patient_records": gettext_lazy("medical record of a patient"),
    "admin:patients_patient_alerts": gettext_lazy("allergies and alerts of a patient"),
    "admin:patients_patient_care": gettext_lazy("care team of a patient"),
    "admin:patients_medicalrecord_autosave": gettext_lazy("writing in the medical record"),
    "admin:patients_medicalrecord_finalise": gettext_lazy("finalising an entry of the medical record"),
    "admin:patients_medicalrecord_discard": gettext_lazy("discarding a draft of the medical record"),
    "admin:patients_medicalrecord_addendum": gettext_lazy("addendum in the medical record"),
    "admin:patients_medicalrecord_print": gettext_lazy("printing an entry of the medical record"),
    "admin:patients_appointment_cancel": gettext_lazy("cancelling an appointment"),
    "admin:patients_recordsignature_sign": gettext_lazy("signing entries"),
    "admin:patients_recordsignature_unsigned": gettext_lazy("entry on paper, not signed"),
    "admin:patients_recordsignature_download": gettext_lazy("copy of a signed document"),
    "admin:patients_recordsignature_verify": gettext_lazy("verifying a signature"),
    "admin:patients_patient_prescriptions": gettext_lazy("a patient's prescriptions"),
    "admin:patients_prescription_issue": gettext_lazy("issuing a prescription"),
    "admin:patients_prescription_sign": gettext_lazy("signing a prescription"),
    "admin:patients_prescription_signed": gettext_lazy("copy of a signed prescription"),
    "admin:patients_prescription_verify": gettext_lazy("verifying the signature of a prescription"),
    "admin:patients_prescription_discard": gettext_lazy("throwing away a draft prescription"),
    "admin:patients_prescription_cancel": gettext_lazy("cancelling a prescription"),
    "admin:patients_prescription_renew": gettext_lazy("renewing a prescription"),
    "admin:patients_prescription_template": gettext_lazy("template made of a prescription"),
    "admin:patients_prescription_pdf": gettext_lazy("print of a prescription"),
    "admin:patients_appointment_day": gettext_lazy("schedule of a day"),
    "admin:patients_appointment_week": gettext_lazy("a professional's week"),
    "admin:patients_appointment_reminders": gettext_lazy("who is to be reminded of a visit"),
    "admin:patients_waitingentry_offer": gettext_lazy("offering a free time to the waiting list"),
    "recall": gettext_lazy("recall of a lot: whom it was applied to"),
    "admin:patients_patient_products": gettext_lazy("what was applied to a patient, and photographs"),
    "admin:patients_patient_apply": gettext_lazy("applying a product"),
    "admin:patients_appointment_apply_product": gettext_lazy("applying a product"),
    "admin:patients_productlot_recalled": gettext_lazy("recall of a lot: whom it was applied to"),
    "admin:patients_productapplication_void": gettext_lazy("voiding an application"),
    "admin:patients_productapplication_label": gettext_lazy("the label of an implant"),
    "admin:patients_productapplication_report": gettext_lazy("reporting an adverse event"),
    "admin:patients_clinicalphoto_file": gettext_lazy("looking at a photograph"),
    "admin:patients_clinicalphoto_small": gettext_lazy("looking at a photograph"),
    "admin:patients_clinicalphoto_withdraw_photo": gettext_lazy("withdrawing a photograph"),
    "admin:patients_adverseevent_draft": gettext_lazy("draft of a notification to Anvisa"),
    "admin:patients_adverseevent_notified": gettext_lazy("recording a notification to Anvisa"),
    "admin:patients_adverseevent_dismiss": gettext_lazy("deciding on a notification to Anvisa"),
    "holder:sign_in": gettext_lazy("signing in to “My data”"),
    "holder:home": gettext_lazy("“My data”: own data"),
    "holder:consents": gettext_lazy("“My data”: consents"),
    "holder:accesses": gettext_lazy("“My data”: who accessed"),
    "holder:requests": gettext_lazy("“My data”: requests"),
    "holder:file": gettext_lazy("“My data”: answer taken along"),
    "holder:package": gettext_lazy("“My data”: package taken along"),
    "holder:contact": gettext_lazy("“My data”: confirming an e-mail"),
    "admin:patients_patient_my_data": gettext_lazy("access to “My data” for a patient"),
    "admin:compliance_datarequest_answering": gettext_lazy("answering a request of the holder"),
    "admin:compliance_datarequest_erasure": gettext_lazy("erasure at the holder's request"),
    "admin:compliance_disposalitem_erasure": gettext_lazy("elimination of a record by decision of the committee"),
    "shell": gettext_lazy("outside the pages: a shell or a script"),
}
"""Pages by the name of their view, where their model and kind do not say it all."""

KINDS: Final = {
    "changelist": gettext_lazy("list"),
    "change": gettext_lazy("record"),
    "add": gettext_lazy("new record"),
    "delete": gettext_lazy("deleting"),
    "history": gettext_lazy("history"),
}
"""The pages that every model has."""


def purpose_word(code: str) -> str:
    """The purpose of a reading in words; a code that nobody has put into words stays as it is."""
    if code in PAGES:
        return str(PAGES[code])
    if code.startswith("job:"):
        return _("job %(name)s") % {"name": code.removeprefix("job:")}
    if code.startswith("request:"):
        return _("package for the holder, request %(number)s") % {"number": code.removeprefix("request:")[:8].upper()}
    page = re.fullmatch(r"admin:([a-z]+)_([a-z]+)_([a-z]+)", code)
    if page is None or page[3] not in KINDS:
        return code
    try:
        model = apps.get_model(page[1], page[2])
    except LookupError:
        return code
    return f"{capfirst(model._meta.verbose_name_plural)}: {KINDS[page[3]]}"
