"""The functions of an erasure; their tables follow."""

from django.db import migrations

from neonpro.db.functions import InstallSql


class Migration(migrations.Migration):
    dependencies = [("compliance", "0011_consents"), ("neonpro_vault", "0010_erasure")]
    operations = [
        InstallSql("begin_erasure"),
        InstallSql("end_erasure"),
        InstallSql("erase_rows"),
        InstallSql("sealed_values"),
        InstallSql("reseal_rows"),
        InstallSql("residual_scan"),
        InstallSql("guard_erasure"),
        InstallSql("executed_erasures"),
        InstallSql("data_of"),
    ]
