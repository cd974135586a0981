"""The functions of holders' requests; the columns follow."""

from django.db import migrations

from neonpro.db.functions import InstallSql


class Migration(migrations.Migration):
    dependencies = [("compliance", "0021_erasure")]
    operations = [
        InstallSql("may_extend_request"),
        InstallSql("guard_request"),
        InstallSql("packaged_patient"),
        InstallSql("package_rows"),
        InstallSql("package_file"),
    ]
