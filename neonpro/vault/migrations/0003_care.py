"""Clinical keys open to those who care for the patient."""

from django.db import migrations

from neonpro.db.functions import InstallSql


class Migration(migrations.Migration):
    dependencies = [("neonpro_vault", "0002_search")]
    operations = [
        InstallSql("needs_care"),
        InstallSql("record_reading"),
        InstallSql("open_keys"),
        InstallSql("create_keys"),
        InstallSql("hold_keys"),
    ]
