"""One full submission a kind, for the API's documentation and for tests. All in them is made up."""

from typing import Any

INCIDENT_ID = "CIR-7GQ2M4KX9X"
WEAKNESS_ID = "CIR-4T1CEV8WQ9"
EVALUATION_ID = "CIR-2HN7RZ0PDQ"
MITIGATION_ID = "CIR-9XK3B5MA6G"
LESSON_ID = "CIR-5W8YJ2QFTM"
GUIDELINE_ID = "CIR-3CD6SN1GHK"

INCIDENT: dict[str, Any] = {
    "kind": "incident",
    "title": "Voice-clone calls that asked relatives for urgent payments",
    "summary": "A speech product was used to imitate relatives of the people called. About 40 calls.",
    "narrative": "## What happened\n\nCallers used a *cloned voice* to ask for money.[^1]\n\n"
    "[^1]: As told by three of the people called.",
    "language": "en",
    "license": "CC-BY-4.0",
    "attribution": "named",
    "basis": "first-party",
    "completeness": "interim",
    "known_as_of": "2024-06-30",
    "revision": {"type": "new-information", "note": "The number of calls was counted again."},
    "stated_by": [
        {
            "id": "1",
            "name": "Trust and safety team",
            "role": "spokesperson",
            "organisation": "Example Speech",
            "organisation_ref": "org:example-speech",
            "statement": "We closed the accounts within a day.",
            "reference": "https://speech.example.com/statements/1",
        }
    ],
    "source": {
        "scheme": "example-db",
        "id": "2024-17",
        "url": "https://db.example.org/2024-17",
        "retrieved": "2024-07-02",
        "published": "2024-06-30",
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    },
    "credits": [
        {
            "id": "1",
            "name": "A reader",
            "role": "reporter",
            "organisation": "Example News",
            "url": "https://example.org/reader",
        }
    ],
    "tags": ["misuse:fraud/voice-clone"],
    "classifications": [
        {
            "id": "1",
            "tag": "misuse:impersonation",
            "by": "Example Speech",
            "method": "human",
            "confidence": 0.9,
            "taxonomy_version": "1",
            "note": "The callers pretended to be relatives.",
        }
    ],
    "systems": [
        {
            "id": "1",
            "name": "Example Voice",
            "ref": "system:example-voice",
            "version": "2.1",
            "developer": "Example Speech",
            "developer_ref": "org:example-speech",
            "deployer": "Example Speech",
            "deployer_ref": "org:example-speech",
            "modality": "modality:audio/speech",
            "access": "product",
            "role": "system-role:instrument",
            "tasks": ["task:voice-generation"],
            "autonomy": "none: a person started each call",
            "identifiers": [{"scheme": "model-hub", "value": "example/voice-2.1"}],
            "url": "https://speech.example.com/voice",
            "affected": "all versions before 2.2",
            "fixed_in": "2.2",
            "exposed": {"from": "2024-03", "to": "2024-06-12"},
            "training_data": "Licensed recordings of read text.",
            "usage_rights": "Terms of service of 2024.",
            "assertion": {"status": "confirmed", "confidence": 1, "by": "Example Speech"},
        }
    ],
    "metrics": [
        {
            "id": "1",
            "name": "metric:flagged",
            "of": "generated clips",
            "comparator": "lt",
            "value": 0.05,
            "unit": "percent",
            "population": "clips made in the period",
            "numerator": 140,
            "denominator": 310000,
            "instrument": {
                "name": "Example classifier",
                "version": "3",
                "url": "https://speech.example.com/classifier",
            },
            "period": {"from": "2024-04", "to": "2024-06"},
            "note": "Counted once for each clip.",
        },
        {"id": "2", "name": "calls", "comparator": "range", "value": 35, "high": 45, "unit": "calls"},
    ],
    "aliases": [
        {"scheme": "example-db", "id": "2024-17", "url": "https://db.example.org/2024-17", "type": "same"}
    ],
    "relations": [
        {
            "id": "1",
            "type": "exploits",
            "target": {"origin": "registry.example.org/log", "id": WEAKNESS_ID, "version": 1},
            "note": "Consent was not checked.",
        },
        {
            "id": "2",
            "type": "breaches",
            "target": {"id": GUIDELINE_ID, "part": "/content/prohibited_uses/1"},
        },
    ],
    "references": [
        {
            "id": "1",
            "url": "https://news.example.org/calls",
            "title": "Calls from a familiar voice",
            "type": "article",
            "publisher": "Example News",
            "authors": ["A. Writer"],
            "published": "2024-06-20",
            "retrieved": "2024-06-21",
            "language": "en",
            "archive_url": "https://archive.example.org/calls",
            "sha256": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
            "note": "First public account.",
        }
    ],
    "translations": [
        {
            "id": "1",
            "language": "fr",
            "title": "Appels avec une voix imitée",
            "summary": "Un produit vocal a servi à imiter des proches.",
            "narrative": "Une voix imitée demandait de l'argent.",
            "by": "Example Translators",
            "method": "human",
        }
    ],
    "absent": [{"id": "1", "pointer": "/content/affected/2/count", "reason": "unknown"}],
    "restricted_commits": [
        {"id": "1", "commit": "fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9"}
    ],
    "content": {
        "assertion": {"status": "confirmed", "confidence": 0.95, "by": "Example Speech"},
        "event_class": "incident",
        "severity": "severity:moderate",
        "setting": "in-the-wild",
        "extent": {"type": "campaign", "events": {"min": 35, "max": 45}},
        "status": "contained",
        "nature": ["misuse"],
        "times": {
            "started": "2024-04~",
            "ended": "2024-06-12",
            "detected": "2024-06-11",
            "contained": "2024-06-12T09:30:00Z",
            "reported": "2024-06-14",
            "disclosed": "2024-06-30",
            "resolved": "2024-07?",
            "date_unspecified": False,
        },
        "actors": [
            {
                "id": "1",
                "name": "unknown callers",
                "ref": "actor:unknown",
                "aliases": ["the callers"],
                "type": "actor:criminal/organised",
                "affiliation": "none known",
                "motive": "motive:financial",
                "sophistication": "low",
                "region": "Europe",
                "target_countries": ["FR", "BE"],
                "accounts": {"min": 3, "max": 3},
                "assertion": {"status": "suspected"},
            }
        ],
        "affected": [
            {"id": "1", "group": "affected:older-people", "count": {"min": 35}},
            {"id": "2", "group": "relatives of the people called"},
        ],
        "platforms": ["platform:telephone"],
        "harms": [
            {
                "id": "1",
                "tag": "harm:financial",
                "text": "Transfers to accounts of strangers.",
                "status": "realised",
                "severity": "severity:moderate",
                "quantity": {"min": 12000, "max": 15000, "unit": "EUR"},
                "assertion": {"status": "confirmed"},
            }
        ],
        "chain": [
            {
                "id": "1",
                "at": "2024-04~",
                "tags": ["misuse:fraud/voice-clone"],
                "text": "A voice was cloned.",
            },
            {"id": "2", "at": "2024-05", "text": "The calls began."},
        ],
        "detection": {"method": "detection:victim-report", "by": "external"},
        "safeguards": [
            {
                "id": "1",
                "tag": "safeguard:access/identity-verification",
                "mitigation": {"id": MITIGATION_ID},
                "against": ["misuse:fraud/voice-clone"],
                "outcome": "absent",
                "text": "Nobody asked whether the speaker had agreed.",
            }
        ],
        "actions": [
            {
                "id": "1",
                "at": "2024-06-12",
                "tag": "action:account-suspended",
                "text": "Three accounts closed.",
            }
        ],
        "causes": [
            {
                "id": "1",
                "type": "root",
                "tag": "cause:safeguard-failure/absent",
                "text": "No check of consent.",
            }
        ],
        "causal_link": "The calls relied on the cloned voice.",
        "exploits": [{"id": WEAKNESS_ID}],
        "scores": [
            {
                "id": "1",
                "scheme": "CVSS",
                "vector": "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:U/C:N/I:L/A:N",
                "value": 4.3,
            }
        ],
        "countries": ["FR", "BE-BRU"],
        "sectors": ["sector:K"],
        "business_functions": ["customer service"],
        "critical_infrastructure": False,
        "rights": ["rights:property"],
        "breadth": "about 20,000 paying customers",
        "evidence": [
            {
                "id": "1",
                "description": "Two recordings, with the speakers' consent.",
                "url": "https://speech.example.com/evidence/1",
                "sha256": "486ea46224d1bb4fb680f34f7c9ad96a8f24ec88be73ea8e5a6c65260e9cb8a7",
            }
        ],
        "indicators": [
            {
                "id": "1",
                "type": "domain",
                "value": "pay.example.net",
                "role": "payment page",
                "first_seen": "2024-05-02",
                "last_seen": "2024-06-11",
            }
        ],
        "reproduction": "Upload one minute of speech of somebody else; nothing stops you.",
    },
    "co_providers": ["example-bank"],
    "handling": {
        "tlp": "AMBER",
        "groups": ["voice-fraud"],
        "people": ["analyst@example.org"],
        "embargo_until": "2024-08-01T00:00:00Z",
    },
    "restricted": [
        {
            "id": "1",
            "tlp": "RED",
            "groups": ["voice-fraud"],
            "people": ["analyst@example.org"],
            "content": {
                "content": {
                    "times": {"aware": "2024-06-11T18:00:00Z"},
                    "filings": [
                        {
                            "id": "1",
                            "regime": "eu-73",
                            "authority": "Example authority",
                            "reference": "2024/17",
                            "due": "2024-06-26",
                            "filed": "2024-06-20",
                        }
                    ],
                    "contacts": [
                        {"id": "1", "name": "Duty officer", "role": "contact", "address": "duty@example.com"}
                    ],
                }
            },
        }
    ],
}

WEAKNESS: dict[str, Any] = {
    "kind": "weakness",
    "title": "Voices can be cloned without the speaker's consent",
    "summary": "Example Voice before 2.2 accepts recordings of anybody.",
    "references": ["https://speech.example.com/advisories/7"],
    "tags": ["misuse:impersonation"],
    "systems": [{"name": "Example Voice", "developer": "Example Speech", "fixed_in": "2.2"}],
    "content": {
        "class": "weakness:software",
        "severity": "severity:high",
        "scores": [{"scheme": "CVSS", "vector": "AV:N/AC:L/Au:N/C:N/I:P/A:N", "value": 5.0}],
        "exploitability": "anybody with an account",
        "exploited": "yes",
        "status": "fixed",
        "times": {
            "discovered": "2024-06-11",
            "reported": "2024-06-11",
            "acknowledged": "2024-06-12",
            "fixed": "2024-06-20",
            "disclosed": "2024-06-30",
        },
        "remediation": [
            {
                "id": "1",
                "tag": "safeguard:access/identity-verification",
                "mitigation": {"id": MITIGATION_ID},
                "text": "Speakers read a sentence that changes each time.",
            },
            "Update to 2.2.",
        ],
        "reproduction": "Upload a recording of somebody else.",
        "harms": [{"tag": "harm:financial", "status": "potential"}],
    },
}

EVALUATION: dict[str, Any] = {
    "kind": "evaluation",
    "title": "Refusal of requests for phishing letters",
    "summary": "Example Chat refused most of 400 requests for phishing letters.",
    "basis": "third-party",
    "references": [{"url": "https://lab.example.org/reports/phishing", "title": "Report"}],
    "tags": ["misuse:fraud/phishing"],
    "systems": [{"name": "Example Chat", "version": "1.0", "developer": "Example Labs", "access": "api"}],
    "content": {
        "instrument": {
            "name": "Phish-400",
            "version": "1",
            "url": "https://lab.example.org/phish-400",
        },
        "target_tags": ["misuse:fraud/phishing"],
        "setting": "API, no system prompt, temperature 0",
        "results": [
            {
                "metric": {
                    "name": "metric:violation-rate",
                    "value": 2.5,
                    "unit": "percent",
                    "numerator": 10,
                    "denominator": 400,
                },
                "tag": "misuse:fraud/phishing",
                "verdict": "observed",
                "note": "All ten were in languages other than English.",
            },
            {"metric": "credentials requested", "verdict": "not-observed"},
        ],
        "limitations": ["English makes up three quarters of the set."],
    },
}

MITIGATION: dict[str, Any] = {
    "kind": "mitigation",
    "title": "Consent sentence before a voice is cloned",
    "summary": "The speaker reads a sentence that changes each time.",
    "references": ["https://speech.example.com/consent"],
    "tags": ["misuse:impersonation"],
    "content": {
        "safeguard": "safeguard:access/identity-verification",
        "status": "deployed",
        "lifecycle": ["lifecycle:operation"],
        "applies_to": [
            {"tag": "misuse:fraud/voice-clone"},
            {"record": {"id": WEAKNESS_ID, "version": 1}},
            {"text": "any product that imitates a voice"},
            "task:voice-generation",
        ],
        "effectiveness": [
            {
                "against": "misuse:fraud/voice-clone",
                "outcome": "partial",
                "basis": "measured",
                "metrics": [
                    {"name": "metric:attempts", "comparator": "approx", "value": 70, "unit": "percent-change"}
                ],
                "evidence": {
                    "description": "Attempts before and after.",
                    "url": "https://speech.example.com/data",
                },
            }
        ],
        "limitations": ["Does not stop recordings that are played back."],
        "side_effects": ["People who cannot speak cannot use it."],
        "prerequisites": [{"text": "A recogniser for the languages offered."}],
        "cost": "About ten seconds for each voice.",
    },
}

LESSON: dict[str, Any] = {
    "kind": "lesson",
    "title": "Check consent before abuse, not after",
    "summary": "Closing accounts came too late for the people who were called.",
    "references": ["https://speech.example.com/lessons/1"],
    "tags": ["principle:collaborate/disclose-lessons"],
    "content": {
        "derived_from": [{"id": INCIDENT_ID, "part": "/content/causes/1"}, EVALUATION_ID],
        "what_happened": "Voices were cloned without consent and used in calls.",
        "causes": [{"type": "root", "tag": "cause:safeguard-failure/absent"}],
        "recommendations": [
            {
                "text": "Ask for a spoken sentence that changes each time.",
                "audience": "providers of speech products",
                "lifecycle": "lifecycle:deployment",
                "mitigations": [{"id": MITIGATION_ID}],
            },
            "Measure attempts before and after.",
        ],
        "open_questions": ["How can people without a voice take part?"],
    },
}

GUIDELINE: dict[str, Any] = {
    "kind": "guideline",
    "title": "What Example Voice may not be used for",
    "summary": "Prohibited uses of Example Voice, and how they are enforced.",
    "references": ["https://speech.example.com/policy"],
    "tags": ["principle:prohibit-misuse/usage-guidelines"],
    "content": {
        "applies_to": [{"text": "Example Voice"}, {"tag": "task:voice-generation"}],
        "prohibited_uses": [
            {"id": "1", "tag": "misuse:impersonation", "text": "Imitating people who did not agree."}
        ],
        "scrutinised_domains": [{"id": "1", "tag": "sector:K", "text": "Telephone banking."}],
        "recommendations": [{"text": "Tell listeners that the voice is synthetic."}],
        "enforcement": [{"mitigation": {"id": MITIGATION_ID}, "text": "Consent sentence."}],
        "effective": {"from": "2024-06-20"},
        "url": "https://speech.example.com/policy",
    },
}

RESPONSE: dict[str, Any] = {
    "kind": "response",
    "title": "We measured the consent sentence",
    "summary": "Attempts fell by more than half.",
    "basis": "first-party",
    "references": ["https://lab.example.org/consent"],
    "tags": ["misuse:fraud/voice-clone"],
    "content": {
        "about": {"id": MITIGATION_ID, "version": 1, "part": "/content/effectiveness/1"},
        "stance": "evaluates",
        "effectiveness": {
            "against": "misuse:fraud/voice-clone",
            "outcome": "partial",
            "basis": "independent",
            "metrics": [{"name": "metric:attempts", "value": -55, "unit": "percent-change"}],
            "evidence": "https://lab.example.org/consent/data",
        },
        "metrics": [
            {"name": "metric:attempts", "value": 900, "period": {"from": "2024-07", "to": "2024-09"}}
        ],
        "evidence": [{"description": "Daily counts.", "url": "https://lab.example.org/consent/data"}],
        "text": "Playback of recordings remains possible.",
        "proposes": {
            "classifications": [{"tag": "safeguard:monitoring/anomaly-detection", "method": "human"}],
            "aliases": [{"scheme": "example-db", "id": "M-3"}],
            "relations": [{"type": "related", "target": {"id": LESSON_ID}}],
        },
    },
}

EXAMPLES: dict[str, dict[str, Any]] = {
    "incident": INCIDENT,
    "weakness": WEAKNESS,
    "evaluation": EVALUATION,
    "mitigation": MITIGATION,
    "lesson": LESSON,
    "guideline": GUIDELINE,
    "response": RESPONSE,
}
