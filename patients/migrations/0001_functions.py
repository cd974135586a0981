"""The functions that the tables' defaults and triggers call; they must be there first."""

from django.db import migrations

from neonpro.db.functions import InstallSql


class Migration(migrations.Migration):
    initial = True
    dependencies = [("neonpro_db", "0001_schema_and_functions"), ("neonpro_vault", "0002_search")]
    operations = [
        InstallSql("new_record_number"),
        InstallSql("appointment_day"),
        InstallSql("guard_restriction"),
        InstallSql("keep_last_day"),
        InstallSql("refresh_statistics"),
    ]
