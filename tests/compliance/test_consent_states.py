"""Whatever happens in whatever order: the state is the fold of the events, and what cannot follow is refused."""

from typing import Any

from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from clinics.roles import Role
from compliance import consents
from compliance.consents import ConsentError
from compliance.models import Channel, Consent, ConsentEvent, ConsentRecord
from compliance.purposes import Purpose
from patients.models import Patient
from tests.compliance.test_consents import with_texts
from tests.factories import make_world

PURPOSES = (Purpose.MARKETING, Purpose.TELEMEDICINE)


def test_the_state_is_the_fold_of_the_events(db: None) -> None:
    world = with_texts(make_world("ALFAZEMA"))

    class Consents(RuleBasedStateMachine):
        """Two purposes of two patients, and the fold kept by hand beside the database's."""

        def __init__(self) -> None:
            super().__init__()
            self.atomic = transaction.atomic()
            self.context = world.enter(Role.DPO)
            self.context.__enter__()
            self.atomic.__enter__()
            self.states: dict[Any, str] = {}
            self.counts: dict[Any, int] = {}
            ids = [patient.pk for patient in world.patients[1:3]]
            self.patients = list(Patient.objects.filter(pk__in=ids))

        def teardown(self) -> None:
            transaction.set_rollback(True)
            self.atomic.__exit__(None, None, None)
            self.context.__exit__(None, None, None)

        @rule(which=st.integers(0, 1), purpose=st.sampled_from(PURPOSES), event=st.sampled_from(ConsentEvent))
        def happens(self, which: int, purpose: Purpose, event: ConsentEvent) -> None:
            patient = self.patients[which]
            key = (patient.pk, purpose)
            before = self.states.get(key, "")
            ends = event in (ConsentEvent.WITHDRAWN, ConsentEvent.EXPIRED)
            try:
                if event == ConsentEvent.EXPIRED:
                    consents.expire(patient, purpose)
                else:
                    step = {
                        ConsentEvent.ASKED: consents.ask,
                        ConsentEvent.GRANTED: consents.grant,
                        ConsentEvent.REFUSED: consents.refuse,
                        ConsentEvent.WITHDRAWN: consents.withdraw,
                    }[event]
                    step(patient, purpose, channel=Channel.PAPER)
            except ConsentError:
                assert ends
                assert before != ConsentEvent.GRANTED
                return
            assert not ends or before == ConsentEvent.GRANTED
            self.counts[key] = self.counts.get(key, 0) + 1
            if not (event == ConsentEvent.ASKED and before == ConsentEvent.GRANTED):
                self.states[key] = str(event)

        @invariant()
        def the_state_is_the_fold(self) -> None:
            stored = {
                (row.patient_id, row.purpose): row
                for row in Consent.objects.filter(patient__in=[patient.pk for patient in self.patients])
            }
            assert {key: row.state for key, row in stored.items()} == self.states
            for key, row in stored.items():
                assert row.number == self.counts[key]
                deciding = ConsentRecord.objects.get(pk=str(row.record))
                assert (deciding.patient_id, deciding.purpose, deciding.event) == (*key, row.state)
                assert row.since == deciding.happened_at
                assert consents.allows(*key) == (row.state == ConsentEvent.GRANTED)

    run_state_machine_as_test(
        Consents,
        settings=settings(
            max_examples=25,
            stateful_step_count=15,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
