"""A member may overbook when a manager says so."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("clinics", "0004_scope"),
    ]

    operations = [
        migrations.AddField(
            model_name="membership",
            name="may_overbook",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="May book at a time that is taken or closed, giving a reason. Managers always may.",
                verbose_name="may overbook (encaixe)",
            ),
        ),
    ]
