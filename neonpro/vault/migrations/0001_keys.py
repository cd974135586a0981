"""The data keys and the functions that hand them out, keep them, hold them and destroy them."""

from django.db import migrations

from neonpro.db.functions import InstallSql


class Migration(migrations.Migration):
    initial = True
    dependencies = [("neonpro_db", "0001_schema_and_functions")]
    operations = [
        InstallSql("data_keys"),
        InstallSql("may_open"),
        InstallSql("record_reading"),
        InstallSql("restricted_among"),
        InstallSql("open_keys"),
        InstallSql("create_keys"),
        InstallSql("hold_keys"),
        InstallSql("destroy_keys"),
        InstallSql("search_key"),
        InstallSql("keep_patient"),
    ]
