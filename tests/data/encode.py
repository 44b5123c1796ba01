"""Encodes the pictures in coded/: the same small scene in every form of JPEG and WebP that is taken.

Needs Pillow. Run it in this folder: python3 encode.py
"""

import math
from pathlib import Path

from PIL import Image

FOLDER = Path(__file__).parent / "coded"
# Sides that are no multiples of a block, so that the last blocks are cut.
SIZE = (61, 43)


def scene(mode: str) -> Image.Image:
    picture = Image.new("RGBA", SIZE)
    for x in range(SIZE[0]):
        for y in range(SIZE[1]):
            wave = int(60 * math.sin(x * y / 40))
            picture.putpixel((x, y), (4 * x % 256, 128 + wave, 6 * y % 256, 255 - 3 * x))
    return picture.convert(mode) if mode != "RGBA" else picture


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    jpegs = {
        "baseline-420": ("RGB", {"subsampling": 2}),
        "baseline-422-restart": ("RGB", {"subsampling": 1, "restart_marker_blocks": 3}),
        "progressive-420": ("RGB", {"subsampling": 2, "progressive": True}),
        "progressive-444-restart": ("RGB", {"subsampling": 0, "progressive": True, "restart_marker_rows": 1}),
        "grey": ("L", {}),
        "grey-progressive": ("L", {"progressive": True}),
        "cmyk": ("CMYK", {}),
    }
    for name, (mode, options) in jpegs.items():
        scene(mode).save(FOLDER / f"{name}.jpg", quality=90, optimize=True, **options)
    webps = {
        "lossy": ("RGB", {"quality": 80}),
        "lossy-alpha": ("RGBA", {"quality": 80}),
        "lossless": ("RGB", {"lossless": True}),
        "lossless-alpha": ("RGBA", {"lossless": True}),
    }
    for name, (mode, options) in webps.items():
        scene(mode).save(FOLDER / f"{name}.webp", **options)
    second = scene("RGB").rotate(180)
    scene("RGB").save(FOLDER / "animated.webp", save_all=True, append_images=[second], duration=100)


main()
