"""What the triggers of signatures run."""

from django.db import migrations

from neonpro.db.functions import InstallSql


class Migration(migrations.Migration):
    # neonpro.has_licence, which a signature asks for.
    dependencies = [("patients", "0030_scope"), ("clinics", "0003_licences")]
    operations = [InstallSql("guard_signature"), InstallSql("mark_signed")]
