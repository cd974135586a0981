"""Time in the schedule that a recall needs is an absence that names its lot."""

import django.db.models.deletion
from django.db import migrations, models

import clinics.base
import neonpro.db.policies


class Migration(migrations.Migration):
    dependencies = [
        ("clinics", "0005_overbooking"),
        ("patients", "0042_recall"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="absence",
            name="absences_kind_listed",
        ),
        migrations.AddField(
            model_name="absence",
            name="lot",
            field=clinics.base.ClinicForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="patients.productlot",
                verbose_name="lot",
            ),
        ),
        migrations.AlterField(
            model_name="absence",
            name="kind",
            field=models.CharField(
                choices=[
                    ("vacation", "vacation"),
                    ("holiday", "holiday"),
                    ("course", "course or congress"),
                    ("lunch", "lunch"),
                    ("meeting", "meeting"),
                    ("closed", "clinic closed"),
                    ("recall", "recall of a lot"),
                    ("other", "other absence"),
                ],
                max_length=12,
                verbose_name="kind",
            ),
        ),
        migrations.AddIndex(
            model_name="absence",
            index=models.Index(
                condition=models.Q(("lot__isnull", False)), fields=["clinic", "lot"], name="absences_recall"
            ),
        ),
        migrations.AddConstraint(
            model_name="absence",
            constraint=neonpro.db.policies.SameClinic(field="lot", name="absences_lot_same_clinic"),
        ),
        migrations.AddConstraint(
            model_name="absence",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("kind__in", ["vacation", "holiday", "course", "lunch", "meeting", "closed", "recall", "other"])
                ),
                name="absences_kind_listed",
            ),
        ),
        migrations.AddConstraint(
            model_name="absence",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "recall"), ("lot__isnull", False)),
                    models.Q(models.Q(("kind", "recall"), _negated=True), ("lot__isnull", True)),
                    _connector="OR",
                ),
                name="absences_recall_names_its_lot",
            ),
        ),
    ]
