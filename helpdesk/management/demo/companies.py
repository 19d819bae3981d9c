"""The invented customers: who they are, where they work, what they bought."""

from dataclasses import dataclass
from itertools import count, product

ALL_HUBS = ("marketing", "sales", "service", "data", "content", "smart-crm")
EMAIL, CHAT, PHONE = "email", "chat", "phone"


@dataclass(frozen=True, slots=True)
class Region:
    """A business calendar: weekday hours (with a lunch break), and the country whose holidays are kept."""

    name: str
    time_zone: str
    hours: tuple[tuple[str, str], ...]
    country: str
    subdivision: str | None = None


REGIONS = {
    "de": Region("Germany", "Europe/Berlin", (("09:00", "12:30"), ("13:30", "18:00")), "DE", "BE"),
    "nl": Region("Netherlands", "Europe/Amsterdam", (("08:30", "12:30"), ("13:00", "17:00")), "NL"),
    "uk": Region("United Kingdom", "Europe/London", (("09:00", "17:30"),), "GB", "ENG"),
    "ie": Region("Ireland", "Europe/Dublin", (("09:00", "17:30"),), "IE"),
    "fr": Region("France", "Europe/Paris", (("09:00", "12:00"), ("14:00", "18:00")), "FR"),
    "es": Region("Spain", "Europe/Madrid", (("09:00", "14:00"), ("16:00", "19:00")), "ES", "MD"),
    "no": Region("Norway", "Europe/Oslo", (("08:00", "16:00"),), "NO"),
    "jp": Region("Japan", "Asia/Tokyo", (("09:00", "12:00"), ("13:00", "18:00")), "JP"),
    "in": Region("India", "Asia/Kolkata", (("10:00", "13:30"), ("14:00", "18:30")), "IN"),
    "au": Region("New South Wales", "Australia/Sydney", (("08:30", "17:00"),), "AU", "NSW"),
    "us-east": Region("US East", "America/New_York", (("09:00", "12:00"), ("12:45", "17:30")), "US"),
    "us-west": Region("US West", "America/Los_Angeles", (("08:30", "17:00"),), "US"),
    "br": Region("Brazil", "America/Sao_Paulo", (("08:00", "12:00"), ("13:00", "17:00")), "BR"),
}

# First and last names that a region's people are made of.
NAMES = {
    "de": ("Jonas Lena Felix Marie Paul Hanna", "Brandt Keller Vogt Sommer Lindner Auer"),
    "nl": ("Sanne Bram Lotte Daan", "Dekker Bakker Visser Mulder"),
    "uk": ("Grace Oliver Priya Callum", "Whitlock Ashby Holloway Mercer"),
    "ie": ("Niamh Cian Orla Declan", "Byrne Kavanagh Doyle Nolan"),
    "fr": ("Camille Julien Amélie Théo", "Moreau Lefèvre Garnier Chevalier"),
    "es": ("Inés Álvaro Carmen Hugo", "Herrera Molina Castaño Vidal"),
    "no": ("Ingrid Sander Liv Eirik", "Halvorsen Solberg Dahl Nygård"),
    "jp": ("美咲 健太 由美子 大輔 陽子 直樹", "佐藤 高橋 渡辺 中村 小林 山田"),
    "in": ("Ananya Rohan Meera Vikram", "Iyer Deshpande Nair Kulkarni"),
    "au": ("Zoe Liam Matilda Jack", "Fraser Nguyen Campbell Whitford"),
    "us-east": ("Dana Marcus Elena Tyler", "Whitaker Osborne Delgado Price"),
    "us-west": ("Jordan Maya Ethan Sofia", "Calloway Reyes Lindqvist Park"),
    "br": ("Beatriz Thiago Larissa Rafael", "Carvalho Nogueira Teixeira Ramos"),
}


@dataclass(frozen=True, slots=True)
class Subscribed:
    """One subscription; `until` in days from today (None: without end)."""

    hub: str
    channels: tuple[str, ...] = (EMAIL, CHAT, PHONE)
    premium: bool = True
    until: int | None = 400


@dataclass(frozen=True, slots=True)
class Company:
    """A customer company. `weight`: how many tickets it sends, compared with the others."""

    name: str
    domain: str
    region: str
    subscriptions: tuple[Subscribed, ...]
    weight: int = 10


def bought(*hubs: str, channels: tuple[str, ...] = (EMAIL, CHAT, PHONE), until: int | None = 400) -> tuple:
    return tuple(Subscribed(hub, channels, until=until) for hub in hubs)


def plain(*hubs: str) -> tuple:
    """Hubs bought without premium support."""
    return tuple(Subscribed(hub, premium=False) for hub in hubs)


KESTREL = Company(
    "Kestrel Freight Group",
    "kestrel.example",
    "de",
    (
        *bought("marketing", "sales", "content", until=128),
        *bought("service", channels=(EMAIL, CHAT), until=281),
        *plain("data"),
    ),
    14,
)
WITHOUT_PREMIUM = Company("Van den Berg Advies", "vandenberg.example", "nl", plain("sales", "smart-crm"), 0)
MOREAU = Company("Ateliers Moreau", "moreau.example", "fr", bought("content", "service", "marketing"), 10)
COMPANIES = [
    KESTREL,
    WITHOUT_PREMIUM,
    MOREAU,
    Company("株式会社ミナト商事", "minato.example", "jp", bought("service", "sales", "smart-crm", "data", "marketing")),
    Company("Northgate Insurance", "northgate.example", "uk", bought(*ALL_HUBS), 16),
    Company("Halden Pharma", "halden.example", "no", bought("data", "service", "marketing", "content"), 13),
    Company("Kitamura Logistics", "kitamura.example", "jp", bought("smart-crm", "sales"), 9),
    Company("Bright & Lowe", "brightlowe.example", "us-east", bought("marketing", "content", channels=(EMAIL,)), 9),
    Company("Aldergate Retail", "aldergate.example", "us-west", bought("sales", "marketing", "smart-crm"), 11),
    Company("Sable Energy", "sable.example", "uk", (*bought("data", "service"), *plain("sales")), 9),
    Company("Tessera Bank", "tessera.example", "es", bought("smart-crm", "data", "sales", channels=(EMAIL, PHONE)), 11),
    Company("Skerry Ferries", "skerry.example", "no", bought("content", "data"), 7),
    Company("サクラ化成工業株式会社", "sakura-kasei.example", "jp", bought("sales", "data", channels=(EMAIL,)), 7),
    Company("Cobalt Bay Resorts", "cobaltbay.example", "au", bought("content", "service"), 8),
    Company("Pinecrest Health", "pinecrest.example", "us-east", bought("service", "smart-crm", "data"), 11),
    Company("Rio Claro Alimentos", "rioclaro.example", "br", (*bought("sales"), *plain("marketing")), 6),
    Company("Deccan Textiles", "deccan.example", "in", bought("marketing", "smart-crm", channels=(EMAIL, CHAT)), 7),
    Company("Harbourline Media", "harbourline.example", "uk", bought("content", "marketing", until=21), 7),
    Company("Quillon Software", "quillon.example", "us-west", bought("data", "smart-crm", until=None), 8),
    Company("Marisma Hotels", "marisma.example", "es", bought("content", "sales"), 6),
    Company("Tern Aviation", "tern.example", "ie", bought("service", "sales"), 6),
    Company("Zelkova Robotics", "zelkova.example", "jp", bought("data", "content", channels=(EMAIL, CHAT)), 6),
    Company("Emberly Foods", "emberly.example", "us-east", bought("marketing", until=-12), 0),  # expired
    Company("Wattenmeer Solar", "wattenmeer.example", "de", bought("smart-crm", "service"), 7),
]
# The agency whose one person speaks for two customers.
AGENCY_CLIENTS = (KESTREL, MOREAU)

_FIRST = "Amber Birch Cedar Delta Elm Falcon Granite Heron Indigo Juniper Larch Maple Onyx Plover Quartz Raven"
_SECOND = "Bearings Chemicals Clinics Foods Freight Glass Labs Leasing Media Mills Optics Paper Rail Tools"


def companies(number: int) -> list[Company]:
    """The first `number` companies: those above, then as many more as it takes."""
    return [*COMPANIES[:number], *(_more(index) for index in range(max(0, number - len(COMPANIES))))]


def _more(index: int) -> Company:
    names = [f"{first} {second}" for first, second in product(_FIRST.split(), _SECOND.split())]
    round_, place = divmod(index, len(names))
    # A step that shares no factor with the list's length visits every name once before one comes again.
    name = names[place * 37 % len(names)] + (f" {round_ + 1}" if round_ else "")
    hubs = [ALL_HUBS[(index + offset) % len(ALL_HUBS)] for offset in range(2 + index % 3)]
    region = list(REGIONS)[index % len(REGIONS)]
    return Company(name, f"{name.lower().replace(' ', '-')}.example", region, bought(*hubs), 4 + index % 9)


def invented_names(region: str) -> list[str]:
    """Full names of a region, in the order in which they are used; more than any company needs."""
    firsts, lasts = (row.split() for row in NAMES[region])
    pairs = ((firsts[n % len(firsts)], lasts[(n + n // len(firsts)) % len(lasts)]) for n in count())
    names = (f"{last} {first}" if region == "jp" else f"{first} {last}" for first, last in pairs)
    return [next(names) for _ in range(12)]
