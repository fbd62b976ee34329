"""The words of `reviews`: what a small grammar (reviews_writing.py) puts into the slots of its rules.

``adj+`` fills a slot ``<adj…>`` where something good is said, ``adj-`` where something bad is said.
"""

from __future__ import annotations

Rules = dict[str, tuple[str, ...]]


def _list(words: str) -> tuple[str, ...]:
    """Options as they stand between commas."""
    return tuple(option.strip() for option in words.split(","))


COMMON: Rules = {
    "very": _list("very, really, truly, quite, extremely, simply, absolutely, rather, incredibly"),
    "exactly": _list("very, particularly, exactly, really, especially, that, too"),
    "hardly": _list("hardly, never, far from, anything but, by no means, rarely, barely, certainly not"),
    "not": _list("not, never"),
    "although": _list("although, even though, though"),
    "we": _list("I, we, my friends, most of us"),
    "me": _list("me, us, my wife, my brother, my whole family"),
    "love+": _list("love, like, enjoy, adore, admire"),
    "love-": _list("hate, dislike, detest, despise, loathe"),
    "move+": _list("impress, delight, please, charm, thrill, convince"),
    "move-": _list("annoy, bore, disappoint, irritate, bother, frustrate"),
    "recommend+": _list("recommend, praise, defend, applaud"),
    "recommend-": _list("avoid, skip, criticise, condemn"),
    "joy+": _list("joy, pleasure, treat, delight, triumph, success, gem, masterpiece, highlight"),
    "joy-": _list("disaster, failure, mess, disappointment, letdown, bore, flop, joke, nightmare"),
    "aside": _list(
        "in my opinion, to be honest, as far as I can tell, at least to me, if you ask me, on the whole, all in all, "
        "I must say, for what it is worth, as my mother would say, in the end, after all these years"
    ),
}

# Present and past: one of them holds for the whole review.
TENSES: tuple[Rules, ...] = (
    {
        "is": ("is",),
        "are": ("are",),
        "isnot": ("is not", "isn't"),
        "arenot": ("are not", "aren't"),
        "doesnot": ("does not", "doesn't"),
        "donot": ("do not", "don't"),
        "find": ("find",),
        "loves+": COMMON["love+"],
        "loves-": COMMON["love-"],
        "moves+": _list("impresses, delights, pleases, charms, thrills, convinces"),
        "moves-": _list("annoys, bores, disappoints, irritates, bothers, frustrates"),
    },
    {
        "is": ("was",),
        "are": ("were",),
        "isnot": ("was not", "wasn't"),
        "arenot": ("were not", "weren't"),
        "doesnot": ("did not", "didn't"),
        "donot": ("did not", "didn't"),
        "find": ("found",),
        "loves+": _list("loved, liked, enjoyed, adored, admired"),
        "loves-": _list("hated, disliked, detested, despised, loathed"),
        "moves+": _list("impressed, delighted, pleased, charmed, thrilled, convinced"),
        "moves-": _list("annoyed, bored, disappointed, irritated, bothered, frustrated"),
    },
)

_GOOD = _list(
    "good, great, excellent, wonderful, superb, fantastic, delightful, charming, lovely, outstanding, impressive, "
    "memorable, pleasant, remarkable, perfect, marvellous, splendid, fine, amazing, brilliant, nice, beautiful"
)
_BAD = _list(
    "bad, awful, terrible, dreadful, horrible, poor, disappointing, mediocre, dismal, unpleasant, lousy, forgettable, "
    "annoying, dull, weak, miserable, atrocious, appalling, pathetic, ugly, worthless, boring"
)


def _topic(*, good: str, bad: str, kind: str, unkind: str, scene: str, **others: str) -> Rules:
    """The words of one topic: its own adjectives come as often as those that fit everything."""
    return {
        "adj+": _list(good) * 2 + _GOOD,
        "adj-": _list(bad) * 2 + _BAD,
        "kind+": _list(kind),
        "kind-": _list(unkind),
        "scene": _list(scene),
        **{name: _list(words) for name, words in others.items()},
    }


TOPICS: tuple[Rules, ...] = (
    _topic(  # films
        good="gripping, moving, witty, funny, clever, thrilling, touching, original, exciting, entertaining",
        bad="boring, tedious, predictable, clumsy, confusing, silly, tiresome, pointless, slow, shallow",
        kind="convincing, charismatic, gifted, talented, believable, inspired",
        unkind="wooden, lifeless, unconvincing, clueless, uninspired, lazy",
        whole="film, movie, thriller, comedy, picture",
        part="plot, acting, ending, script, story, music, dialogue, camera work, opening scene, first half",
        parts="actors, jokes, songs, costumes, characters, final minutes",
        person="leading actor, director, narrator, young actress, villain",
        scene="we saw it on a rainy Tuesday, I watched it with my sister last week, it runs for two hours, "
        "it opened here in May, we had seats in the third row, it is set in a small town by the sea, "
        "I saw it twice this year, my father chose it for the evening",
    ),
    _topic(  # books
        good="gripping, moving, witty, clever, touching, original, elegant, exciting, thoughtful, vivid",
        bad="boring, tedious, predictable, clumsy, confusing, silly, tiresome, pointless, shallow, pretentious",
        kind="believable, inspired, gifted, talented, likeable, interesting",
        unkind="lifeless, unconvincing, clueless, uninspired, lazy, irritating",
        whole="book, novel, story, biography, crime novel",
        part="plot, style, ending, story, language, first chapter, translation, second part, cover",
        parts="characters, dialogues, chapters, descriptions, drawings, last pages",
        person="author, narrator, heroine, translator, hero",
        scene="I read it on the train to work, it has three hundred pages, we read it in our book club, "
        "it came out last autumn, my neighbour lent it to me, I finished it in four evenings, "
        "it is set in the nineteenth century",
    ),
    _topic(  # hotels
        good="clean, comfortable, quiet, spotless, cosy, spacious, elegant, bright, tidy, relaxing",
        bad="dirty, noisy, shabby, cramped, gloomy, damp, filthy, stuffy, uncomfortable, overpriced",
        kind="friendly, helpful, attentive, polite, kind, welcoming",
        unkind="rude, unfriendly, careless, arrogant, impatient, unhelpful",
        whole="hotel, place, guest house, hostel, holiday flat",
        part="room, bathroom, breakfast, bed, lobby, swimming pool, balcony, view, location",
        parts="rooms, beds, windows, chairs, corridors, towels",
        person="receptionist, owner, porter, manager, staff, service",
        scene="we stayed there for three nights in March, I was there on business, we arrived late in the evening, "
        "our room was on the fourth floor, it stands next to the station, we booked it two months before, "
        "the town lies by a lake",
    ),
    _topic(  # restaurants
        good="delicious, tasty, fresh, juicy, crisp, tender, appetising, refined, authentic, generous",
        bad="bland, greasy, stale, soggy, overpriced, tasteless, cold, burnt, watery, inedible",
        kind="friendly, helpful, attentive, polite, kind, welcoming",
        unkind="rude, unfriendly, careless, arrogant, impatient, slow",
        whole="restaurant, place, dinner, lunch, meal",
        part="food, soup, fish, pasta, steak, bread, salad, dessert, pizza, sauce",
        parts="starters, vegetables, noodles, dumplings, chips, desserts",
        person="waiter, waitress, cook, owner, barman, staff, service",
        scene="we went there on a Sunday, I had lunch there with a colleague, we sat at a table by the window, "
        "there were six of us, it was my birthday, they open at seven, we ordered three courses and a bottle of wine",
    ),
    _topic(  # concerts
        good="gripping, moving, exciting, powerful, thrilling, touching, inspired, lively, warm, original",
        bad="boring, tedious, clumsy, noisy, lifeless, uninspired, tiresome, flat, monotonous, endless",
        kind="gifted, talented, charismatic, passionate, relaxed, inspired",
        unkind="lifeless, nervous, clueless, bored, arrogant, careless",
        whole="concert, evening, show, festival, performance",
        part="sound, singing, band, orchestra, choir, light show, first half, second half, stage, atmosphere",
        parts="songs, voices, drums, violins, encores, guitars",
        person="singer, conductor, pianist, drummer, guest, soloist",
        scene="we had tickets for the second night, I went there with two friends, it began at eight, "
        "they played for almost two hours, it took place in the old town hall, I had known the band since school, "
        "the hall holds nine hundred people",
    ),
    _topic(  # devices
        good="reliable, fast, sturdy, sharp, bright, handy, practical, smooth, solid, versatile",
        bad="unreliable, slow, flimsy, blurry, useless, clunky, sluggish, fragile, confusing, overpriced",
        kind="friendly, helpful, competent, polite, patient, quick",
        unkind="rude, unfriendly, careless, clueless, impatient, unhelpful",
        whole="phone, laptop, camera, product, tablet",
        part="battery, screen, keyboard, sound, camera, design, software, case, price, charger, update",
        parts="buttons, speakers, pictures, menus, cables, headphones",
        person="customer service, technician, seller, hotline, support",
        scene="I bought it in June, I use it every day at work, it came with a charger and a cable, "
        "my daughter has the same one, it is available in three colours, I have had it for six months, "
        "the parcel arrived on a Monday",
    ),
)
