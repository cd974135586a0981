"""An approved erasure may delete a patient's versions; a legal hold refuses every deletion."""

from django.db import migrations

from neonpro.db.functions import InstallSql


class Migration(migrations.Migration):
    dependencies = [("neonpro_db", "0001_schema_and_functions")]
    operations = [
        InstallSql("erasing"),
        InstallSql("erasing_patient"),
        InstallSql("resealing_patient"),
        InstallSql("set_resealing"),
        InstallSql("is_held"),
        InstallSql("refuse_change"),
        InstallSql("record_change"),
        InstallSql("record_history"),
    ]
