"""Who is at the demo congress. Names and companies are invented."""

from dataclasses import dataclass

from server.people.rules import Profession


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    key: str
    name: str
    degree: str
    profession: Profession
    affiliation: str

    @property
    def mail(self) -> str:
        return f"{self.key}@demo.example"


P, N, F, A, O = (  # noqa: E741 - the table below reads better with one letter
    Profession.PHYSICIAN,
    Profession.NURSE,
    Profession.PHARMACIST,
    Profession.PHYSICIAN_ASSOCIATE,
    Profession.OTHER,
)


def _person(key: str, name: str, degree: str, profession: Profession, place: str) -> Person:
    return Person(key=key, name=name, degree=degree, profession=profession, affiliation=place)


LEARNER = _person("learner", "Ana Prieto", "MD", P, "Hospital Clínico, Valencia")
LEARNER2 = _person("learner2", "Yuki Tanaka", "NP", N, "Heart failure clinic, Osaka")
FACULTY = _person("faculty", "Amara Okafor", "MD, PhD", P, "Lagos University Teaching Hospital")
MODERATOR = _person("moderator", "Erik Lindqvist", "MD", P, "Karolinska, Stockholm")
PANELLIST = _person("panel", "Layla Haddad", "PharmD", F, "AUB Medical Center, Beirut")
EXHIBITOR = _person("exhibitor", "Daniel Mensah", "", O, "Cardivue")
OFFICER = _person("officer", "Ines Moreau", "MD", P, "Faculty of Medicine, Lyon")
ORGANISER = _person("organiser", "Nuno Silva", "", O, "CardioForum")

SPEAKERS = (
    _person("speaker1", "Paul Brandt", "MD", P, "Emergency medicine, Graz"),
    _person("speaker2", "Mei-Ling Chow", "MD, PhD", P, "Heart Centre, Singapore"),
    _person("speaker3", "Tomás Herrera", "MD", P, "Instituto de Cardiología, Bogotá"),
    _person("speaker4", "Sinéad Byrne", "MSc, RN", N, "St Vincent's, Dublin"),
    _person("speaker5", "Kwame Asante", "MD", P, "Komfo Anokye, Kumasi"),
    _person("speaker6", "Agnieszka Zielińska", "MD", P, "National Institute, Warsaw"),
    _person("speaker7", "Ravi Menon", "DM", P, "Sree Chitra, Thiruvananthapuram"),
    _person("speaker8", "Hélène Garnier", "PharmD", F, "Hôpital cantonal, Genève"),
    _person("speaker9", "Jonas Falk", "MD", P, "Rigshospitalet, Copenhagen"),
    _person("speaker10", "Sara Benali", "MD", P, "CHU Ibn Sina, Rabat"),
)

STAFF = (
    ("Cardivue", _person("staff1", "Mika Sato", "", O, "Cardivue")),
    ("Cardivue", _person("staff2", "Hannah Weiss", "", O, "Cardivue")),
    ("Meridian Devices", _person("staff3", "Colm Daly", "", O, "Meridian Devices")),
    ("Meridian Devices", _person("staff4", "Ada Nwosu", "", O, "Meridian Devices")),
    ("Northlight Imaging", _person("staff5", "Leo Martens", "", O, "Northlight Imaging")),
    ("Folio Press", _person("staff6", "Greta Holm", "", O, "Folio Press")),
    ("Halden", _person("staff7", "Omar Said", "", O, "Halden")),
    ("Verity Diagnostics", _person("staff8", "June Park", "", O, "Verity Diagnostics")),
)

_FIRST = (
    "Maria", "Lukas", "Fatima", "Jakob", "Chiara", "Noah", "Aisha", "Pedro", "Emma", "Tariq",
    "Sofia", "Viktor", "Nadia", "Hugo", "Priya", "Anders", "Elena", "Samuel", "Ingrid", "Mateo",
)  # fmt: skip
_LAST = (
    "Rossi", "Keller", "Haddad", "Novak", "Santos", "Berg", "Ali", "Costa", "Dubois", "Khan",
    "Meyer", "Popov", "Lopez", "Larsen", "Nair", "Smit", "Ionescu", "Owusu", "Lind", "Vargas",
)  # fmt: skip
_DEGREES = (("MD", P), ("RN", N), ("PharmD", F), ("PA-C", A), ("MD", P))

CROWD_SIZE = 40
"""Enough for a lively panel; each costs a few rows and now and then a command."""

CROWD = tuple(
    _person(
        f"attendee{number}",
        f"{_FIRST[number % len(_FIRST)]} {_LAST[(number * 7 + number // 20) % len(_LAST)]}",
        *_DEGREES[number % len(_DEGREES)],
        "",
    )
    for number in range(CROWD_SIZE)
)
