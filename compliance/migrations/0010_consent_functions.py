"""What consents are kept by: the functions of their triggers, and the one that every use asks."""

from django.db import migrations

from neonpro.db.functions import InstallSql


class Migration(migrations.Migration):
    dependencies = [("compliance", "0001_tables"), ("neonpro_db", "0001_schema_and_functions")]
    operations = [
        InstallSql("adult_age"),
        InstallSql("may_record_consent"),
        InstallSql("consent_lock"),
        InstallSql("guard_consent_text"),
        InstallSql("stop_uses"),
        InstallSql("take_consent"),
        InstallSql("derive_consent"),
    ]
