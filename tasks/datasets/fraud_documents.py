"""Document images of the generated fraud data: receipts as scanned, 256x256 grey.

Source: layout and wear are assumptions after the SROIE receipts (Huang et al. 2019,
doi:10.1109/ICDAR.2019.00244); letters are the typeface that Pillow embeds (Aileron, CC0).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SIZE = 256
BLANK = 255  # every pixel of a request without a document
COMPANIES = ("NORDEN", "LUMA", "CASTELL", "BRIO", "ORBIS", "VELO", "TERRA", "ALDEN", "KITE", "SOL")
KINDS = ("MARKT", "STORE", "FOODS", "HOTEL", "TOOLS", "MEDIA", "TRAVEL", "GARDEN")
PRODUCTS = ("COFFEE", "PAPER", "CABLE", "BREAD", "LAMP", "TICKET", "FRUIT", "SHIRT", "BOOK", "SOAP")


@dataclass(frozen=True)
class Field:
    """A printed line that a forger may change: its place in pixels and what it says."""

    left: int
    top: int
    width: int
    height: int
    text: str
    size: int


@dataclass
class Document:
    """`pixels` float32 (256, 256) in 0..255, and its fields company, date, product, total."""

    pixels: np.ndarray
    fields: dict[str, Field]
    noise: float


@cache
def typeface(size: int) -> ImageFont.FreeTypeFont:
    """The embedded typeface at a height in pixels."""
    found = ImageFont.load_default(size)
    assert isinstance(found, ImageFont.FreeTypeFont)
    return found


def scanned(random: np.random.Generator, amount: float) -> Document:
    """A receipt over `amount` EUR on uneven paper, a little askew, with the scanner's noise."""
    image = Image.new("L", (SIZE, SIZE), 255)
    draw = ImageDraw.Draw(image)
    fields: dict[str, Field] = {}
    left, top = int(random.integers(14, 40)), int(random.integers(8, 20))
    size = int(random.integers(11, 14))

    def line(text: str, name: str | None = None, large: int = 0, right: bool = False) -> None:
        nonlocal top
        font = typeface(size + large)
        width = int(font.getlength(text))
        start = SIZE - left - width if right else left
        draw.text((start, top), text, fill=int(random.integers(10, 50)), font=font)
        if name:
            fields[name] = Field(start - 2, top, width + 4, size + large + 4, text, size + large)
        top += size + large + int(random.integers(2, 6))

    line(f"{random.choice(COMPANIES)} {random.choice(KINDS)}", "company", large=4)
    line(f"NO {random.integers(10_000, 99_999)} / {random.integers(10, 99)}")
    day, month = random.integers(1, 29), random.integers(1, 13)
    line(f"{day:02}.{month:02}.20{random.integers(21, 26)}  {random.integers(8, 22)}:15", "date")
    chosen = random.choice(len(PRODUCTS), int(random.integers(3, 7)), replace=False)
    for number, product in enumerate(chosen):
        name = "product" if number == 1 else None
        price = amount * random.uniform(0.05, 0.4)
        line(f"{random.integers(1, 9)} x {PRODUCTS[product]}   {price:.2f}", name)
    line(f"TOTAL  EUR {amount:.2f}", "total", large=3, right=bool(random.random() < 0.5))
    line("THANK YOU")
    return _on_paper(random, image, fields)


def _on_paper(
    random: np.random.Generator, image: Image.Image, fields: dict[str, Field]
) -> Document:
    angle = random.uniform(-0.6, 0.6)
    turned = image.rotate(angle, Image.Resampling.BILINEAR, fillcolor=255)
    ink = (255 - np.asarray(turned, np.float32)) / 255  # (256, 256) in [0, 1]
    axis = np.linspace(-1, 1, SIZE, dtype=np.float32)
    light = random.uniform(-12, 12) * axis[:, None] + random.uniform(-12, 12) * axis
    paper = random.uniform(212, 240) + light
    noise = float(random.uniform(2.5, 6))
    pixels = paper * (1 - random.uniform(0.75, 0.95) * ink)
    pixels += noise * random.standard_normal((SIZE, SIZE), np.float32)
    return Document(pixels.astype(np.float32), fields, noise)


def wear(random: np.random.Generator, document: Document) -> None:
    """Honest marks, in place: folds on many documents, a stamp on some."""
    if random.random() < 0.4:
        at = int(random.integers(40, SIZE - 40))
        document.pixels[at : at + 2] -= random.uniform(8, 25)
    if random.random() < 0.25:
        row, column = random.integers(30, 200, 2)
        rows, columns = np.ogrid[:SIZE, :SIZE]
        ring = np.abs(np.hypot(rows - row, columns - column) - random.uniform(14, 26))
        document.pixels -= np.where(ring < 1.5, 45, 0).astype(np.float32)


def look_alike(random: np.random.Generator, document: Document) -> None:
    """What an honest document may share with a forged one, in place: a label or a smear."""
    field = document.fields[str(random.choice(list(document.fields)))]
    box = region(field)
    patch = document.pixels[box]
    if random.random() < 0.5:  # a label stuck on, with its own paper and noise
        patch[:] = random.uniform(205, 245) + document.noise * random.standard_normal(patch.shape)
        write(document, field, field.text, field.size, 35)
    else:  # a wet smear: blurred, noise gone in part
        mean = patch.mean()
        patch[:] = mean + random.uniform(0.3, 0.6) * (patch - mean)


def region(field: Field) -> tuple[slice, slice]:
    """Rows and columns of a field, within the image."""
    top, left = max(0, field.top), max(0, field.left)
    return slice(top, min(SIZE, top + field.height)), slice(left, min(SIZE, left + field.width))


def write(document: Document, field: Field, text: str, size: int, grey: float) -> None:
    """Print clean text over a field's place, in place."""
    image = Image.new("L", (SIZE, SIZE), 0)
    ImageDraw.Draw(image).text((field.left + 2, field.top), text, fill=255, font=typeface(size))
    ink = np.asarray(image, np.float32) / 255
    document.pixels += ink * (grey - document.pixels)


def compressed(pixels: np.ndarray, quality: float) -> np.ndarray:
    """uint8 (256, 256) after the lossy step of JPEG: 8x8 cosine blocks, coarser at high rates."""
    blocks = pixels.reshape(SIZE // 8, 8, SIZE // 8, 8).swapaxes(1, 2) - 128
    basis, table = _cosines(), _rounding() * np.float32(quality)
    coefficients = basis @ blocks @ basis.T  # (32, 32, 8, 8)
    restored = basis.T @ (np.round(coefficients / table) * table) @ basis
    whole = restored.swapaxes(1, 2).reshape(SIZE, SIZE) + 128
    clipped: np.ndarray = np.clip(np.round(whole), 0, 254)
    return clipped.astype(np.uint8)


@cache
def _cosines() -> np.ndarray:
    k, n = np.arange(8)[:, None], np.arange(8)[None]
    basis = np.cos(np.pi * (2 * n + 1) * k / 16) / 2
    basis[0] /= np.sqrt(2)
    return basis.astype(np.float32)


@cache
def _rounding() -> np.ndarray:
    """Steps that grow with frequency, (8, 8); of the size of JPEG's table at quality 75."""
    steps: np.ndarray = 4 + 4 * np.add.outer(np.arange(8), np.arange(8))
    return steps.astype(np.float32)
