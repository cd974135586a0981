"""What the triggers of signatures run."""

from django.db import migrations

from neonpro.db.functions import InstallSql


class Migration(migrations.Migration):
    dependencies = [("patients", "0011_care_and_records")]
    operations = [InstallSql("guard_signature"), InstallSql("mark_signed")]
