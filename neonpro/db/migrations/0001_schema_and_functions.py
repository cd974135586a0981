"""The schema neonpro, the signed context, the audit log and the functions that triggers and policies call."""

from django.db import migrations

from neonpro.db.functions import InstallSql


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        InstallSql("schema"),
        InstallSql("context_keys"),
        InstallSql("context_mac"),
        InstallSql("context"),
        InstallSql("current_clinic"),
        InstallSql("current_clinic_role"),
        InstallSql("current_user_id"),
        InstallSql("current_patient"),
        InstallSql("policy_fingerprint"),
        InstallSql("seal_policy"),
        InstallSql("touch_updated_at"),
        InstallSql("refuse_change"),
        InstallSql("audit_logs"),
        InstallSql("ensure_audit_partitions"),
        InstallSql("record_change"),
        InstallSql("record_event"),
        InstallSql("record_history"),
    ]
