"""Keys are destroyed by an approved erasure alone; a category of one patient's data can be restricted."""

from django.db import migrations

from neonpro.db.functions import InstallSql


class Migration(migrations.Migration):
    dependencies = [("neonpro_vault", "0003_care"), ("neonpro_db", "0010_erasure")]
    operations = [
        InstallSql("restricted_keys"),
        InstallSql("open_keys"),
        InstallSql("destroy_keys"),
        InstallSql("restrict_keys"),
        InstallSql("renew_keys"),
        InstallSql("hold_keys"),
    ]
