"""Run by bench/images.py in a separate process: one peer on one image, or a measurement.

    peer.py vips|pillow|djxl [SOURCE EDGES FOLDER]   renders; prints the user CPU since its imports
    peer.py webp|heic|jxl SOURCE RESULT              converts a lossless picture (quality 90; JPEG XL: distance 1)
    peer.py psnr LOSSLESS FILE...                    prints each file's PSNR in dB

Each peer follows its documentation's advice for speed: it shrinks while decoding, with a margin,
and makes every size from the previous one. All encoders have the same settings.
"""

import json
import math
import resource
import subprocess
import sys


def vips(source, edges, folder):
    import pyvips

    def work():
        picture = None
        for edge in edges:
            if picture is None:
                picture = pyvips.Image.thumbnail(source, edge, height=edge, size="down")
            else:
                picture = picture.thumbnail_image(edge, height=edge, size="down")
            picture = picture.copy_memory()
            picture.jpegsave(f"{folder}/jpeg-{edge}.jpg", Q=80, optimize_coding=True, keep="none")
            picture.webpsave(f"{folder}/webp-{edge}.webp", Q=80, effort=4, keep="none")

    return work


def pillow(source, edges, folder):
    from PIL import Image, JpegImagePlugin, PngImagePlugin, PpmImagePlugin, WebPImagePlugin  # noqa: F401

    if source and source.endswith(".heic"):
        import pillow_heif

        pillow_heif.register_heif_opener()

    def work():
        picture = Image.open(source)
        for edge in edges:
            picture.thumbnail((edge, edge), Image.Resampling.LANCZOS, reducing_gap=2.0)
            picture = picture.convert("RGB")
            picture.save(f"{folder}/jpeg-{edge}.jpg", quality=80, optimize=True)
            picture.save(f"{folder}/webp-{edge}.webp", quality=80, method=4)

    return work


def djxl(source, edges, folder):
    decoded = f"{folder}/decoded.ppm"
    rest = pillow(decoded, edges, folder)

    def work():
        subprocess.run(["djxl", "--quiet", "--num_threads=1", source, decoded], check=True, capture_output=True)
        rest()

    return work


def timed(work):
    def used():
        return sum(resource.getrusage(who).ru_utime for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))

    before = used()
    work()
    return {"user_seconds": used() - before}


def webp(source, result):
    import pyvips

    pyvips.Image.new_from_file(source, access="sequential").webpsave(result, Q=90)


def heic(source, result):
    import pillow_heif
    from PIL import Image

    pillow_heif.register_heif_opener()
    Image.open(source).save(result, quality=90)


def jxl(source, result):
    subprocess.run(["cjxl", "--quiet", "--distance=1", source, result], check=True, capture_output=True)


def psnr(lossless, files):
    from PIL import Image, ImageChops, ImageStat

    original = Image.open(lossless).convert("RGB")
    reference = None
    values = []
    for name in files:
        picture = Image.open(name).convert("RGB")
        if reference is None or reference.size != picture.size:
            reference = original.resize(picture.size, Image.Resampling.LANCZOS)
        squares = ImageStat.Stat(ImageChops.difference(reference, picture)).sum2
        error = sum(squares) / (3 * picture.width * picture.height)
        values.append(10 * math.log10(255**2 / error) if error else math.inf)
    return values


def main():
    what, *rest = sys.argv[1:]
    if what in ("webp", "heic", "jxl"):
        {"webp": webp, "heic": heic, "jxl": jxl}[what](*rest)
    elif what == "psnr":
        print(json.dumps(psnr(rest[0], rest[1:])))
    else:
        source, edges, folder = rest or (None, "", None)
        work = {"vips": vips, "pillow": pillow, "djxl": djxl}[what](
            source, [int(edge) for edge in edges.split(",") if edge], folder
        )
        print(json.dumps(timed(work) if source else {}))


if __name__ == "__main__":
    main()
