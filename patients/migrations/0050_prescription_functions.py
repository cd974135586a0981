"""The functions that the triggers of prescriptions call; they must be there first."""

from django.db import migrations

from neonpro.db.functions import InstallSql


class Migration(migrations.Migration):
    dependencies = [("patients", "0043_recall_absences"), ("clinics", "0005_overbooking")]
    operations = [
        InstallSql("guard_sncr_number"),
        InstallSql("guard_prescription"),
        InstallSql("guard_prescription_item"),
        InstallSql("guard_prescription_cancellation"),
        InstallSql("require_signature"),
    ]
