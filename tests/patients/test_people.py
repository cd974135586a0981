"""People who do not exist: always the same, always valid."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from clinics.identifiers import clean_cep, clean_cnpj, clean_cpf, clean_phone
from patients import people
from patients.models import Patient, Sex
from patients.people import Draw, Place

VITORIA = Place(
    city="Vitória",
    uf="ES",
    ddd="27",
    streets=("Rua Sete de Setembro",),
    districts=("Centro",),
    ceps=(29_010_000, 29_099_999),
)


def test_names_never_change() -> None:
    """Written down: an import of tomorrow must give the people of yesterday the same names."""
    assert people.full_name("noshow", "29872499824296", sex=Sex.FEMALE) == "Lúcia de Jesus Simões"
    assert people.full_name("noshow", "558997776694438", sex=Sex.MALE) == "Pedro Godoy Oliveira"
    assert people.full_name("noshow", "558997776694438") != people.full_name("other", "558997776694438")


@given(st.text(), st.sampled_from([*Sex.values, ""]), st.one_of(st.none(), st.integers(1880, 2040)))
def test_anybody_has_a_name_that_fits(key: str, sex: str, born: int | None) -> None:
    name = people.full_name("test", key, sex=sex, born=born)
    assert name == people.full_name("test", key, sex=sex, born=born)
    assert len(name.split()) >= 2
    assert len(name) <= 80


def test_names_go_with_sex_and_time() -> None:
    young = {people.full_name(i, sex=Sex.MALE, born=2008).split()[0] for i in range(300)}
    old = {people.full_name(i, sex=Sex.FEMALE, born=1925).split()[0] for i in range(300)}
    assert "Gabriel" in young
    assert "Sebastião" not in young
    assert "Maria" in old
    assert not old & {"Larissa", "Gabriel"}


@given(st.integers(0, 9_999_999), st.integers(0, 999_999), st.integers(0, 9_999))
def test_numbers_are_valid(cpf: int, cnpj: int, mobile: int) -> None:
    for clean, number in ((clean_cpf, people.cpf(cpf)), (clean_cnpj, people.cnpj(cnpj))):
        assert clean(number) == number
        assert number.startswith("98")
    for ddd in ("11", "27"):
        assert clean_phone(people.mobile(ddd, mobile)) == people.mobile(ddd, mobile)


def test_nobody_shares_a_cpf() -> None:
    assert len({people.cpf(number) for number in range(20_000)}) == 20_000


@given(st.integers(0, 9_999_999))
def test_a_person_is_whole(number: int) -> None:
    today = date(2026, 3, 2)
    person = people.person("test", number=number, place=VITORIA, today=today)
    assert person == people.person("test", number=number, place=VITORIA, today=today)
    assert clean_cep(person.cep) == person.cep
    assert person.cep.startswith("29")
    assert 3 <= (today - person.birth_date).days / 365.25 <= 94
    fields = {name: getattr(person, name) for name in people.Person.__dataclass_fields__}
    Patient(**fields).clean_fields(exclude=["clinic", "record_number"])


def test_some_go_by_another_name() -> None:
    everyone = [people.person("test", number=i, place=VITORIA, today=date(2026, 3, 2)) for i in range(400)]
    assert 5 <= sum(bool(person.preferred_name) for person in everyone) <= 40


def test_seeds_do_not_run_into_each_other() -> None:
    assert Draw("a", "bc").below(10**9) != Draw("ab", "c").below(10**9)
