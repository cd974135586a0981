"""What the search may read."""

from django.db import migrations

from neonpro.db.functions import InstallSql


class Migration(migrations.Migration):
    dependencies = [("patients", "0002_tables")]
    operations = [InstallSql("search_grants")]
