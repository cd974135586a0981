"""The search role reads the audit log for «who accessed»."""

from django.db import migrations

import neonpro.db.policies


class Migration(migrations.Migration):
    dependencies = [
        ("compliance", "0001_tables"),
    ]

    operations = [
        migrations.AddConstraint(
            model_name="auditlog",
            constraint=neonpro.db.policies.RowPolicy(
                command="SELECT", name="audit_logs_search", to=("neonpro_search",), using="true"
            ),
        ),
    ]
