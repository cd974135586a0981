"""«Who accessed»: each access once, in words, for whom it is; the copies that the patient is given."""

import csv
import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from pypdf import PdfReader

from clinics import pdf, trail
from clinics.models import Membership
from clinics.purposes import purpose_word
from clinics.roles import Role
from neonpro.db import context
from neonpro.vault.keys import Act, purpose
from patients.accesses import BATCH, KINDS, PAGE, Access, Span, accesses, as_csv, cut_note, report, summary
from patients.models import Patient
from tests import settings as test_settings
from tests.conftest import superuser
from tests.factories import JOB, World, make_world
from tests.pages import Page
from tests.visits import signed_in

READERS = [Role.MANAGER, Role.DPO]
OPENED = str(KINDS["read"][0])
CHANGED = _("%(action)s: %(table)s") % {
    "action": pgettext("accesses", "changed"),
    "table": trail.table_word("patients"),
}
CHANGE = "admin:patients_patient_change"


@contextmanager
def request_of(world: World, role: str, code: str = CHANGE) -> Iterator[UUID]:
    """One request of somebody, with its purpose; its id."""
    number = uuid4()
    with context.enter(world.user(role), world.clinic.pk, request_id=number), purpose(code):
        yield number


@pytest.fixture
def patient(clinic_a: World) -> Patient:
    """A patient of whom the log knows only the job that made them."""
    return clinic_a.patients[0]


@pytest.fixture
def lasting(committed: None) -> World:
    """A clinic in a database of its own, whose log a superuser can write into."""
    return make_world("ALFAZEMA", patients=1)


def open_record(world: World, role: str, patient: Patient, code: str = CHANGE) -> UUID:
    with request_of(world, role, code) as number:
        assert Patient.objects.opening("identification").get(pk=patient.pk).name
    return number


def write(world: World, patient: Patient, times: int, *, every: str) -> None:
    """Readings of a list by the manager before now, with pauses; only a superuser can write into the past."""
    with superuser(test_settings.DATABASE) as root:
        root.execute(
            "INSERT INTO audit_logs (clinic_id, created_at, action, table_name, patients, actor_kind, actor,"
            " role, changes)"
            " SELECT %s, now() - i * %s::interval, 'LIST', 'patients', ARRAY[%s::uuid], 'user', %s, 'manager',"
            ' \'{"purpose": "admin:patients_patient_changelist", "categories": ["identification"]}\''
            " FROM generate_series(1, %s) AS i",
            [world.clinic.pk, every, patient.pk, str(world.user(Role.MANAGER).pk), times],
        )


def lines(world: World, patient: Patient, span: Span | None = None) -> list[Access]:
    """All lines but those of the job that made the patient."""
    with world.enter(Role.DPO):
        return [line for line in accesses(patient.pk, span or Span()).lines if not line.who.endswith("tests")]


def url_of(patient: Patient) -> str:
    return f"/admin/patients/patient/{patient.pk}/accesses/"


def page_of(world: World, role: str, patient: Patient, query: str = "") -> Any:
    return signed_in(world.user(role)).get(url_of(patient) + query)


def copy_of(world: World, role: str, patient: Patient, copy: str, **fields: str) -> Any:
    return signed_in(world.user(role)).post(url_of(patient), {"copy": copy, **fields})


def logged(world: World, patient: Patient, *actions: str) -> list[tuple[str, dict[str, Any], str]]:
    """The log's rows of a patient with these actions, newest first."""
    with world.enter(Role.DPO), connection.cursor() as cursor:
        cursor.execute(
            "SELECT action, changes, actor FROM audit_logs WHERE %s = ANY (patients) AND action = ANY (%s)"
            " ORDER BY created_at DESC",
            [patient.pk, list(actions)],
        )
        return [(action, json.loads(changes), actor) for action, changes, actor in cursor.fetchall()]


# --- each access once, in words --------------------------------------------------------------------------------------


def test_opening_says_who_when_why_and_what(clinic_a: World, patient: Patient) -> None:
    before = timezone.now()
    number = open_record(clinic_a, Role.RECEPTION, patient)
    (line,) = lines(clinic_a, patient)
    assert before <= line.created_at == line.ended_at <= timezone.now()
    assert line.who == "reception ALFAZEMA"
    assert line.role == str(Role.RECEPTION.label)
    assert line.what == OPENED
    assert line.purpose == purpose_word("admin:patients_patient_change")
    assert line.categories == _("identification")
    assert line.requests == (number,)
    assert not line.refused


def test_a_list_page_is_an_access_of_everyone_on_it(clinic_a: World) -> None:
    with request_of(clinic_a, Role.PROFESSIONAL, "admin:patients_patient_changelist"):
        assert [patient.name for patient in Patient.objects.opening("identification")]
    for patient in clinic_a.patients:
        line, *_written = lines(clinic_a, patient)
        assert (line.who, line.what) == ("professional ALFAZEMA", _("saw in a list"))


def test_a_change_says_of_what_and_takes_its_requests_purpose(clinic_a: World, patient: Patient) -> None:
    with request_of(clinic_a, Role.MANAGER):
        found = Patient.objects.get(pk=patient.pk)
        found.name = "Outro Nome"
        found.save()
    (line,) = lines(clinic_a, patient)
    assert line.what.split(", ")[0] == CHANGED
    assert line.purpose == purpose_word("admin:patients_patient_change")


def test_opening_and_saving_are_one_visit(clinic_a: World, patient: Patient) -> None:
    numbers = [open_record(clinic_a, Role.MANAGER, patient)]
    with request_of(clinic_a, Role.MANAGER) as number:
        found = Patient.objects.get(pk=patient.pk)
        assert found.name
        found.name = "Outro Nome"
        found.save()
        numbers.append(number)
    open_record(clinic_a, Role.RECEPTION, patient)
    other, visit = lines(clinic_a, patient)
    assert other.who == "reception ALFAZEMA"
    assert visit.what == f"{OPENED} (2×), {CHANGED}"
    assert visit.requests == tuple(numbers)
    assert visit.created_at < visit.ended_at


def test_another_page_is_another_visit(clinic_a: World, patient: Patient) -> None:
    open_record(clinic_a, Role.MANAGER, patient)
    open_record(clinic_a, Role.MANAGER, patient, "admin:patients_appointment_change")
    assert [line.purpose for line in lines(clinic_a, patient)] == [
        purpose_word("admin:patients_appointment_change"),
        purpose_word("admin:patients_patient_change"),
    ]


def test_another_hour_is_another_visit(lasting: World) -> None:
    (patient,) = lasting.patients
    write(lasting, patient, 2, every="14 minutes")
    assert [line.what for line in lines(lasting, patient)] == [f"{_('saw in a list')} (2×)"]
    write(lasting, patient, 3, every="100 minutes")
    assert [line.what for line in lines(lasting, patient)] == [f"{_('saw in a list')} (2×)", *[_("saw in a list")] * 3]


def test_a_refused_attempt_is_a_line_of_its_own(clinic_a: World, patient: Patient) -> None:
    with clinic_a.enter(Role.DPO):
        Patient.objects.filter(pk=patient.pk).update(restricted_at=timezone.now())
    with request_of(clinic_a, Role.RECEPTION):
        assert Patient.objects.opening("identification").get(pk=patient.pk).name.status == "restricted"
    refused, _restricting = lines(clinic_a, patient)
    assert refused.refused
    assert refused.who == "reception ALFAZEMA"
    assert refused.what == _("tried to open, refused")
    with clinic_a.enter(Role.DPO):
        assert summary(patient.pk).refused == 1


def test_a_job_is_named(clinic_a: World, patient: Patient) -> None:
    with context.enter(JOB, clinic_a.clinic.pk):
        assert Patient.objects.get(pk=patient.pk).name
    with clinic_a.enter(Role.DPO):
        # Also where it only changed something: making the patient was no reading.
        for line in accesses(patient.pk).lines:
            assert line.who == line.purpose == _("job %(name)s") % {"name": "tests"}
        assert OPENED in accesses(patient.pk).lines[0].what
        assert summary(patient.pk).people == 0


@pytest.mark.parametrize(("act", "kind"), [(Act.READ, "read"), (Act.LIST, "listed"), (Act.EXPORT, "exported")])
def test_each_kind_is_found_by_its_filter(clinic_a: World, patient: Patient, act: Act, kind: str) -> None:
    with request_of(clinic_a, Role.MANAGER):
        assert Patient.objects.opening("identification", act=act).get(pk=patient.pk).name
    for other in KINDS:
        # The patient's own making is a change by the job.
        assert bool(lines(clinic_a, patient, Span(kind=other))) == (other == kind)


def test_the_period_is_of_whole_days(clinic_a: World, patient: Patient) -> None:
    open_record(clinic_a, Role.MANAGER, patient)
    today = timezone.localdate()
    for since, until, found in [
        (today, today, 1),
        (today + timedelta(days=1), None, 0),
        (None, today - timedelta(days=1), 0),
        (None, today, 1),
    ]:
        assert len(lines(clinic_a, patient, Span(since, until))) == found


def test_the_summary_counts_people_and_not_rows(clinic_a: World, patient: Patient) -> None:
    for role in (Role.MANAGER, Role.RECEPTION, Role.MANAGER):
        open_record(clinic_a, role, patient)
    with clinic_a.enter(Role.DPO):
        figures = summary(patient.pk, Span(kind="read"))
        assert (figures.rows, figures.people, figures.refused) == (3, 2, 0)
        assert figures.first
        assert figures.last
        assert figures.first < figures.last


# --- who may know ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", Role.values)
def test_manager_and_dpo_see_the_page_and_nobody_else(clinic_a: World, patient: Patient, role: str) -> None:
    open_record(clinic_a, Role.RECEPTION, patient)
    allowed = role in READERS
    assert page_of(clinic_a, role, patient).status_code == (200 if allowed else 403)
    for kind in ("csv", "pdf"):
        assert copy_of(clinic_a, role, patient, kind).status_code == (200 if allowed else 403)
    with clinic_a.enter(role):
        assert bool(accesses(patient.pk).lines) == allowed
        assert bool(summary(patient.pk).rows) == allowed
    link = url_of(patient)
    change = signed_in(clinic_a.user(role)).get(f"/admin/patients/patient/{patient.pk}/change/")
    assert (link in change.content.decode()) == allowed


def test_another_clinics_accesses_are_never_there(clinic_a: World, clinic_b: World) -> None:
    theirs = clinic_b.patients[0]
    open_record(clinic_b, Role.RECEPTION, theirs)
    assert lines(clinic_b, theirs)
    assert lines(clinic_a, theirs) == []
    with clinic_a.enter(Role.MANAGER):
        assert summary(theirs.pk).rows == 0
    assert page_of(clinic_a, Role.MANAGER, theirs).status_code == 404
    for kind in ("csv", "pdf"):
        assert copy_of(clinic_a, Role.MANAGER, theirs, kind).status_code == 404
    assert logged(clinic_b, theirs, "EXPORT") == []


def test_without_a_context_there_is_nothing(db: None) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT * FROM neonpro.accesses_of(%s, NULL, NULL, NULL, NULL, NULL, NULL)", [uuid4()])
        assert cursor.fetchall() == []


# --- the page --------------------------------------------------------------------------------------------------------


def test_the_page_shows_its_lines_and_is_itself_one_reading(clinic_a: World, patient: Patient) -> None:
    open_record(clinic_a, Role.RECEPTION, patient)
    before = len(logged(clinic_a, patient, "READ", "LIST", "EXPORT"))
    response = page_of(clinic_a, Role.DPO, patient)
    rows = logged(clinic_a, patient, "READ", "LIST", "EXPORT")
    assert len(rows) == before + 1
    action, detail, actor = rows[0]
    assert (action, actor) == ("READ", str(clinic_a.user(Role.DPO).pk))
    assert detail == {"purpose": "admin:patients_patient_accesses", "categories": ["identification"]}
    html = response.content.decode()
    page = Page(html)
    assert patient.name in html
    assert page.inline == []
    assert any("reception ALFAZEMA" in row[1] for row in page.rows if len(row) == 5)


def test_the_page_goes_on_with_older_lines(lasting: World) -> None:
    (patient,) = lasting.patients
    write(lasting, patient, PAGE + 30, every="1 hour")
    first = page_of(lasting, Role.MANAGER, patient)
    assert len(first.context["lines"]) == PAGE
    assert first.context["newest"] == ""
    second = page_of(lasting, Role.MANAGER, patient, first.context["older"])
    # The job's own line is the newest of all but the page's reading, which each visit adds to.
    shown = [line.created_at for page in (first, second) for line in page.context["lines"]]
    assert shown == sorted(shown, reverse=True)
    assert len(shown) == len(set(shown)) == PAGE + 30 + 2
    assert second.context["older"] == ""
    assert second.context["newest"] == "?"


def test_a_page_of_many_acts_in_few_visits_goes_on_too(lasting: World) -> None:
    (patient,) = lasting.patients
    write(lasting, patient, BATCH + 5, every="1 second")
    with lasting.enter(Role.DPO):
        first = accesses(patient.pk, Span(kind="listed"))
        assert len(first.lines) == 1
        second = accesses(patient.pk, Span(kind="listed"), before=first.older)
        assert [line.what for line in second.lines] == [f"{_('saw in a list')} (5×)"]
        assert second.older is None


def test_a_page_of_nothing_says_so(clinic_a: World, patient: Patient) -> None:
    assert (
        _("Nobody in this period, or nothing of this kind.")
        in page_of(clinic_a, Role.DPO, patient, "?kind=refused").content.decode()
    )
    page = page_of(clinic_a, Role.DPO, patient, "?since=nonsense&before=nonsense")
    assert page.status_code == 200
    assert page.context["form"].errors.keys() == {"since"}
    assert page.context["lines"] == ()


# --- copies for the patient ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["csv", "pdf"])
def test_a_copy_is_one_export_and_nothing_else(clinic_a: World, patient: Patient, kind: str) -> None:
    before = len(logged(clinic_a, patient, "READ", "LIST", "DENIED"))
    response = copy_of(clinic_a, Role.DPO, patient, kind)
    (row,) = logged(clinic_a, patient, "EXPORT")
    assert row[1] == {"purpose": "admin:patients_patient_accesses.export", "categories": ["identification"]}
    assert row[2] == str(clinic_a.user(Role.DPO).pk)
    assert len(logged(clinic_a, patient, "READ", "LIST", "DENIED")) == before
    disposition = response.headers["Content-Disposition"]
    assert (
        disposition == f'attachment; filename="{_("accesses-%(number)s") % {"number": patient.record_number}}.{kind}"'
    )
    assert "no-store" in response.headers["Cache-Control"]


@pytest.mark.parametrize("kind", ["csv", "pdf"])
def test_a_copy_of_a_restricted_patient_is_an_export_all_the_same(clinic_a: World, patient: Patient, kind: str) -> None:
    with clinic_a.enter(Role.DPO):
        Patient.objects.filter(pk=patient.pk).update(restricted_at=timezone.now())
    assert copy_of(clinic_a, Role.MANAGER, patient, kind).status_code == 200
    assert len(logged(clinic_a, patient, "EXPORT")) == 1


def test_a_link_makes_no_copy(clinic_a: World, patient: Patient) -> None:
    response = page_of(clinic_a, Role.DPO, patient, "?copy=csv")
    assert response.headers["Content-Type"].startswith("text/html")
    assert logged(clinic_a, patient, "EXPORT") == []


def test_the_csv_is_what_a_spreadsheet_in_portuguese_opens(clinic_a: World, patient: Patient) -> None:
    number = open_record(clinic_a, Role.RECEPTION, patient)
    content = copy_of(clinic_a, Role.DPO, patient, "csv").content
    assert content.startswith(b"\xef\xbb\xbf")
    head, *rows = csv.reader(io.StringIO(content.decode("utf-8-sig")), delimiter=";")
    assert len(head) == 8
    (row,) = [row for row in rows if row[2] == "reception ALFAZEMA"]
    assert re.fullmatch(r"\d\d/\d\d/\d{4} \d\d:\d\d:\d\d", row[0])
    assert row[4:] == [OPENED, purpose_word("admin:patients_patient_change"), _("identification"), str(number)]
    # The copy itself is in it.
    assert [row[4] for row in rows if row[2] == "dpo ALFAZEMA"] == [pgettext("accesses", "exported")]


def test_no_cell_of_the_csv_is_a_formula(clinic_a: World, patient: Patient) -> None:
    names = ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "＝1", "\t=1"]
    for name in names:
        with context.enter(JOB, clinic_a.clinic.pk):
            Membership.objects.filter(user=clinic_a.user(Role.RECEPTION)).update(display_name=name)
        open_record(clinic_a, Role.RECEPTION, patient)
        with clinic_a.enter(Role.DPO):
            text = as_csv(report(patient.pk)).decode("utf-8-sig")
        cells = [cell for row in csv.reader(io.StringIO(text), delimiter=";") for cell in row]
        assert f"'{name}" in cells
        assert name not in cells
        assert not [cell for cell in cells if cell.lstrip().startswith(("=", "+", "-", "@", "＝"))]


def test_the_pdf_says_it_all_with_its_accents(clinic_a: World, patient: Patient) -> None:
    accents = "Conceição Münch d'Ávila <b>& Não</b>"
    with clinic_a.enter(Role.RECEPTION):
        found = Patient.objects.get(pk=patient.pk)
        found.name = accents
        found.save()
    with context.enter(JOB, clinic_a.clinic.pk):
        Membership.objects.filter(user=clinic_a.user(Role.RECEPTION)).update(display_name="Recepção Três Corações")
    open_record(clinic_a, Role.RECEPTION, patient)
    response = copy_of(clinic_a, Role.DPO, patient, "pdf", since="2026-01-01")
    assert response.headers["Content-Type"] == "application/pdf"
    reader = PdfReader(io.BytesIO(response.content))
    text = " ".join(" ".join(page.extract_text() for page in reader.pages).split())
    for said in (
        accents, "Clínica ALFAZEMA", str(patient), "Recepção Três Corações", "01/01/2026", "dpo ALFAZEMA",
        purpose_word("admin:patients_patient_change"), "LGPD", numbered(1, 1),
    ):  # fmt: skip
        assert said in text, (said, text)
    assert reader.metadata
    assert reader.metadata.title
    assert str(patient) in reader.metadata.title
    assert "Conceição" not in str(reader.metadata)
    assert reader.trailer["/Root"]["/Lang"] == "pt-BR"  # type: ignore[index]
    fonts = [font.get_object() for page in reader.pages for font in page["/Resources"]["/Font"].values()]  # type: ignore[index]
    assert fonts
    assert all("/FontFile2" in font["/FontDescriptor"] for font in fonts)


def test_a_long_report_is_cut_and_says_so(lasting: World, monkeypatch: pytest.MonkeyPatch) -> None:
    (patient,) = lasting.patients
    monkeypatch.setattr("patients.accesses.REPORT_ROWS", 150)
    write(lasting, patient, 200, every="1 hour")
    with lasting.enter(Role.DPO):
        given = report(patient.pk, Span(kind="listed"))
        assert given.is_cut
        assert len(given.lines) == 150
        assert cut_note() in as_csv(given).decode("utf-8-sig")
    content = copy_of(lasting, Role.DPO, patient, "pdf", kind="listed").content
    pages = PdfReader(io.BytesIO(content)).pages
    assert len(pages) > 1
    for number, page in enumerate(pages, 1):
        text = " ".join(page.extract_text().split())
        assert numbered(number, len(pages)) in text
        # The table's head stands on each page.
        assert _("For what") in text
    assert cut_note() in " ".join(pages[0].extract_text().split())
    with lasting.enter(Role.DPO):
        assert not report(patient.pk, Span(kind="read")).is_cut


def test_letters_that_the_font_lacks_are_replaced() -> None:
    assert pdf.drawable("ÁÀÂÃÇÉÊÍÓÔÕÚÜ áàâãçéêíóôõúü – “ª” º × …") == "ÁÀÂÃÇÉÊÍÓÔÕÚÜ áàâãçéêíóôõúü – “ª” º × …"
    assert pdf.drawable("Nguyễn 漢") == "Nguyen ?"
    assert pdf.drawable("a\u0303") == "ã"


def test_the_span_in_words() -> None:
    day, said = date(2026, 11, 3), "03/11/2026"
    both = _("from %(first)s to %(last)s") % {"first": said, "last": said}
    assert Span().words == _("since the registration")
    assert Span(day, day).words == both
    assert Span(day, day, "read").words == _("%(period)s, only: %(kind)s") % {"period": both, "kind": OPENED}
    assert Span(since=day).words == _("since %(first)s") % {"first": said}
    assert Span(until=day).words == _("until %(last)s") % {"last": said}


# --- the indexes -----------------------------------------------------------------------------------------------------


def numbered(page: int, pages: int) -> str:
    """What stands at the foot of a page."""
    return _("page %(page)s of %(pages)s") % {"page": page, "pages": pages}


@pytest.mark.slow
def test_a_patients_accesses_are_found_by_index(lasting: World) -> None:
    world, (patient,) = lasting, lasting.patients
    with superuser(test_settings.DATABASE) as root:
        root.execute(
            "INSERT INTO audit_logs (clinic_id, created_at, action, table_name, record_id, patient_id, patients,"
            " actor_kind, actor, role, changes)"
            " SELECT CASE WHEN i %% 5 = 0 THEN gen_random_uuid() ELSE %(clinic)s END, now() - i * interval '1 minute',"
            " CASE WHEN i %% 3 = 0 THEN 'UPDATE' ELSE 'LIST' END, 'patients', gen_random_uuid(),"
            " CASE WHEN i %% 3 = 0 THEN CASE WHEN i %% 999 = 0 THEN %(patient)s ELSE gen_random_uuid() END END,"
            " CASE WHEN i %% 3 <> 0 THEN CASE WHEN i %% 1000 = 1 THEN ARRAY[%(patient)s, gen_random_uuid()]"
            " ELSE ARRAY(SELECT gen_random_uuid() FROM generate_series(0, i %% 5)) END END,"
            " 'user', 'x', 'manager', '{}' FROM generate_series(1, 60000) AS i",
            {"clinic": world.clinic.pk, "patient": patient.pk},
        )
        root.execute("ANALYZE audit_logs")
        for take in ("51", "NULL"):
            with root.transaction():
                # As the function's owner, whom row security binds; the plan is made for the values, as in the function.
                root.execute("SET LOCAL ROLE neonpro_search")
                plan = [str(line) for (line,) in root.execute(f"EXPLAIN ANALYZE {body(world, patient, take)}")]
            text = "\n".join(plan)
            assert re.search(r"Bitmap Index Scan on audit_logs_\w*patients_idx", text), text
            assert re.search(r"Index Scan (?:Backward )?(?:using|on) audit_logs_\w*patient_id_created_at_idx", text), (
                text
            )
            # A month with next to nothing in it may be read as a whole.
            for line in plan:
                found = re.search(r"Seq Scan on (\w+).*actual.*rows=", line)
                removed = next(
                    (re.search(r"Removed by Filter: (\d+)", later) for later in plan[plan.index(line) :][:3]), None
                )
                assert not found or not removed or int(removed.group(1)) < 500, text
    with world.enter(Role.DPO):
        assert summary(patient.pk).rows >= 48 + 36


def body(world: World, patient: Patient, take: str) -> str:
    """The query of neonpro.accesses_of with values in place of its variables."""
    text = (Path(settings.BASE_DIR) / "patients/sql/accesses_of.sql").read_text("utf-8")
    query = re.sub(r"--.*", "", text[text.index("WITH readings") : text.index("END\n$$;")]).rstrip().rstrip(";")
    values = {
        "here": f"'{world.clinic.pk}'::uuid", "patient": f"'{patient.pk}'::uuid", "first": "'-infinity'::timestamptz",
        "past": "'infinity'::timestamptz", "last": "'infinity'::timestamptz", "acts": "NULL::text[]",
        "before_time": "NULL::timestamptz", "before_id": "NULL::uuid", "take": take,
    }  # fmt: skip
    return re.sub(rf"(?<![.\w])({'|'.join(values)})\b(?!\.)", lambda match: values[match.group(1)], query)
