"""«Who accessed»: the readings and changes of one patient's data, from the audit log."""

from django.db import migrations

from neonpro.db.functions import InstallSql


class Migration(migrations.Migration):
    dependencies = [("patients", "0003_search"), ("neonpro_db", "0001_schema_and_functions")]
    operations = [InstallSql("accesses_grants"), InstallSql("accesses_of")]
