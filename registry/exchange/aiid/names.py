"""Who stands behind the entity slugs of the AI Incident Database, and which of its deployers are actors.

The CSV snapshot holds slugs (`keolis-north-america`), not names. Under "deployer" it lists whoever used a
system, scammers and unknown persons included: those are actors, and no facet of deployers should offer them.
"""

import re
from collections.abc import Sequence
from typing import Any

from registry.exchange.pieces import filled, line

# Spellings that capitalising the words of a slug does not find.
_SPELLINGS = {
    "openai": "OpenAI",
    "tiktok": "TikTok",
    "youtube": "YouTube",
    "linkedin": "LinkedIn",
    "whatsapp": "WhatsApp",
    "deepmind": "DeepMind",
    "deepseek": "DeepSeek",
    "elevenlabs": "ElevenLabs",
    "eleutherai": "EleutherAI",
    "xai": "xAI",
    "x-(twitter)": "X (Twitter)",
    "stability-ai": "Stability AI",
    "clearview-ai": "Clearview AI",
    "character.ai": "Character.AI",
    "chatgpt": "ChatGPT",
    "ibm": "IBM",
    "laion": "LAION",
    "pimeyes": "PimEyes",
    "faceapp": "FaceApp",
    "shotspotter": "ShotSpotter",
    "soundthinking": "SoundThinking",
    "hirevue": "HireVue",
    "irobot": "iRobot",
    "bytedance": "ByteDance",
    "mcdonald's": "McDonald's",
    "baidu": "Baidu",
    "predpol": "PredPol",
}
_SMALL_WORDS = frozenset(("of", "the", "and", "for", "in", "at", "by", "to", "on", "de", "from"))
_ACRONYMS = frozenset(("ai", "us", "uk", "eu", "uae", "fbi", "nhs", "nypd", "tv", "bbc", "ceo", "irs"))

_UNKNOWN = re.compile(r"^(unknown|unnamed|unidentified|anonymous|undisclosed|unspecified)\b")
_ORGANISATION = re.compile(
    r"\b(hospitals?|universit(y|ies)|compan(y|ies)|cent(er|re)|agency|department|investors|bank)\b"
)
_NOBODY = frozenset(("", "unknown", "none", "n/a", "unnamed", "unidentified", "various", "multiple"))
# The first that fits decides; what fits none is an organisation or a person who deployed.
_ACTORS: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"(scam|fraud|crime|criminal)[a-z-]*-?(gang|ring|network|syndicate|cartel)s?\b"),
        "actor:criminal/organised",
    ),
    (re.compile(r"\b(gang|syndicate|cartel|fraud-rings?|triads?)\b"), "actor:criminal/organised"),
    (
        re.compile(
            r"\b(scam(mer)?s?|fraudsters?|fraudulent|con-artists?|phish(er|ing)s?|cyber-?criminals?|criminals?"
            r"|extortionists?|sextortionists?|blackmailers?|brouteurs|yahoo-boys|impersonat(or|ors|ing)|scammer"
            r"|identity-thie(f|ves)|thie(f|ves)|kidnappers?|pedophiles?|predators?|fraudgpt-operators)\b"
        ),
        "actor:criminal",
    ),
    (re.compile(r"\b(state-(linked|backed|sponsored)|apt-?\d+|intelligence-(agenc|service))"), "actor:state"),
    (
        re.compile(r"\b(terrorists?|extremists?|jihadists?|neo-nazis?|isis|islamic-state)\b"),
        "actor:extremist",
    ),
    (
        re.compile(
            r"\b(hackers?|attackers?|threat-actors?|propagandists?|trolls?|bot-network|bots-network|spammers?"
            r"|disinformation-actors|malicious-actors?|bad-actors?|storm-\d{3,4}|dark-web|cyberbull(y|ies)|harassers?"
            r"|deepfake-creators?|deepfakers?|deepfake-website-operators?|voice-cloners?|stalkers?|entities)\b"
        ),
        "",
    ),
    (
        re.compile(r"\b(teenagers?|minors?|schoolboys|classmates?|(high|middle)-school-(students?|boys?))\b"),
        "actor:user/minor",
    ),
    (
        re.compile(r"\b(users?|accounts?|students?|pupils?|creators?|individuals?|persons?|someone|people)$"),
        "actor:user",
    ),
)


def display(slug: str) -> str:
    """A name out of a slug, as well as can be told without the database's own list of names."""
    known = _SPELLINGS.get(slug)
    if known:
        return known
    words = slug.replace("_", "-").split("-")
    tidy = [
        word.upper()
        if word in _ACRONYMS
        else word
        if place and word in _SMALL_WORDS
        else word[:1].upper() + word[1:]
        for place, word in enumerate(words)
    ]
    return line(" ".join(word for word in tidy if word))


def reference(slug: str) -> str:
    """The `org:` tag under which two spellings of one organisation are one."""
    return "org:" + re.sub(r"[^a-z0-9.]+", "-", slug.lower()).strip("-.")


def is_nobody(slug: str) -> bool:
    return slug.strip().lower() in _NOBODY


def actor_of(slug: str, by: str) -> dict[str, Any] | None:
    """The actor that a "deployer" is, or None for an organisation that deployed something."""
    claim = {"status": "alleged", "by": by}
    if is_nobody(slug):
        return (
            {"type": "actor:unknown", "assertion": claim} if slug.lower() not in ("none", "n/a", "") else None
        )
    for pattern, kind in _ACTORS:
        if pattern.search(slug):
            unknown = "actor:unknown" if _UNKNOWN.match(slug) else None
            return filled(name=_words(slug), type=kind or unknown, assertion=claim)
    if _UNKNOWN.match(slug) and not _ORGANISATION.search(slug):
        return filled(name=_words(slug), type="actor:unknown", assertion=claim)
    return None


def _words(slug: str) -> str:
    """A description, not a name: `scammers-from-nigeria` reads `scammers from nigeria`."""
    return line(slug.replace("-", " "))


_TECHNOLOGY = re.compile(
    r"^(?:unknown|unnamed|unidentified)-(.+?)(?:-(?:developers?|creators?|compan(?:y|ies)|providers?|makers?))?$"
)


def systems_of(deployers: Sequence[str], developers: Sequence[str], by: str) -> list[dict[str, Any]]:
    """The systems that the entities imply. The database names none, so neither is one made up here."""
    claim = {"status": "alleged", "by": by}
    makers = [slug for slug in developers if not is_nobody(slug) and actor_of(slug, by) is None]
    users = [slug for slug in deployers if actor_of(slug, by) is None and not is_nobody(slug)]
    systems = []
    for maker in makers:
        user = maker if maker in users else users[0] if len(users) == 1 else None
        systems.append(_system(f"unnamed system of {display(maker)}", maker, user, claim))
    covered = {slug for slug in users if slug in makers or (makers and len(users) == 1)}
    systems += [
        _system(f"unnamed system used by {display(user)}", None, user, claim)
        for user in users
        if user not in covered
    ]
    for slug in developers:
        found = _TECHNOLOGY.match(slug)
        if found and slug not in makers and not is_nobody(found[1]):
            systems.append(filled(name=f"unnamed {_words(found[1])}", assertion=claim))
    return systems


def _system(name: str, maker: str | None, user: str | None, claim: dict[str, Any]) -> dict[str, Any]:
    return filled(
        name=line(name),
        developer=display(maker) if maker else None,
        developer_ref=reference(maker) if maker else None,
        deployer=display(user) if user else None,
        deployer_ref=reference(user) if user else None,
        assertion=claim,
    )


_GROUPS = {
    "general-public": "affected:general-public",
    "children": "affected:children",
    "minors": "affected:children",
    "teenagers": "affected:children",
    "women": "affected:women",
    "patients": "affected:patients",
    "students": "affected:students",
    "teachers": "affected:students",
    "journalists": "affected:journalists",
    "celebrities": "affected:public-figures",
    "public-figures": "affected:public-figures",
    "workers": "affected:workers",
    "employees": "affected:workers",
    "artists": "affected:workers/creatives",
    "digital-artists": "affected:workers/creatives",
    "researchers": "affected:researchers",
    "pedestrians": "affected:bystanders",
    "black-people": "affected:ethnic-group",
    "jewish-people": "affected:ethnic-group",
    "minority-groups": "affected:ethnic-group",
    "migrants": "affected:migrants",
    "refugees": "affected:migrants",
    "people-with-disabilities": "affected:people-with-disabilities",
    "elderly-people": "affected:older-people",
    "seniors": "affected:older-people",
    "voters": "affected:officials",
    "internet-users": "affected:users",
    "social-media-users": "affected:users",
}


def affected_of(slugs: Sequence[str]) -> list[dict[str, Any]]:
    """Whom the database lists as harmed or nearly harmed: own terms where one fits exactly, their words
    elsewhere.
    """
    groups = [_GROUPS.get(slug) or line(display(slug), 300) for slug in slugs if not is_nobody(slug)]
    return [{"group": group} for group in dict.fromkeys(groups)][:100]
