"""Whom a recalled lot was applied to: the one way past the row policies of care, for those who lead recalls."""

from django.db import migrations

from neonpro.db.functions import InstallSql


class Migration(migrations.Migration):
    dependencies = [("patients", "0041_products")]
    operations = [
        InstallSql("recall_grants"),
        InstallSql("recalled_patients"),
        InstallSql("recall_of"),
    ]
