"""Stock phrases that sound translated stay out of everything a person reads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
KINDS = {".py", ".j2", ".html", ".toml", ".json", ".md"}
PHRASES = (
    r"""\bthere (?:is|are|was|were) none\b""",
    r"""\b(?:is|are|was|were) asked\b""",
    r"""\bas \w+ wish(?:es)?\b""",
    r"""\bin vain\b""",
    r"""\bthe ones? that\b""",
    r"""\bthat much\b""",
    r"""\bso much\b""",
    r"""\bso many\b""",
    r"""\bc[oa]me by\b""",
    r"""\bstands?\b""",
    r"""\bmend(?:s|ed|ing)?\b""",
    r"""\b(?:is|are|was|were) of no\b""",
    r"""\b(?:has|have|had) none\b""",
    r"""(?<!there )\b(?:is|are|was|were) no (?!longer|more|less|other)""",
    r"""\bas (?:it is|they are|it was|they were)\b""",
    r"""\bthe least (?:change|number|weight|value|score|of)\b""",
    r"""\ball that (?:is|are|has|have|was|were|it|they|can|a|the)\b""",
    r"""\beverything that\b""",
    r"""\bnothing that\b""",
    r"""\bwhat is (?:not|left|held|there|wrong|known|asked|said|wanted|given|below|above)\b""",
    r"""\bwhat has\b""",
    r"""\bwhoever\b""",
    r"""\b(?:is|are) not known\b""",
    r"""\blikewise\b""",
    r"""\bbesides\b""",
    r"""'s sake\b""",
    r"""\banew\b""",
    r"""\b(?:table|public|same|one|block|this|the|other) door\b""",
    r"""\bdoor for\b""",
    r"""(?<![./])\bwish(?:ed|es)\b""",
    r"""\bgoes on\b""",
    r"""\brepresents nothing\b""",
    r"""\bby eye\b""",
    r"""\b(?:is|are|was|were) (?:looked at|looked up)\b""",
    r"""\bnobody\b""",
    r"""\bwhat it (?:is|was|does|has)\b""",
    r"""\bis what\b""",
    r"""\bis not there\b""",
    r"""\b(?:is|are) there for\b""",
    r"""\bcan be had\b""",
    r"""\bcut off\b""",
    r"""\bleave(?:s)? over\b""",
    r"""\bgives? back\b""",
    r"""\bthat is all\b""",
    r"""\b(?:is|are|was|were) said\b""",
    r"""\btold\b""",
    r"""\bonce more\b""",
    r"""\bon one another\b""",
    r"""\bthe decision is another\b""",
    r"""\bthan wished\b""",
    r"""\btaken as\b""",
    r"""\bkeeps? it so\b""",
    r"""(?<!the )\bmost weight\b""",
    r"""\bleast weight\b""",
    r"""\bon purpose\b""",
    r"""\b(?:is|are) wanted\b""",
    r"""\bwhat limits\b""",
    r"""\bwithout word\b""",
    r"""\bof no account\b""",
    r"""\bas good as the\b""",
    r'''"""What ''',
    r'''"""Whose ''',
    r'''"""All that ''',
    r'''"""That ''',
    r"""[.!?:] Whose """,
    r"""\bbecome of\b""",
    r"""\bbrings? [^.]{1,60} about\b""",
    r"""\bcan be left out\b""",
    r"""\bby halves\b""",
    r"""\bevery way in\b""",
    r"""\bthat there is not\b""",
    r"""\bis known of\b""",
    r"""\bwho is too correlated\b""",
    r"""\bworth knowing\b""",
    r"""\bwhat to (?:know|say)\b""",
    r"""\b(?:go|goes|went) its way\b""",
    r"""\bin none\b""",
    r"""\bas (?:the|they|it) (?:wants?|had|has|have) it\b""",
    r"""\basks? for nothing\b""",
    r"""\bhow much there\b""",
    r"""\bfrom end to end\b""",
    r"""\bless (?:position|asset|place)\b""",
    r"""\bthe way of an?\b""",
    r"""\bwho (?:asks|has the places)\b""",
    r"""\bplays? no part\b""",
    r"""\bwhichever\b""",
    r"""\bout of nothing\b""",
    r"""\bfor want of\b""",
    r"""\bnothing is lost\b""",
    r"""\bwhat came\b""",
    r"""\bfrom there on\b""",
    r"""\bturns? it round\b""",
    r"""\bwhat (?:remains|luck)\b""",
)


def texts() -> dict[str, str]:
    """Every file that people read, each line break (and the sign of a comment after it) as one space."""
    rows = [*ROOT.glob("src/trimtab/**/*"), *ROOT.glob("docs/*"), *ROOT.glob("*.md")]
    files = [path for path in rows if path.suffix in KINDS and "sample" not in path.parts]
    return {
        str(path.relative_to(ROOT)): re.sub(r"\s*\n\s*(#\s*)?", " ", path.read_text(encoding="utf-8")) for path in files
    }


TEXTS = texts()


@pytest.mark.parametrize("phrase", PHRASES)
def test_a_phrase_is_nowhere(phrase: str) -> None:
    hits = [
        f"{name}: …{text[max(0, hit.start() - 40) : hit.end() + 40]}…"
        for name, text in TEXTS.items()
        for hit in re.finditer(phrase, text, re.IGNORECASE)
    ]
    assert hits == []


def test_the_list_is_long_and_finds_what_it_should() -> None:
    assert len(set(PHRASES)) >= 40
    assert len(TEXTS) > 150
    text = "There are none. It was asked as it stands; the others are no buckets, likewise."
    assert sum(bool(re.search(phrase, text, re.IGNORECASE)) for phrase in PHRASES) == 5
