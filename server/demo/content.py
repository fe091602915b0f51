"""What the demo congress is about: sessions, questions, polls, booths. All of it is invented."""

from dataclasses import dataclass

HALLS = ("Hall A", "Hall B", "Hall C", "Hall D")
TRACKS = ("Heart failure", "Rhythm", "Imaging", "Nursing, pharmacy")

LIVE_TITLE = "SGLT2 inhibition across the ejection-fraction spectrum"
OPEN_TITLE = "Open stage: ask the guideline authors"

DISCLOSURE = (
    "Dr Okafor has received research support from Halvorsen Therapeutics. "
    "Drs Lindqvist and Haddad have nothing to disclose. "
    "All relevant financial relationships have been mitigated."
)
NOTHING = (
    "The speakers, the moderator and the planners of this session have no relevant financial "
    "relationships with ineligible companies to disclose."
)

LIVE_ABSTRACT = (
    "<p>What do the pooled trials say about patients above forty percent, how soon after an "
    "acute decompensation may one begin, and which laboratory values should make one wait? "
    "A talk of thirty minutes, then a panel on the questions you ask and vote for.</p>"
)
ABSTRACT = "<p>Case-based, with time for questions. Bring the patient you were not sure about.</p>"

MORNING = (
    ("Opening lecture: what a heart remembers", "Anticoagulation in the frail",
     "Strain in daily practice", "Titration clinics that work"),
    ("Cardiogenic shock: the first hour", "Syncope unit, case by case",
     "Imaging before the cath lab", "Deprescribing in frailty"),
    ("Iron deficiency: who, when, which route", "Atrial fibrillation: rate, rhythm, risk",
     "CT-FFR: the reading room", "Home diuretics by telephone"),
)  # fmt: skip
NOW = (LIVE_TITLE, "Anticoagulation after device-detected AF", OPEN_TITLE,
       "Interactions that matter")  # fmt: skip
AFTERNOON = (
    ("Amyloid: catch it on the echo", "Ablation first? A debate", "CMR of myocarditis",
     "Talking about palliative care"),
    ("Echo board: bring your case", "Conduction system pacing, hands-on",
     "AI reads, who signs?", "Wearables: what to do with the trace"),
    ("Late-breaking trials I", "Sudden death in athletes", "Stress imaging in women",
     "Vaccination before the winter"),
)  # fmt: skip

QUESTIONS = (
    "How soon after an acute decompensation would you start, and do you wait for congestion to clear?",
    "Any signal on ketoacidosis in people without diabetes who fast before procedures?",
    "Should we repeat potassium at two weeks when combining with an MRA?",
    "Is there a floor on systolic pressure below which you would hold?",
    "Does the benefit persist above an ejection fraction of 65 percent?",
    "What do you tell patients about genital infections, and does it change adherence?",
    "Would you start in hospital or leave it to the general practitioner?",
    "How do you handle the early dip in eGFR: at which drop do you stop?",
    "Any data in patients on dialysis yet?",
    "Do you stop before elective surgery, and how many days?",
    "How did frailty modify the effect in the pooled analysis?",
    "Are there differences between women and men in quality of life?",
)

POLL = ("At what eGFR would you still start an SGLT2 inhibitor?",
        ("≥ 45 mL/min", "≥ 25 mL/min", "≥ 20 mL/min", "Any, if not on dialysis"))  # fmt: skip
NEXT_POLL = ("Which of these do you check before discharge?",
             ("Ferritin and saturation", "Potassium", "Blood pressure standing", "None routinely"))  # fmt: skip
SAID = (
    "Thank you. I will begin with the question that most of you sent in beforehand.",
    "Who gains, once the ejection fraction is above forty percent?",
    "When the trials are pooled, the curves part within weeks, and they stay apart.",
    "Here are the strata, from forty to forty-nine, from fifty to fifty-nine, and above.",
    "Look at the intervals rather than at the points: they overlap.",
    "So for patients above forty percent the relative reduction is much the same.",
    "The absolute one is not, since there are fewer events to begin with.",
    "Now to the laboratory. An early dip of the filtration rate is expected.",
    "It is no reason to stop as long as the patient is well.",
    "What would make you wait? Write it into the questions, and vote for what you want answered.",
)
"""What the captioner of the live session writes, over and over."""
WEIGHTS = (18, 46, 29, 7)
"""How the simulated attendees lean, in percent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Booth:
    name: str
    tagline: str
    category: str
    tier: str
    description: str
    website: str = ""


def _booth(name: str, tagline: str, category: str, tier: str = "standard") -> Booth:
    return Booth(
        name=name,
        tagline=tagline,
        category=category,
        tier=tier,
        description=(
            f"<p>{tagline}</p><p>Come by to see it at work, ask how it fits what you have, or "
            "leave a message. We learn who you are only if you hand us your badge.</p>"
        ),
        website=f"https://{name.lower().replace(' ', '-').replace('&', 'and')}.example/",
    )


BOOTHS = (
    _booth("Meridian Devices", "Remote filling-pressure monitoring, live from the bench", "Devices", "lead"),
    _booth("Cardivue", "Twelve-lead ECG that reads itself at the bedside", "Devices", "major"),
    _booth("Northlight Imaging", "Low-dose CT reconstruction, with cases to scroll yourself", "Imaging", "major"),
    _booth("Folio Press", "Pocket guidelines and atlases. Free chapter today", "Non-profit"),
    _booth("Pulmora", "Home spirometry with a mouthpiece that teaches", "Devices"),
    _booth("Halden", "Ablation catheters and a training simulator", "Devices"),
    _booth("Cœur pour Tous", "Rheumatic heart disease screening in 14 countries", "Non-profit"),
    _booth("Osteon", "Bone and mineral care for cardiorenal clinics", "Medicines"),
    _booth("Verity Diagnostics", "hs-troponin at the point of care in eight minutes", "Diagnostics"),
    _booth("Atlas Telemetry", "Ward telemetry that rides on your existing Wi-Fi", "Digital health"),
    _booth("Sinus & Co", "Anticoagulation clinics, staffed and remote", "Digital health"),
    _booth("Halvorsen Therapeutics", "Medical information on heart failure", "Medicines"),
)  # fmt: skip
