"""`history = ClinicHistory()`: all that it declares, what it refuses, and the checks that hold its halves together."""

from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import FieldError, ImproperlyConfigured
from django.db import DatabaseError, models, transaction
from django.db.models import Model, signals
from django.test.utils import CaptureQueriesContext, isolate_apps
from django.urls import NoReverseMatch, get_resolver, reverse
from simple_history.utils import bulk_create_with_history, bulk_update_with_history, update_change_reason

from clinics.base import ClinicModel
from clinics.history import ClinicHistory, history_model
from neonpro.db.audit import RecordChanges
from neonpro.db.checks import is_tenant, model_messages, row_policies
from neonpro.db.history import HistoryKey, RecordHistory, guards, history_of, is_history, kept_by
from neonpro.db.policies import PAGE_ENDINGS, ClinicKey, RowPolicy, tenancy
from neonpro.db.roles import APP, OWNER, SEARCH
from patients.models import Patient
from tests.factories import JOB, World

ACCESS = {"view": ["reception", "dpo"], "add": ["reception"], "change": ["reception"], "delete": ["manager"]}

WITH_HISTORY = [model for model in apps.get_models() if history_model(model)]
"""Every model with a history, those of later issues included."""


def ids(model: type[Model]) -> set[str]:
    return {message.id or "" for message in model_messages(model)}


def whole() -> tuple[Any, Any]:
    """A model with a history and its historical model; to be called with an isolated registry."""

    class Sample(ClinicModel):
        patient = models.ForeignKey("self", models.PROTECT, db_constraint=False, null=True)
        code = models.CharField(max_length=5, default="x", db_default="x", db_index=True)
        counted = models.IntegerField(default=0)
        scratch = models.TextField(blank=True)
        history = ClinicHistory(excluded_fields=["scratch"])

        class Meta:
            app_label = "patients"
            db_table = "samples"
            constraints = [
                *tenancy("samples", ACCESS, same_clinic=["patient"]),
                RowPolicy(name="samples_narrow", command="SELECT", using="code <> ''", restrictive=True),
                RowPolicy(name="samples_search", command="SELECT", using="true", to=[SEARCH]),
            ]
            triggers = [RecordChanges(derived=["counted"])]

    return Sample, Sample.history.model


# --- What it declares ---------------------------------------------------------------------------------------------


def test_patients_and_appointments_have_one() -> None:
    assert {model._meta.db_table for model in WITH_HISTORY} >= {"patients", "appointments"}


@pytest.mark.parametrize("model", WITH_HISTORY)
def test_a_history_is_a_table_of_the_clinic_that_only_triggers_write(model: type[Model]) -> None:
    history = history_model(model)
    options = history._meta
    assert options.db_table == f"{model._meta.db_table}_history"
    assert is_tenant(history)
    assert is_history(history)
    assert not is_history(model)
    assert (history_of(model), kept_by(history)) == (history, model)
    assert options.pk.name == "history_id"
    assert isinstance(options.pk, models.UUIDField)
    assert options.default_permissions == ()
    assert [index.fields for index in options.indexes] == [["clinic", "id", "-history_date"]]
    assert [field.name for field in options.concrete_fields if field.db_index] == []
    assert [field.name for field in options.concrete_fields if field.unique and not field.primary_key] == []
    assert {type(trigger) for trigger in options.triggers} == {type(trigger) for trigger in guards()}
    allowed = {(policy.command, policy.to) for policy in row_policies(history) if not policy.restrictive}
    assert allowed == {("SELECT", (APP, OWNER)), ("INSERT", (OWNER,))}


@pytest.mark.parametrize("model", WITH_HISTORY)
def test_whoever_may_view_the_model_may_view_its_history(model: type[Model]) -> None:
    def viewing(of: type[Model]) -> set[tuple[str | None, bool]]:
        return {
            (policy.using, policy.restrictive)
            for policy in row_policies(of)
            if policy.command in {"ALL", "SELECT"}
            and APP in policy.to
            # On the page «Meus dados» nobody sees older versions.
            and not policy.name.endswith(PAGE_ENDINGS)
        }

    assert viewing(history_model(model)) == viewing(model) != set()


@pytest.mark.parametrize("model", WITH_HISTORY)
def test_every_column_is_copied(model: type[Model]) -> None:
    triggers = [trigger for trigger in model._meta.triggers if isinstance(trigger, RecordHistory)]  # type: ignore[attr-defined]
    held = {field.column for field in history_model(model)._meta.concrete_fields}
    assert [str(trigger.operation) for trigger in triggers] == ["INSERT", "UPDATE", "DELETE"]
    for trigger in triggers:
        assert set(trigger.columns(model)) == {field.column for field in model._meta.concrete_fields} <= held


@isolate_apps("patients")
def test_one_declaration_makes_all_of_it() -> None:
    sample, history = whole()
    assert (ids(sample), ids(history)) == (set(), set())
    assert [type(c) for c in history._meta.constraints if isinstance(c, ClinicKey)] == [HistoryKey]
    names = [constraint.name for constraint in history._meta.constraints]
    assert names == [
        "samples_history_key", "samples_history_clinic", "samples_history_view", "samples_history_narrow",
        "samples_history_add",
    ]  # fmt: skip
    code, clinic, patient = (history._meta.get_field(name) for name in ("code", "clinic", "patient"))
    assert not any((code.has_default(), code.has_db_default(), code.db_index))
    assert code.get_default() == ""
    assert not any((clinic.null, clinic.has_default(), clinic.has_db_default()))
    assert not any(field.db_constraint or field.db_index for field in (clinic, patient))
    assert "scratch" not in {field.name for field in history._meta.fields}
    _, update, _ = (trigger for trigger in sample._meta.triggers if isinstance(trigger, RecordHistory))
    copied, telling = update.render_execute(sample).split("', '")
    assert all(f'"{column}"' in copied for column in ("id", "clinic_id", "patient_id", "code", "counted", "updated_at"))
    assert telling == '"patient_id", "code"\')', "derived columns and times make no version"
    assert "scratch" not in copied


@isolate_apps("patients")
def test_the_original_keeps_its_own() -> None:
    sample, _ = whole()
    code = sample._meta.get_field("code")
    assert code.has_default()
    assert code.has_db_default()
    assert code.db_index
    assert code.get_default() == "x"


# --- What it refuses ----------------------------------------------------------------------------------------------


@isolate_apps("patients")
def test_a_model_of_no_clinic_has_none() -> None:
    with pytest.raises(ImproperlyConfigured, match="belongs to no clinic"):

        class Stray(models.Model):
            history = ClinicHistory()

            class Meta:
                app_label = "patients"


@isolate_apps("patients")
def test_a_field_the_history_has_for_itself_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="actor, role"):

        class Clash(ClinicModel):
            role = models.TextField()
            actor = models.TextField()
            history = ClinicHistory()

            class Meta:
                app_label = "patients"


def _without_guards(sample: Any, history: Any) -> Any:
    history._meta.triggers.pop()
    return history


def _writable(sample: Any, history: Any) -> Any:
    history._meta.constraints.append(RowPolicy(name="x", command="UPDATE", using="true", to=[APP]))
    return history


def _no_trigger(sample: Any, history: Any) -> Any:
    sample._meta.triggers[:] = [trigger for trigger in sample._meta.triggers if not isinstance(trigger, RecordHistory)]
    return history


def _one_trigger_less(sample: Any, history: Any) -> Any:
    sample._meta.triggers.pop()
    return sample


def _no_history(sample: Any, history: Any) -> Any:
    history._meta.db_table = "elsewhere"
    return sample


def _column_missing(sample: Any, history: Any) -> Any:
    for trigger in sample._meta.triggers:
        if isinstance(trigger, RecordHistory):
            trigger.excluded = frozenset()
    return sample


def _reference_kept(sample: Any, history: Any) -> Any:
    history._meta.get_field("patient").db_constraint = True
    return history


def _unique(sample: Any, history: Any) -> Any:
    history._meta.get_field("code").__dict__["unique"] = True  # it is cached there
    return history


def _unique_rule(sample: Any, history: Any) -> Any:
    history._meta.constraints.append(models.UniqueConstraint(fields=["id"], name="samples_history_one"))
    return history


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (_without_guards, "neonpro.E007"),
        (_writable, "neonpro.E007"),
        (_no_trigger, "neonpro.E008"),
        (_one_trigger_less, "neonpro.E008"),
        (_no_history, "neonpro.E008"),
        (_column_missing, "neonpro.E008"),
        (_reference_kept, "neonpro.E003"),
        (_unique, "neonpro.E004"),
        (_unique_rule, "neonpro.E005"),
    ],
)
@isolate_apps("patients")
def test_one_half_without_the_other_is_an_error(spoil: Any, expected: str) -> None:
    assert ids(spoil(*whole())) == {expected}


# --- What simple-history would do itself ----------------------------------------------------------------------------


@pytest.mark.parametrize("model", WITH_HISTORY)
def test_no_signal_writes(model: type[Model]) -> None:
    """A listener would also make Django fetch what it can delete in one statement."""
    for signal in (signals.post_save, signals.post_delete, signals.pre_delete):
        receivers = [*signal._live_receivers(model)[0]]
        assert not [receiver for receiver in receivers if "simple_history" in type(receiver).__module__]
        assert not [r for r in receivers if isinstance(getattr(r, "__self__", None), ClinicHistory)]


def test_saving_is_one_statement(clinic_a: World, django_assert_num_queries: Any) -> None:
    with clinic_a.enter():
        clinic_a.patients[0].city = "Araxá"
        with django_assert_num_queries(1):
            clinic_a.patients[0].save()


def test_saving_without_a_version_is_refused(clinic_a: World) -> None:
    with clinic_a.enter(), pytest.raises(TypeError, match="nothing is saved without it"):
        clinic_a.patients[0].save_without_historical_record()  # type: ignore[attr-defined]


def test_skipping_it_skips_nothing(clinic_a: World) -> None:
    patient: Any = clinic_a.patients[0]
    with clinic_a.enter():
        patient.skip_history_when_saving = True
        patient.city = "Araxá"
        patient.save()
        assert patient.history.count() == 2


def test_simple_historys_bulk_functions_leave_one_version(clinic_a: World) -> None:
    with clinic_a.enter():
        made = bulk_create_with_history([Patient(name=f"Em massa {n}") for n in range(3)], Patient)
        for patient in made:
            patient.city = "Araxá"
        bulk_update_with_history(made, Patient, ["city"])
        versions = Patient.history.filter(id__in=[patient.pk for patient in made])
        assert sorted(versions.values_list("history_type", flat=True)) == ["+", "+", "+", "~", "~", "~"]


def test_no_version_is_written_through_the_model(clinic_a: World) -> None:
    with clinic_a.enter():
        version = Patient.history.first()
        for attempt in (
            version.save,
            version.delete,
            lambda: Patient.history.all().delete(),
            lambda: Patient.history.update(actor="x"),
            lambda: type(version).objects.create(id=version.id, history_date=version.history_date, history_type="~"),
        ):
            with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
                attempt()
        # It looks for the version by all its values, and no encrypted one can be looked for.
        with pytest.raises(FieldError, match="is encrypted"), transaction.atomic():
            update_change_reason(clinic_a.patients[0], "x")


def test_who_is_a_name_of_the_clinics_and_no_account(clinic_a: World) -> None:
    with clinic_a.enter("manager"):
        Patient.objects.update(source="Araxá")
        manager, job = Patient.history.filter(history_type="~")[0], Patient.history.filter(history_type="+")[0]
    from django.db import connection

    with clinic_a.enter(), CaptureQueriesContext(connection) as queries:
        assert (manager.history_user, job.history_user) == ("manager ALFAZEMA", f"Tarefa {JOB.name}")
        assert not [query for query in queries if '"users"' in query["sql"]]
    with pytest.raises(AttributeError, match="cannot be set"):
        manager.history_user = clinic_a.user("dpo")


def test_a_version_prints_nothing_of_the_record(clinic_a: World) -> None:
    with clinic_a.enter():
        version = Patient.history.filter(id=clinic_a.patients[0].pk).get()
        assert str(version).startswith(f"+ {str(clinic_a.patients[0].pk)[:8]} ")
        assert "ALFAZEMA" not in str(version) + repr(version)


def test_there_is_no_way_back(db: None) -> None:
    """No address reverts a record, and a version knows none."""
    for model in WITH_HISTORY:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}_simple_history"
        with pytest.raises(NoReverseMatch):
            reverse(name, args=["x", "y"])
        assert not hasattr(history_model(model), "revert_url")
    assert not [key for key in get_resolver().reverse_dict if "simple_history" in str(key)]
