"""The vault as a Django app, so that its SQL functions have migrations and its checks run."""

from typing import Any

from django.apps import AppConfig
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db.models.signals import post_save, pre_save


class VaultConfig(AppConfig):
    """Floor 2: encrypted fields, keys and search; it knows PostgreSQL and no app."""

    name = "neonpro.vault"
    label = "neonpro_vault"
    verbose_name = "NeonPro Vault"

    def ready(self) -> None:
        from neonpro.vault.checks import check_patient_tables
        from neonpro.vault.keys import master_keys
        from neonpro.vault.retention import check_retention

        try:
            master_keys()
        except ValueError as error:
            raise ImproperlyConfigured(f"NEONPRO_MASTER_KEYS: {error}") from error
        checks.register(check_patient_tables, checks.Tags.models)
        checks.register(check_retention, checks.Tags.models)
        pre_save.connect(_seal_fixture, dispatch_uid="neonpro.vault.seal_fixture")
        post_save.connect(_fixture_saved, dispatch_uid="neonpro.vault.fixture_saved")


def _seal_fixture(sender: Any, instance: Any, raw: bool, using: str, **_: Any) -> None:
    """`loaddata` writes attributes as they are: let them be ciphertext."""
    from neonpro.vault.fields import state_of
    from neonpro.vault.models import Change, VaultModel

    if not (raw and isinstance(instance, VaultModel)):
        return
    change = Change.of([instance], None, using=using)
    state = state_of(instance)
    for name, (_value, sealed) in state.pending.items():
        instance.__dict__[name] = sealed
    state.raw = True
    instance.__dict__["_vault_change"] = change


def _fixture_saved(sender: Any, instance: Any, raw: bool, **_: Any) -> None:
    from neonpro.vault.fields import state_of
    from neonpro.vault.models import VaultModel

    if raw and isinstance(instance, VaultModel):
        state_of(instance).raw = False
        instance.__dict__.pop("_vault_change").done()
