# Lists what is below one path, and sends files of it. Writes no file. The answers are those of agents/sh/pull.sh.
# The program that starts it defines, in front of this text:
#   I              the standard input, buffered
#   SESSION_TOKEN  bytes that begin the line that reports the container
#   incarnation, of incarnation.py
#
# First writes `TOKEN= INCARNATION`. Each request is a line with a length and so many bytes: first the path, then for each file four
# words that are separated by NUL.
import hashlib
import os
import stat
import sys

CHUNK_BYTES = 65536
# Neither a link in place of the file nor a pipe without a writer.
FLAGS = os.O_RDONLY | os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0)
O = open(1, "wb", CHUNK_BYTES, closefd=False)


def request():
    head = I.readline()
    if not head:
        sys.exit(0)
    return I.read(int(head))


def refuse(reason):
    O.write(b"!" + reason + b"\0")
    O.flush()
    sys.exit(0)


# A file: whether its owner may execute it, then its bytes.
def file_letter(status):
    return b"%s%d" % (b"x" if status.st_mode & 0o100 else b"f", status.st_size)


def list_folder(base):
    folders = [b""]
    O.write(b"d\0")
    while folders:
        folder = folders.pop()
        try:
            names = os.listdir(base + folder)
        except OSError:
            O.write(b"e" + folder + b"\0")
            continue
        for name in names:
            path = folder + b"/" + name
            try:
                status = os.lstat(base + path)
                mode = status.st_mode
                if stat.S_ISDIR(mode):
                    O.write(b"d" + path + b"\0")
                    folders.append(path)
                elif stat.S_ISREG(mode):
                    O.write(file_letter(status) + path + b"\0")
                elif stat.S_ISLNK(mode):
                    O.write(b"l" + path + b"\0" + os.readlink(base + path) + b"\0")
                else:
                    O.write(b"o" + path + b"\0")
            except OSError:
                O.write(b"e" + path + b"\0")


def list_path(path):
    try:
        status = os.stat(path)
        mode = status.st_mode
    except PermissionError:
        refuse(b"denied")
    except OSError:
        refuse(b"missing")
    if stat.S_ISDIR(mode):
        if not os.access(path, os.R_OK | os.X_OK):
            refuse(b"denied")
        list_folder(path)
    elif not stat.S_ISREG(mode):
        refuse(b"type")
    elif not os.access(path, os.R_OK):
        refuse(b"denied")
    else:
        O.write(file_letter(status) + b"\0")
    O.write(b".\0")


def open_file(base, path):
    if not path:
        number = os.open(base, FLAGS)
    else:
        number = os.open(base + b"/" + path, FLAGS | os.O_NOFOLLOW)
    if stat.S_ISREG(os.fstat(number).st_mode):
        return number
    os.close(number)
    raise OSError()


# Reads `count` bytes; with `send`, sends them and zeros in place of those that are missing.
def read_part(number, count, total, send):
    while count > 0:
        data = os.read(number, min(count, CHUNK_BYTES))
        if not data:
            while send and count > 0:
                O.write(bytes(min(count, CHUNK_BYTES)))
                count -= CHUNK_BYTES
            return False
        total.update(data)
        if send:
            O.write(data)
        count -= len(data)
    return True


def answer(base, mode, length, digest, path):
    try:
        number = open_file(base, path)
    except OSError:
        O.write(b"!\n")
        return
    try:
        size = os.fstat(number).st_size
        total = hashlib.sha256()
        offset = 0
        if 0 < length <= size and read_part(number, length, total, False):
            if total.hexdigest().encode() == digest:
                offset = length
        if offset == 0:
            total = hashlib.sha256()
            os.lseek(number, 0, os.SEEK_SET)
        O.write(b"%d %d\n" % (offset, size))
        is_whole = mode == b"s" and read_part(number, size - offset, total, True)
        O.write((total.hexdigest().encode() if is_whole else b"-") + b"\n")
    finally:
        os.close(number)


os.write(1, SESSION_TOKEN + b"= " + incarnation() + b"\n")
base = request()
list_path(base)
O.flush()
while True:
    words = request().split(b"\0")
    answer(base, words[0], int(words[1]), words[2], words[3])
    O.flush()
