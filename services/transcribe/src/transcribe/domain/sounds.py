"""How an English word that is in no dictionary may sound: its letters, read as they mostly are.

Rough on purpose: an aligner has to find a word between its neighbours, and a near sound is near enough for that.
"""

import unicodedata

__all__ = ["sounds_of"]

_SPELLINGS = (
    "tion=SH,AH,N sion=ZH,AH,N ture=CH,ER eigh=EY sch=SH tch=CH igh=AY ough=AO ph=F sh=SH ch=CH th=TH wh=W ck=K "
    "ng=NG qu=K,W gh=G kn=N wr=R ee=IY ea=IY oo=UW ou=AW ow=OW oi=OY oy=OY ai=EY ay=EY au=AO aw=AO ie=IY ei=AY "
    "ey=IY oa=OW oe=OW ue=UW er=ER ir=ER ur=ER ar=AA,R or=AO,R ce=S,EH ci=S,IH cy=S,IY ge=JH,EH gi=JH,IH "
    "a=AE b=B c=K d=D e=EH f=F g=G h=HH i=IH j=JH k=K l=L m=M n=N o=AA p=P q=K r=R s=S t=T u=AH v=V w=W x=K,S "
    "y=IY z=Z"
)
_SOUNDS = dict(pair.split("=") for pair in _SPELLINGS.split(" "))
_LONGEST = max(map(len, _SOUNDS))


def sounds_of(word: str) -> tuple[str, ...]:
    """ARPAbet phones of a word; none when it has no letter of the English alphabet.

    >>> sounds_of("Schoeffer")
    ('SH', 'OW', 'F', 'ER')
    """
    plain = unicodedata.normalize("NFD", word.lower())
    letters = "".join(char for char in plain if "a" <= char <= "z")
    phones: list[str] = []
    at = 0
    while at < len(letters):
        size = next(size for size in range(_LONGEST, 0, -1) if letters[at : at + size] in _SOUNDS)
        sound = _SOUNDS[letters[at : at + size]].split(",")
        silent = at + size == len(letters) and letters[at:] == "e" and len(phones) > 1
        if not silent and phones[-1:] != sound:
            phones += sound
        at += size
    return tuple(phones)
