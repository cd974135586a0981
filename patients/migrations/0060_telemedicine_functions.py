"""What telemedicine sessions are kept by. The consents that they ask for are the floor above's, found when it is asked."""

from django.db import migrations

from neonpro.db.functions import InstallSql


class Migration(migrations.Migration):
    dependencies = [("patients", "0052_prescription_signatures")]
    operations = [InstallSql("guard_telemedicine"), InstallSql("stop_telemedicine")]
