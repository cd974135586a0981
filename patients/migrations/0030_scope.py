"""Care begins only within the professional's scope of practice. Also brings this issue's branches together."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

import neonpro.db.audit
from neonpro.db.functions import InstallSql


class Migration(migrations.Migration):
    dependencies = [("clinics", "0011_merge"), ("patients", "0005_agenda"), ("patients", "0011_care_and_records")]
    operations = [
        InstallSql("guard_scope"),
        pgtrigger.migrations.AddTrigger(
            model_name="appointment",
            trigger=pgtrigger.compiler.Trigger(
                name="scope_of_practice",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.guard_scope()",
                    func="RETURN NULL;",
                    hash="e3495907d2c8dcd991addd2444fc6cc1c3d1b027",
                    operation="INSERT OR UPDATE",
                    pgid="pgtrigger_scope_of_practice_c7467",
                    table="appointments",
                    when="BEFORE",
                ),
            ),
        ),
    ]
