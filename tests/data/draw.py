#!/usr/bin/env python3
"""Draws the specimen documents beside this file: passport.jpg, id-front.jpg and id-back.jpg.

The layouts follow ICAO Doc 9303 (8th edition): part 4 for the passport page (TD3, 125 x 88 mm), part 5 for the card
(TD1, 85.6 x 54 mm), part 3 for the check digits and the characters of the machine-readable zone. The issuing state is
Utopia (UTO), the imaginary one of ICAO's own specimens. Every position below is in millimetres, measured from the
upper left corner of the page, so that it can be compared with those parts.

    python3 tests/data/draw.py                            draws the documents around portrait.jpg
    python3 tests/data/draw.py --portrait astronaut.png   makes portrait.jpg first

Needs Pillow, and the Debian packages fonts-ocr-b and fonts-dejavu-core.
"""

import argparse
import math
from pathlib import Path

from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

HERE = Path(__file__).resolve().parent
FONTS = {
    "ocr": "/usr/share/fonts/opentype/ocr-b/OCRB.otf",
    "sans": "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "bold": "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf",
    "serif": "/usr/share/fonts/truetype/dejavu/DejaVuSerif-Bold.ttf",
}

INK = (28, 30, 38)
LABEL = (74, 92, 118)
RED = (190, 32, 44)
NAVY = (30, 56, 102)
GREEN = (18, 84, 82)

# Drawn at twice the final size and scaled down: Pillow does not smooth the edges of lines.
OVERSAMPLING = 2
# ICAO 9303-3: OCR-B size 1 is printed at ten characters an inch, with capitals about 2.4 mm high.
MRZ_PITCH_MM = 2.54
MRZ_CAPITAL_MM = 2.4

PASSPORT = {
    "type": "P",
    "country": "UTO",
    "number": "A12345678",
    "surname": "SPECIMEN",
    "given_names": "JANE MARIE",
    "born": "900115",
    "sex": "F",
    "expires": "340531",
    "personal_number": "9001154821",
}
CARD = PASSPORT | {"type": "I", "number": "D98765431", "expires": "330930", "personal_number": ""}


def check_digit(text):
    """The check digit of ICAO 9303-3, 4.9: weights 7, 3, 1; digits as they are, A to Z as 10 to 35, the filler as 0."""
    values = (0 if c == "<" else int(c, 36) for c in text)
    return str(sum(value * (7, 3, 1)[i % 3] for i, value in enumerate(values)) % 10)


def checked(text):
    return text + check_digit(text)


def printed(date):
    """YYMMDD as the page shows it; births are of the last century, expiries of this one."""
    months = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()
    year, month, day = date[:2], int(date[2:4]), date[4:]
    return f"{day} {months[month - 1]} {'19' if int(year) > 60 else '20'}{year}"


def names(holder, length):
    written = f"{holder['surname']}<<{holder['given_names']}".replace(" ", "<")
    return written.ljust(length, "<")[:length]


def passport_mrz(holder):
    """The two lines of 44 characters of ICAO 9303-4, 4.2.2."""
    number = checked(holder["number"].ljust(9, "<"))
    born, expires = checked(holder["born"]), checked(holder["expires"])
    personal = checked(holder["personal_number"].ljust(14, "<"))
    overall = check_digit(number + born + expires + personal)
    return [
        f"{holder['type']}<{holder['country']}{names(holder, 39)}",
        f"{number}{holder['country']}{born}{holder['sex']}{expires}{personal}{overall}",
    ]


def card_mrz(holder):
    """The three lines of 30 characters of ICAO 9303-5, 4.2.2."""
    number = checked(holder["number"].ljust(9, "<")) + holder["personal_number"].ljust(15, "<")
    born, expires = checked(holder["born"]), checked(holder["expires"])
    optional = "<" * 11
    overall = check_digit(number + born + expires + optional)
    return [
        f"{holder['type']}<{holder['country']}{number}",
        f"{born}{holder['sex']}{expires}{holder['country']}{optional}{overall}",
        names(holder, 30),
    ]


class Page:
    """A page measured in millimetres."""

    def __init__(self, width_mm, height_mm, width_px, paper):
        self.width, self.height = width_mm, height_mm
        self.scale = width_px * OVERSAMPLING / width_mm
        self.size_px = (width_px, round(width_px * height_mm / width_mm))
        self.image = Image.new("RGB", [side * OVERSAMPLING for side in self.size_px], paper)
        self.draw = ImageDraw.Draw(self.image)

    def px(self, *mm):
        return [round(value * self.scale) for value in mm]

    def font(self, face, size_mm):
        return ImageFont.truetype(FONTS[face], round(size_mm * self.scale))

    def text(self, x, y, text, face, size_mm, colour, anchor="ls"):
        self.draw.text(self.px(x, y), text, fill=colour, font=self.font(face, size_mm), anchor=anchor)

    def box(self, left, top, right, bottom, **style):
        self.draw.rectangle(self.px(left, top, right, bottom), **style)

    def curve(self, points, colour, width_mm=0.09):
        flat = [tuple(self.px(x, y)) for x, y in points]
        self.draw.line(flat, fill=colour, width=max(1, round(width_mm * self.scale)), joint="curve")

    def field(self, x, y, label, value, size_mm=2.9):
        """A small label with its value below: `y` is where the value stands."""
        self.text(x, y - size_mm * 1.16, label, "sans", 1.5, LABEL)
        self.text(x, y, value, "bold", size_mm, INK)

    def picture(self, picture, left, top, width, height):
        fitted = ImageOps.fit(picture, self.px(width, height), Image.Resampling.LANCZOS)
        self.image.paste(fitted, self.px(left, top))

    def faint_picture(self, picture, left, top, width, height, tint):
        """A second, pale portrait that fades out towards its edge, as security printers add it."""
        size = self.px(width, height)
        grey = ImageOps.grayscale(ImageOps.fit(picture, size, Image.Resampling.LANCZOS))
        toned = ImageOps.colorize(ImageOps.autocontrast(grey), tint, "white")
        edge = Image.radial_gradient("L").resize(size)
        mask = edge.point([max(0, min(105, round((190 - value) * 1.2))) for value in range(256)])
        self.image.paste(toned, self.px(left, top), mask)

    def slanted(self, text, x, y, size_mm, degrees, colour, opacity):
        """Text centred on (x, y), turned anticlockwise, printed thinly over what is there already."""
        mask = Image.new("L", self.image.size, 0)
        ImageDraw.Draw(mask).text(self.px(x, y), text, fill=opacity, font=self.font("bold", size_mm), anchor="mm")
        mask = mask.rotate(degrees, Image.Resampling.BICUBIC, center=self.px(x, y))
        self.image.paste(Image.new("RGB", self.image.size, colour), (0, 0), mask)

    def stamp(self, right, bottom):
        """The red frame that says what this is; `right`, `bottom`: its lower right corner."""
        left, top = right - 24.5, bottom - 6.4
        outline = round(0.3 * self.scale)
        self.draw.rounded_rectangle(self.px(left, top, right, bottom), self.px(0.8)[0], outline=RED, width=outline)
        self.text((left + right) / 2, top + 3.2, "SPECIMEN", "bold", 2.6, RED, "ms")
        self.text((left + right) / 2, top + 5.4, "not a valid document", "sans", 1.5, RED, "ms")

    def mrz(self, lines, left, baselines):
        """Sets each character in the middle of its own cell, because the pitch is fixed and the font's advance is not."""
        capital = ImageFont.truetype(FONTS["ocr"], 1000).getbbox("H", anchor="ls")
        font = self.font("ocr", MRZ_CAPITAL_MM * 1000 / -capital[1])
        for line, baseline in zip(lines, baselines, strict=True):
            for i, character in enumerate(line):
                centre = left + (i + 0.5) * MRZ_PITCH_MM
                self.draw.text(self.px(centre, baseline), character, fill=INK, font=font, anchor="ms")

    def save(self, name, quality):
        scaled = self.image.resize(self.size_px, Image.Resampling.LANCZOS)
        scaled.save(HERE / name, quality=quality, optimize=True, progressive=False, dpi=(300, 300))


def waves(page, top, bottom, colours):
    """The lines behind the print: families of sine waves whose phase drifts from one to the next."""
    for family, colour in enumerate(colours):
        for step in range(round((bottom - top) / 1.5) + 1):
            base = top + step * 1.5
            page.curve(wave(page.width, base, step * 0.22 + family * 2.1, 1.6 + family * 0.5), colour)


def wave(width, base, phase, height):
    xs = (i * 0.5 for i in range(round(width * 2) + 1))
    return [(x, base + height * math.sin(x / 6.5 + phase) + 0.5 * height * math.sin(x / 15.7 - phase)) for x in xs]


def rosette(page, x, y, radius, colour, petals=12, rings=9):
    for ring in range(rings):
        inner, turn = radius * (0.42 + 0.05 * ring), ring * math.pi / rings / petals * 2
        angles = [i * math.tau / 720 for i in range(721)]
        reach = [inner + radius * 0.16 * math.cos(petals * (angle + turn)) for angle in angles]
        page.curve([(x + r * math.cos(a), y + r * math.sin(a)) for a, r in zip(angles, reach)], colour)


def emblem(page, x, y, radius, colour):
    """Utopia's arms: an island under a star, in a ring."""
    page.draw.ellipse(page.px(x - radius, y - radius, x + radius, y + radius), outline=colour,
                      width=round(0.28 * page.scale))
    tips = [(radius * (0.46 if i % 2 == 0 else 0.19), i * math.pi / 5 - math.pi / 2) for i in range(10)]
    star = [tuple(page.px(x + r * math.cos(a), y - radius * 0.22 + r * math.sin(a))) for r, a in tips]
    page.draw.polygon(star, fill=colour)
    for i in range(3):
        level, half = y + radius * (0.38 + 0.17 * i), radius * (0.68 - 0.14 * i)
        points = [(x - half + half * j / 10, level + radius * 0.05 * math.sin(j * 1.1)) for j in range(21)]
        page.curve(points, colour, 0.2)


def header(page, height, colour, title, translation):
    page.box(0, 0, page.width, height, fill=colour)
    emblem(page, 2 + height / 2, height / 2, height * 0.38, "white")
    page.text(4 + height, height * 0.66, "UTOPIA", "serif", height * 0.44, "white")
    middle = page.width - 5
    page.text(middle, height * 0.48, title, "bold", height * 0.3, "white", "rs")
    page.text(middle, height * 0.84, translation, "sans", height * 0.24, (214, 224, 240), "rs")


def portrait_for_print(portrait):
    """The head as a document shows it: nearer than in the selfie, and paler, as dye on plastic is."""
    width, height = portrait.size
    head = portrait.crop((round(width * 0.15), 0, round(width * 0.85), round(height * 0.72)))
    return ImageEnhance.Color(ImageEnhance.Contrast(head).enhance(0.93)).enhance(0.72)


def framed(page, picture, left, top, width, height):
    page.picture(picture, left, top, width, height)
    page.box(left, top, left + width, top + height, outline=LABEL, width=round(0.12 * page.scale))


def passport(portrait):
    page = Page(125, 88, 1420, (241, 245, 249))
    waves(page, 10, 66, [(206, 220, 236), (236, 214, 216), (212, 230, 222)])
    for radius, colour in ((25, (196, 212, 232)), (15, (230, 204, 208))):
        rosette(page, 86, 38, radius, colour)
    page.slanted("SPECIMEN", 73, 42.5, 11.5, 24, RED, 34)
    page.box(0, 64.4, 125, 88, fill=(246, 248, 250))
    header(page, 9.5, NAVY, "PASSPORT", "PASSEPORT · PASAPORTE")

    face = portrait_for_print(portrait)
    framed(page, face, 6, 14.5, 36, 46.3)
    page.faint_picture(face, 102, 16, 17.5, 22.5, (58, 74, 112))
    passport_fields(page)
    page.stamp(119, 62.4)
    page.mrz(passport_mrz(PASSPORT), (125 - 44 * MRZ_PITCH_MM) / 2, (73.6, 79.95))
    page.save("passport.jpg", 86)


def passport_fields(page):
    rows = [17.6 + 7.15 * i for i in range(7)]
    page.field(47, rows[0], "Type / Type", PASSPORT["type"])
    page.field(60, rows[0], "Code / Code", PASSPORT["country"])
    page.field(75, rows[0], "Passport No. / N° du passeport", PASSPORT["number"])
    page.field(47, rows[1], "Surname / Nom", PASSPORT["surname"])
    page.field(47, rows[2], "Given names / Prénoms", PASSPORT["given_names"])
    page.field(47, rows[3], "Nationality / Nationalité", PASSPORT["country"])
    page.field(75, rows[3], "Personal No. / N° personnel", PASSPORT["personal_number"])
    page.field(47, rows[4], "Date of birth / Date de naissance", printed(PASSPORT["born"]))
    page.field(80, rows[4], "Sex / Sexe", PASSPORT["sex"])
    page.field(94, rows[4], "Place of birth / Lieu", "ZENITH")
    page.field(47, rows[5], "Date of issue / Délivré le", "01 JUN 2024")
    page.field(80, rows[5], "Authority / Autorité", "PASSPORT OFFICE")
    page.field(47, rows[6], "Date of expiry / Expire le", printed(PASSPORT["expires"]))


def card_front(portrait):
    page = Page(85.6, 54, 1010, (240, 247, 245))
    waves(page, 8, 54, [(204, 226, 220), (232, 218, 208), (206, 218, 234)])
    rosette(page, 56, 31, 19, (190, 218, 210))
    page.slanted("SPECIMEN", 49.5, 34, 7.4, 24, RED, 34)
    header(page, 8, GREEN, "IDENTITY CARD", "CARTE D'IDENTITÉ")

    face = portrait_for_print(portrait)
    framed(page, face, 4, 12, 25, 32.2)
    page.faint_picture(face, 68.5, 20.5, 13, 16.7, (30, 88, 84))
    rows = [15.4 + 6.5 * i for i in range(5)]
    page.field(33, rows[0], "Surname / Nom", CARD["surname"], 2.6)
    page.field(33, rows[1], "Given names / Prénoms", CARD["given_names"], 2.6)
    page.field(33, rows[2], "Nationality / Nationalité", CARD["country"], 2.6)
    page.field(57, rows[2], "Sex / Sexe", CARD["sex"], 2.6)
    page.field(33, rows[3], "Date of birth / Né(e) le", printed(CARD["born"]), 2.6)
    page.field(33, rows[4], "Date of expiry / Expire le", printed(CARD["expires"]), 2.6)
    page.field(33, rows[4] + 6.5, "Document No. / N° de carte", CARD["number"], 2.6)
    page.text(4, 50.2, "Signature", "sans", 1.5, LABEL)
    page.curve(signature(13, 48.6), NAVY, 0.28)
    page.stamp(81.6, 51)
    page.save("id-front.jpg", 88)


def signature(x, y):
    """A scribble, not a name: a decaying wave."""
    steps = [i / 10 for i in range(150)]
    return [(x + t + 0.5 * math.sin(2.3 * t), y - 1.7 * math.sin(2.1 * t + 0.6) * math.exp(-t / 9)) for t in steps]


def card_back():
    page = Page(85.6, 54, 1010, (240, 247, 245))
    waves(page, 2, 30, [(204, 226, 220), (232, 218, 208), (206, 218, 234)])
    rosette(page, 43, 15, 14, (190, 218, 210))
    page.slanted("SPECIMEN", 43, 16, 8, 12, RED, 34)
    page.box(0, 31.2, 85.6, 54, fill=(247, 249, 249))

    page.field(5, 7.2, "Address / Adresse", "1 HARBOUR STREET, 1000 ZENITH", 2.4)
    page.field(5, 13.7, "Place of birth / Lieu de naissance", "ZENITH", 2.4)
    page.field(45, 13.7, "Date of issue / Délivrée le", "01 OCT 2023", 2.4)
    page.field(5, 20.2, "Authority / Autorité", "CIVIL REGISTRY", 2.4)
    page.text(5, 27.6, "Utopia does not exist. Drawn for tests.", "sans", 1.7, LABEL)
    emblem(page, 76, 9, 4.6, GREEN)
    page.stamp(81.6, 28.8)
    page.mrz(card_mrz(CARD), (85.6 - 30 * MRZ_PITCH_MM) / 2, (38.6, 43.4, 48.2))
    page.save("id-back.jpg", 88)


def make_portrait(source):
    """Crops the astronaut's picture to head and shoulders, and enlarges it to the size of a phone's selfie."""
    crop = Image.open(source).convert("RGB").crop((93, 0, 363, 338))
    crop.resize((720, 901), Image.Resampling.LANCZOS).crop((0, 0, 720, 900)).save(
        HERE / "portrait.jpg", quality=90, optimize=True)


def main():
    # The examples printed in ICAO 9303-3 and 9303-4: a wrong check digit must not reach a test picture.
    assert (check_digit("520727"), check_digit("L898902C3"), check_digit("ZE184226B<<<<<")) == ("3", "6", "1")
    arguments = argparse.ArgumentParser(description="Draws the specimen documents.")
    arguments.add_argument("--portrait", metavar="ASTRONAUT_PNG", help="make portrait.jpg from this picture first")
    source = arguments.parse_args().portrait
    if source:
        make_portrait(source)
    portrait = Image.open(HERE / "portrait.jpg").convert("RGB")
    passport(portrait)
    card_front(portrait)
    card_back()
    print("\n".join(passport_mrz(PASSPORT) + card_mrz(CARD)))


if __name__ == "__main__":
    main()
