"""The search's tokens, and the functions that write, find and forget them."""

from django.db import migrations

from neonpro.db.functions import InstallSql


class Migration(migrations.Migration):
    dependencies = [("neonpro_vault", "0001_keys")]
    operations = [
        InstallSql("search_tokens"),
        InstallSql("record_search"),
        InstallSql("write_tokens"),
        InstallSql("search_patients"),
        InstallSql("known_patients"),
        InstallSql("forget_tokens"),
    ]
