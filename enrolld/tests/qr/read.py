"""Reads the pictures named by the arguments with inversion off: one line each, empty where nothing is read.

--blur N softens them first, as a camera does that is too far away or out of focus.
"""
import argparse

import zxingcpp
from PIL import Image, ImageFilter

arguments = argparse.ArgumentParser()
arguments.add_argument("--blur", type=float, default=0)
arguments.add_argument("files", nargs="+")
arguments = arguments.parse_args()
for name in arguments.files:
    picture = Image.open(name).convert("L")
    if arguments.blur:
        picture = picture.filter(ImageFilter.GaussianBlur(arguments.blur))
    found = zxingcpp.read_barcodes(
        picture, formats=zxingcpp.BarcodeFormat.QRCode, try_invert=False, text_mode=zxingcpp.TextMode.Plain
    )
    print(found[0].text if found else "")
