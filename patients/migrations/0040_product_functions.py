"""The functions that the triggers of products, lots and applications call."""

from django.db import migrations

from neonpro.db.functions import InstallSql


class Migration(migrations.Migration):
    dependencies = [("patients", "0021_record_signatures"), ("clinics", "0004_scope")]
    operations = [
        InstallSql("platform_job_only"),
        InstallSql("guard_lot"),
        InstallSql("move_stock"),
        InstallSql("apply_product"),
        InstallSql("keep_application"),
        InstallSql("void_application"),
        InstallSql("recall_contact"),
        InstallSql("keep_photo"),
        InstallSql("leads_recalls"),
    ]
