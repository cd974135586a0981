"""Who acts as which professional, and who cares for whom: the functions that tables and keys go by."""

from django.db import migrations

from neonpro.db.functions import InstallSql


class Migration(migrations.Migration):
    dependencies = [("patients", "0005_agenda"), ("neonpro_vault", "0003_care"), ("clinics", "0001_tables")]
    operations = [
        InstallSql("current_professional"),
        InstallSql("granted_patients"),
        InstallSql("open_patients"),
        InstallSql("outside_care"),
        InstallSql("guard_care"),
        InstallSql("follow_appointments"),
        InstallSql("record_signed"),
        InstallSql("guard_record"),
        InstallSql("guard_alert"),
    ]
