"""Who may enter which clinic: the functions that read accounts and memberships before a context is open."""

from django.db import migrations

from neonpro.db.functions import InstallSql


class Migration(migrations.Migration):
    dependencies = [("clinics", "0001_tables")]
    operations = [
        InstallSql("gate_grants"),
        InstallSql("enter"),
        InstallSql("clinics_of"),
        InstallSql("clinic_ids"),
        InstallSql("invite"),
    ]
