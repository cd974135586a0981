"""The functions of the page «Meus dados»; its tables follow."""

from django.db import migrations

from neonpro.db.functions import InstallSql


class Migration(migrations.Migration):
    dependencies = [("compliance", "0026_requests"), ("clinics", "0002_gate")]
    operations = [InstallSql("holder_tries"), InstallSql("holder_try"), InstallSql("team_names")]
