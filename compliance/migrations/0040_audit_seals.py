"""Seals of the audit log."""

from django.db import migrations

import neonpro.db.policies
from neonpro.db.functions import InstallSql


class Migration(migrations.Migration):
    dependencies = [("compliance", "0031_holder")]
    operations = [
        InstallSql("audit_seals"),
        InstallSql("audit_horizons"),
        InstallSql("audit_entries"),
        InstallSql("seal_place"),
        InstallSql("sealing_clinic"),
        InstallSql("note_horizon"),
        InstallSql("open_seal"),
        InstallSql("close_seal"),
        InstallSql("keep_seal"),
        InstallSql("audit_seals_kept"),
        InstallSql("last_seal"),
        InstallSql("seals_after"),
        InstallSql("sealed_leaves"),
        InstallSql("sealed_ids"),
        InstallSql("never_sealed"),
        InstallSql("audit_span"),
        InstallSql("unsealed"),
        InstallSql("sealed_entry"),
        migrations.AddConstraint(
            model_name="auditlog",
            constraint=neonpro.db.policies.RowPolicy(
                command="SELECT", name="audit_logs_sealer", to=("neonpro_sealer",), using="true"
            ),
        ),
    ]
