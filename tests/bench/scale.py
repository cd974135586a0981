"""How much there is to measure on."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """A size of database and how long to measure on it.

    The first clinic is large: it has a tenth of everything. The others share the rest evenly.
    """

    name: str
    clinics: int
    patients: int
    appointments: int
    audit_rows: int
    bulk_rows: int
    imported_rows: int
    rounds: int
    """How many times each side of a pair is taken, at least."""
    seconds: float
    """How long a measurement of something fast goes on taking more."""

    def patients_of(self, clinic: int) -> int:
        """How many patients the clinic of that number (from 0) has."""
        return _share(self.patients, clinic, self.clinics)

    def appointments_of(self, clinic: int) -> int:
        """How many appointments the clinic of that number has."""
        return _share(self.appointments, clinic, self.clinics)

    def professionals_of(self, clinic: int) -> int:
        """How many professionals see them, at sixteen appointments a day and some 250 days."""
        return -(-self.appointments_of(clinic) // 4000)


def _share(total: int, clinic: int, clinics: int) -> int:
    if clinic == 0:
        return total // 10
    rest = total - total // 10
    return rest // (clinics - 1) + (1 if clinic <= rest % (clinics - 1) else 0)


SCALES = {
    scale.name: scale
    for scale in (
        # Only the test of the bench itself uses it: its figures say nothing.
        Scale("tiny", 3, 600, 1_200, 300, 50, 60, rounds=2, seconds=0.02),
        Scale("small", 20, 100_000, 150_000, 50_000, 2_000, 5_000, rounds=15, seconds=2),
        Scale("full", 200, 1_000_000, 5_000_000, 1_000_000, 10_000, 88_540, rounds=25, seconds=8),
    )
}
