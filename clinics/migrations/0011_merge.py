"""Brings the branches of this issue together; gone once the graph is made linear."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("clinics", "0004_scope"), ("clinics", "0010_overbooking")]
    operations = []
