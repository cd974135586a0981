"""The audit log's page: who may read it, what each reader sees, its pages without COUNT, its filters on indexes."""

import hashlib
import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django import forms
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from clinics.models import Service
from clinics.roles import Role
from compliance import keyset
from compliance.forms import WINDOW, AuditFilterForm
from compliance.models import AuditLog
from neonpro.db import context
from patients.models import Patient
from tests.conftest import superuser
from tests.factories import JOB, World, make_world
from tests.visits import filled, signed_in

LOG = "/admin/compliance/auditlog/"
READERS = [Role.MANAGER, Role.DPO, Role.AUDITOR]


def rows(client: Client, url: str = LOG) -> list[dict[str, Any]]:
    page = client.get(url)
    assert page.status_code == 200
    found: list[dict[str, Any]] = page.context["rows"]
    return found


def change_service(world: World, times: int) -> None:
    """So many lines in the log about the service."""
    with context.enter(JOB, world.clinic.pk):
        for minutes in range(times):
            Service.objects.update(duration_minutes=100 + minutes)


@pytest.mark.parametrize("role", Role.values)
def test_manager_dpo_and_auditor_read_the_log(clinic_a: World, role: str) -> None:
    assert signed_in(clinic_a.user(role)).get(LOG).status_code == (200 if role in READERS else 403)


def test_nobody_changes_the_log(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.MANAGER))
    link = rows(client)[0]["link"]
    assert client.get(f"{LOG}add/").status_code == 403
    assert client.post(f"{LOG}add/", {"action": "X"}).status_code == 403
    assert client.post(link, {"action": "X"}).status_code == 403
    assert client.post(link.replace("change", "delete"), {"post": "yes"}).status_code == 403


def test_what_happened_is_said_in_words(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.MANAGER))
    url = f"/admin/clinics/service/{clinic_a.service.pk}/change/"
    assert client.post(url, filled(client, url, duration_minutes="45")).status_code == 302
    row = rows(client)[0]
    assert (row["who"], row["action"], row["record"]) == (
        "manager ALFAZEMA",
        row["action"],
        str(clinic_a.service.pk)[:8],
    )
    assert row["fields"] == [str(Service._meta.get_field("duration_minutes").verbose_name)]
    page = client.get(row["link"])
    (change,) = page.context["changes"]
    assert (change.old, change.new) == ("30", "45")


def test_a_personal_value_is_not_repeated(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.MANAGER))
    url = f"/admin/patients/patient/{clinic_a.patients[0].pk}/change/"
    assert client.post(url, filled(client, url, mother_name="Mãe SECRETA")).status_code == 302
    page = client.get(rows(client)[0]["link"])
    assert [change.withheld for change in page.context["changes"]] == [True]
    assert "SECRETA" not in page.content.decode()


@pytest.mark.parametrize("role", READERS)
def test_a_patient_is_named_to_those_who_may_see_patients_only(clinic_a: World, role: str) -> None:
    client = signed_in(clinic_a.user(role))
    patient = clinic_a.patients[0]
    name = str(patient.name)
    listed = client.get(f"{LOG}?patient={patient.pk}")
    assert listed.context["rows"], "there are rows about this patient"
    shown = [listed, client.get(listed.context["rows"][0]["link"])]
    for page in shown:
        text = page.content.decode()
        assert (name in text) is (role != Role.AUDITOR)
        with clinic_a.enter():
            patient.refresh_from_db()
        assert (str(patient) in text) is (role != Role.AUDITOR), "the record number is the clinic's own"


# --- pages -----------------------------------------------------------------------------------------------------------


def test_pages_lead_from_newest_to_oldest_and_back_without_gaps(clinic_a: World) -> None:
    change_service(clinic_a, 130)
    client = signed_in(clinic_a.user(Role.AUDITOR))
    with clinic_a.enter(Role.AUDITOR):
        everything = [str(keyset.key_of(row)) for row in AuditLog.objects.order_by("-created_at", "-id")]
    assert len(everything) > 101

    def walk(direction: str, url: str) -> list[list[str]]:
        pages = []
        while url:
            page = client.get(url)
            pages.append([row["link"].split("/")[-3] for row in page.context["rows"]])
            url = page.context[direction] and LOG + page.context[direction]
        return pages

    down = walk("older", LOG)
    assert [key for page in down for key in page] == everything
    up = walk("newer", f"{LOG}?before={down[-1][0]}")
    assert [key for page in reversed(up[1:]) for key in page] == everything[: everything.index(up[0][0])]


def test_rows_of_one_moment_are_neither_lost_nor_repeated(committed: None) -> None:
    """A microsecond holds as many rows as it likes: their ids keep them apart."""
    world = make_world("ALFAZEMA")
    with superuser("neonpro_test") as behind:
        behind.execute(
            "INSERT INTO audit_logs (clinic_id, created_at, action, table_name, actor_kind, actor, role)"
            " SELECT %s, '2026-11-05 12:00:00.123456+00', 'EXPORT', '', 'job', 'tests', 'job'"
            " FROM generate_series(1, 7)",
            [world.clinic.pk],
        )
    with world.enter(Role.AUDITOR):
        log = AuditLog.objects.filter(action="EXPORT")
        expected = list(log.order_by("-id").values_list("id", flat=True))
        page = keyset.page(log, size=3)
        seen = [row.id for row in page.rows]
        while page.older:
            page = keyset.page(log, size=3, before=page.older)
            seen += [row.id for row in page.rows]
        assert seen == expected
        page = keyset.page(log, size=3, after=keyset.key_of(page.rows[-1]))
        assert [row.id for row in page.rows] == expected[3:6]


def test_the_log_is_neither_counted_nor_skipped_through(clinic_a: World) -> None:
    change_service(clinic_a, 60)
    client = signed_in(clinic_a.user(Role.MANAGER))
    with CaptureQueriesContext(connection) as queries:
        older = client.get(LOG).context["older"]
        client.get(LOG + older)
    log = [query["sql"] for query in queries if "audit_logs" in query["sql"]]
    assert log
    assert not [sql for sql in log if re.search(r"COUNT\(|OFFSET", sql, re.IGNORECASE)]


@pytest.mark.parametrize("place", ["x", "1-2", "", "999999999999999999-00000000-0000-0000-0000-000000000000"])
def test_a_made_up_place_is_no_error(clinic_a: World, place: str) -> None:
    client = signed_in(clinic_a.user(Role.MANAGER))
    assert client.get(LOG, {"before": place}).status_code == 200
    assert client.get(LOG, {"after": place}).status_code == 200
    assert client.get(f"{LOG}{place or 'x'}/change/").status_code == 404


# --- filters ---------------------------------------------------------------------------------------------------------


def test_each_filter_narrows(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.MANAGER))
    url = f"/admin/patients/patient/{clinic_a.patients[0].pk}/change/"
    assert client.post(url, filled(client, url, mother_name="Rita")).status_code == 302
    me = str(clinic_a.user(Role.MANAGER).pk)
    today, tomorrow = timezone.localdate(), timezone.localdate() + timedelta(days=1)

    def tables(**query: Any) -> set[str]:
        return {row["table"] for row in rows(client, f"{LOG}?{_query(query)}")}

    everything = tables()
    assert tables(since=today.isoformat(), until=today.isoformat()) == everything
    assert tables(since=tomorrow.isoformat()) == set()
    assert tables(until=(today - timedelta(days=1)).isoformat()) == set()
    assert tables(table="services") == {str(Service._meta.verbose_name_plural)}
    assert tables(action="LOGIN") != everything
    assert len(rows(client, f"{LOG}?actor={me}&action=UPDATE")) == 1
    assert len(rows(client, f"{LOG}?actor=tests&table=patients")) == 3, "the job that made them"
    assert len(rows(client, f"{LOG}?patient={clinic_a.patients[0].pk}&action=UPDATE")) == 1
    assert len(rows(client, f"{LOG}?record={clinic_a.service.pk}")) == 1


def _query(values: dict[str, Any]) -> str:
    return "&".join(f"{name}={value}" for name, value in values.items())


def test_a_wrong_filter_is_said_and_shows_nothing(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.MANAGER))
    page = client.get(LOG, {"since": "32/13/2026"})
    assert page.context["rows"] == []
    assert list(page.context["form"].errors) == ["since"]


def test_whoever_acted_can_be_chosen(clinic_a: World, clinic_b: World) -> None:
    page = signed_in(clinic_a.user(Role.MANAGER)).get(LOG)
    choices = dict(page.context["form"].fields["actor"].choices)
    assert "tests" in choices, "the job"
    assert choices[str(clinic_a.user(Role.MANAGER).pk)] == "manager ALFAZEMA"
    assert str(clinic_b.user(Role.MANAGER).pk) not in choices


def test_a_filter_without_an_index_of_its_own_gets_a_period(clinic_a: World) -> None:
    with clinic_a.enter(Role.MANAGER):
        form = AuditFilterForm(QueryDict("table=services"), patients=True)
        assert form.is_valid()
        assert form.cleaned_data["since"] == timezone.localdate() - WINDOW
        form = AuditFilterForm(QueryDict("table=services&until=2026-01-01"), patients=True)
        assert form.is_valid()
        assert form.cleaned_data["since"] is None, "a period that was given stays as it was given"


def test_each_filter_uses_an_index(committed: None) -> None:
    """On a log of 200,000 rows of 20 clinics: row security lets no condition into an index that could leak."""
    world = make_world("ALFAZEMA")
    with superuser("neonpro_test") as behind:
        behind.execute(
            "INSERT INTO audit_logs"
            " (clinic_id, created_at, action, table_name, record_id, patient_id, actor_kind, actor, role)"
            " SELECT CASE mod(n, 20) WHEN 0 THEN %s ELSE md5(mod(n, 20)::text)::uuid END,"
            "   now() - n * interval '25 seconds', 'UPDATE', 'patients',"
            "   md5(mod(n, 2000)::text)::uuid, md5(mod(n, 2000)::text)::uuid, 'job', 'job' || mod(n, 400), 'job'"
            " FROM generate_series(1, 200000) AS n",
            [world.clinic.pk],
        )
        behind.execute("ANALYZE audit_logs")
        # What PostgreSQL does with an empty month is of no interest.
        filled_months = [row[0] for row in behind.execute("SELECT DISTINCT tableoid::regclass::text FROM audit_logs")]
    somebody = UUID(hashlib.md5(b"40", usedforsecurity=False).hexdigest())
    yesterday = timezone.now() - timedelta(days=1)
    places: list[dict[str, keyset.Key]] = [
        {},
        {"before": keyset.Key(yesterday, somebody)},
        {"after": keyset.Key(yesterday, somebody)},
    ]
    since = (timezone.localdate() - timedelta(days=7)).isoformat()
    for query, index, condition in [
        ("", "pkey", "clinic_id"),
        (f"since={since}&until={timezone.localdate()}", "pkey", "created_at"),
        # No index knows tables or actions: any that starts with the clinic and ends with the time does.
        ("table=services", ("pkey", "_created_at_idx"), "created_at"),
        ("action=LOGIN", ("pkey", "_created_at_idx"), "created_at"),
        ("actor=job40", "actor_created_at_idx", "actor"),
        (f"patient={somebody}", "patient_id_created_at_idx", "patient_id"),
        (f"record={somebody}", "record_id_created_at_idx", "record_id"),
    ]:
        for place in places:
            plan = plan_of(world, query, place)
            text = "\n".join(plan)
            assert not [month for month in filled_months if f"Seq Scan on {month} " in text], (query, place, text)
            used = {name for month in filled_months for name in re.findall(rf"\b{month}_\w+", text)}
            # Where a month cannot have any, its key is as good.
            assert any(name.endswith(index) for name in used), (query, place, text)
            others = index if isinstance(index, tuple) else (index,)
            assert all(name.endswith((*others, "_pkey")) for name in used), (query, place, text)
            conditions = [line for line in plan if "Index Cond" in line]
            assert all("clinic_id" in line for line in conditions), (query, place, plan)
            assert any(condition in line for line in conditions), (query, place, plan)


def plan_of(world: World, query: str, place: dict[str, keyset.Key]) -> list[str]:
    """How PostgreSQL finds one page of the log for the auditor."""
    with world.enter(Role.AUDITOR):
        form = AuditFilterForm(QueryDict(query), patients=False)
        form.fields["actor"] = forms.CharField(required=False)
        with CaptureQueriesContext(connection) as queries:
            keyset.page(form.rows(), size=50, **place)
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF) {queries[-1]['sql']}")
            return [row[0] for row in cursor.fetchall()]


def test_another_clinics_lines_are_not_there(clinic_a: World, clinic_b: World) -> None:
    client = signed_in(clinic_a.user(Role.MANAGER))
    with clinic_b.enter(Role.MANAGER):
        theirs = AuditLog.objects.latest("created_at")
    assert client.get(f"{LOG}{keyset.key_of(theirs)}/change/").status_code == 404
    assert rows(client, f"{LOG}?record={clinic_b.service.pk}") == []
    assert "BERGAMOTA" not in client.get(LOG).content.decode()


# --- permissions on single records -----------------------------------------------------------------------------------

GRANTS = "/admin/compliance/resourcepermission/"


def test_a_permission_on_a_record_is_given_with_a_reason(clinic_a: World) -> None:
    from clinics.models import Membership

    client = signed_in(clinic_a.user(Role.MANAGER))
    with clinic_a.enter(Role.MANAGER):
        member = Membership.objects.get(user=clinic_a.user(Role.PROFESSIONAL))
    url = f"{GRANTS}add/"
    fields = {"member": member.pk, "patient": clinic_a.patients[0].pk, "may": "view_patient", "until": "31/12/2030"}
    answer = client.post(url, filled(client, url, **fields))
    assert list(answer.context["adminform"].form.errors) == ["reason"]
    assert client.post(url, filled(client, url, **fields, reason="segunda opinião")).status_code == 302
    page = client.get(GRANTS).content.decode()
    assert "professional ALFAZEMA" in page
    assert "Paciente ALFAZEMA 0" in page
    answer = client.post(url, filled(client, url, **fields, reason="de novo"))
    assert "__all__" in answer.context["adminform"].form.errors
    (row,) = client.get(GRANTS).context["cl"].result_list
    change = f"{GRANTS}{row.pk}/change/"
    assert client.post(change, filled(client, change, reason="outra razão", until="")).status_code == 302
    assert client.post(f"{GRANTS}{row.pk}/delete/", {"post": "yes"}).status_code == 302
    assert client.get(GRANTS).context["cl"].result_list == []


def test_the_auditor_reads_permissions_under_pseudonyms(clinic_a: World) -> None:
    from tests.grants import grant

    patient: Patient = clinic_a.patients[0]
    given = grant(clinic_a, patient)
    client = signed_in(clinic_a.user(Role.AUDITOR))
    for url in (GRANTS, f"{GRANTS}{given.pk}/change/"):
        text = client.get(url).content.decode()
        assert patient.name not in text
        assert str(patient.pk)[:8] in text
