"""What kind of file something is, by its content. Pure: bytes in, words out.

The name decides only where the content can't: which kind of document a package is, and that a script which
a desktop would run by its name is refused.
"""

import io
import unicodedata
import zipfile

UNKNOWN = "application/octet-stream"
LONGEST_NAME = 200
HEAD = 4096  # bytes that a signature is looked for in

# Begins with: kind. Longer ones first where one begins another.
SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"%PDF-", "application/pdf"),
    (b"\x1f\x8b", "application/gzip"),
    (b"BZh", "application/x-bzip2"),
    (b"\xfd7zXZ\x00", "application/x-xz"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"{\\rtf", "application/rtf"),
    (b"\x1aE\xdf\xa3", "video/webm"),
    (b"ID3", "audio/mpeg"),
    (b"OggS", "audio/ogg"),
    (b"SQLite format 3\x00", "application/vnd.sqlite3"),
)
PROGRAMS = (
    b"MZ",
    b"\x7fELF",
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"dex\n",
    b"\x00asm",
    b"L\x00\x00\x00\x01\x14\x02\x00",  # a shortcut of Windows
    b"#!",
)
# What a desktop runs when it is opened, whatever is in it.
RUN_BY_NAME = frozenset(
    (
        *("app", "apk", "bat", "cmd", "com", "cpl", "exe", "gadget", "hta", "inf", "jar", "js", "jse", "lnk", "msc"),
        *("msi", "msp", "pif", "ps1", "reg", "scf", "scr", "vb", "vbe", "vbs", "ws", "wsf", "wsh"),
    )
)
PACKAGES = {
    "word/": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xl/": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ppt/": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}
OLD_OFFICE = {
    "doc": "application/msword",
    "xls": "application/vnd.ms-excel",
    "ppt": "application/vnd.ms-powerpoint",
    "msg": "application/vnd.ms-outlook",
}
TEXTS = {"csv": "text/csv", "json": "application/json", "ics": "text/calendar"}


class Executable(ValueError):
    """A program, or what a desktop would run."""


def kind_of(name: str, content: bytes) -> str:
    """The media type of a file. `Executable` for what nobody should open."""
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    if ending in RUN_BY_NAME or content.startswith(PROGRAMS) and not _is_text_after_all(content):
        raise Executable(name)
    for begins, kind in SIGNATURES:
        if content.startswith(begins):
            return OLD_OFFICE.get(ending, kind) if kind == "application/x-ole-storage" else kind
    for judge in (_container, _package):
        if kind := judge(content):
            return kind
    return TEXTS.get(ending, "text/plain") if _is_text(content) else UNKNOWN


def clean_name(name: str) -> str:
    """A file's name without a path, control characters, or marks that turn the direction of reading."""
    name = unicodedata.normalize("NFC", name.replace("\\", "/").rpartition("/")[2])
    name = "".join(char for char in name if unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp"))
    name = name.strip(" .") or "file"
    stem, dot, ending = name.rpartition(".")
    if len(name) <= LONGEST_NAME or not dot or len(ending) > 20:
        return name[:LONGEST_NAME]
    return stem[: LONGEST_NAME - len(ending) - 1] + dot + ending


def _is_text_after_all(content: bytes) -> bool:
    """A note that happens to begin with `MZ` is no program; what begins with `#!` is one."""
    return content.startswith(b"MZ") and b"\x00" not in content[:HEAD] and _is_text(content)


def _container(content: bytes) -> str:
    """Kinds whose mark stands behind a length."""
    if content[4:8] == b"ftyp":
        return "image/heic" if content[8:12] in (b"heic", b"heix", b"mif1") else "video/mp4"
    if content[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}.get(content[8:12], "")
    return ""


def _package(content: bytes) -> str:
    if not content.startswith(b"PK\x03\x04"):
        return ""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            names = package.namelist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return "application/zip"
    if "[Content_Types].xml" in names:
        return next(
            (kind for begin, kind in PACKAGES.items() if any(one.startswith(begin) for one in names)), "application/zip"
        )
    if names and names[0] == "mimetype":  # OpenDocument: its kind is the first file, as it is
        declared = content[38 : content.find(b"PK", 38)][:100]
        return (
            declared.decode("ascii", "ignore") if declared.startswith(b"application/vnd.oasis") else "application/zip"
        )
    return "application/zip"


def _is_text(content: bytes) -> bool:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _reads(content, "utf-16")
    return b"\x00" not in content and (_reads(content, "utf-8") or _reads(content, "cp932"))


def _reads(content: bytes, encoding: str) -> bool:
    try:
        content.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
