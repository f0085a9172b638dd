# The python3 agent (3.5 and later). The protocol: docs/reference/agent-protocol.md.
# It has more than 300 lines because a container receives it as one text: it can import nothing.
#
# The program that starts it defines, in front of this text:
#   I              the session's standard input, buffered
#   SESSION_TOKEN  bytes that begin every line of this program; no other program of the container knows them
#   IDLE_SECONDS   the agent ends when nothing arrived for so long
#   incarnation, of incarnation.py, and identity, of former.py
#
# Bytes everywhere: names need not be UTF-8. Every change below the root goes through a file descriptor of its folder, which was
# opened component by component without following a link. The agent starts no process.
import errno
import hashlib
import os
import signal
import stat
import sys
import time
try:
    import zlib
except ImportError:
    zlib = None

os.umask(0)
# A path of 4,095 bytes may have 2,000 folders: each takes a descriptor and a level of recursion.
sys.setrecursionlimit(20000)
try:
    import resource
    hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard_limit, hard_limit))
except (ImportError, OSError, ValueError):
    # The limit stays as it is.
    pass
OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
READ_BYTES = 1048576
MAX_MOUNTS = 1000
# Members of a batch whose files are all staged under numbers.
MAX_NUMBERED = 1000
# A file of this size is kept where its transfer breaks.
KEPT_BYTES = 4194304
LIFE_SIGN_SECONDS = 2
# A link or folder in the way of an opened path: what was there is gone.
GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
# The file system or the user cannot have this mode, owner or time. The bytes are right, so it is a note and no failure.
METADATA_REFUSALS = (errno.EPERM, errno.EACCES, errno.EROFS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)
# Containers that commit at the same moment may share processors: their changes come first, then what follows each.
JOINT_SECONDS = 0.01
# What the rename of a folder fails with where a file system renames files only, as those over object stores do.
FOLDER_RENAME_REFUSALS = (
    errno.EMFILE, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOTEMPTY, errno.EEXIST, errno.EINVAL, errno.EPERM,
)
ANY_EXECUTE = 0o111

# Staged batches by the ID of their request, and the folder of the newest one, which may be half done.
staged_batches = {}
newest_stage = []
# The batch that is being staged.
newest_batch = []
# The one whose archive waits while other requests are answered.
paused_batch = []
# Root and state folder by the ID of the claim.
claims = {}
# By state folder: how the names of kept files of this run begin.
kept_prefixes = {}


# --- input and output ---------------------------------------------------------------------------------------------------

output = open(1, "wb", 65536, closefd=False)


def send(mark, *words):
    output.write(SESSION_TOKEN + mark + b" " + b" ".join(words) + b"\n")


def send_record(*words):
    send(b"-", *words)


def number(value):
    return str(value).encode()


def escape(text):
    return text.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")


def escape_word(text):
    return escape(text).replace(b" ", b"\\s") or b"-"


def one_line(text):
    return text.replace(b"\n", b" ").replace(b"\r", b" ")


class EndOfSession(Exception):
    """The input ended."""


class EndOfPatience(EndOfSession):
    """Nobody spoke for too long."""


def on_alarm(_signal, _frame):
    raise EndOfPatience()


signal.signal(signal.SIGALRM, on_alarm)


class Input:
    """Bytes of the session. Only the time that is spent waiting for them counts as idle."""

    def __init__(self):
        self.buffer = b""

    def fill(self):
        signal.alarm(IDLE_SECONDS)
        data = I.read1(65536)
        signal.alarm(0)
        if not data:
            raise EndOfSession()
        return data

    def line(self):
        while True:
            end = self.buffer.find(b"\n")
            if end != -1:
                line, self.buffer = self.buffer[:end], self.buffer[end + 1:]
                return line
            self.buffer += self.fill()

    def exact(self, size):
        parts = [self.buffer[:size]]
        self.buffer = self.buffer[size:]
        missing = size - len(parts[0])
        while missing > 0:
            data = self.fill()
            parts.append(data[:missing])
            self.buffer = data[missing:]
            missing -= len(parts[-1])
        return b"".join(parts)


requests = Input()


class Failure(Exception):
    """Why a request failed: an errno name or a name of the protocol, the path, and a text for people."""

    def __init__(self, kind, path=b"", text=""):
        Exception.__init__(self, kind)
        self.kind, self.path, self.text = kind, path, text


class Progress:
    """The request that is being answered, the path that it is at, and when a line was last written."""

    id = b""
    path = b""
    spoke_at = 0.0

    def begin(self, request_id):
        self.id, self.path, self.spoke_at = request_id, b"", time.time()

    def life_sign(self):
        if time.time() - self.spoke_at < LIFE_SIGN_SECONDS:
            return
        self.spoke_at = time.time()
        send(b"+", self.id, b"0")
        output.flush()


progress = Progress()


def failure_of(error, path=b""):
    if isinstance(error, Failure):
        return error
    if isinstance(error, OSError):
        kind = errno.errorcode.get(error.errno, "EIO")
        return Failure(kind, path or progress.path, error.strerror or str(error))
    return Failure("INTERNAL", path, "%s: %s" % (type(error).__name__, error))


def send_failure(request_id, failure):
    text = one_line(failure.text.encode("utf-8", "replace"))
    send(b"!", request_id, failure.kind.encode(), escape_word(failure.path), text)


def done(request_id, *words):
    send(b".", request_id, *words)


def send_note(what, path, text):
    send(b"~", progress.id, what, escape_word(path), one_line((text or "").encode()))


def metadata(what, path, change):
    """Changes a mode, an owner or a time. Where that is refused, it is a note."""
    try:
        change()
    except OSError as error:
        if error.errno not in METADATA_REFUSALS:
            raise
        send_note(what, path, error.strerror)


# --- places -------------------------------------------------------------------------------------------------------------


def mounts():
    """Mount point and type of each mount of the container, or nothing where there is no /proc."""
    found = []
    try:
        with open("/proc/self/mountinfo", "rb") as file:
            for line in file:
                words = line.split(b" ")
                point = words[4]
                for code, character in ((b"\\040", b" "), (b"\\011", b"\t"), (b"\\012", b"\n"), (b"\\134", b"\\")):
                    point = point.replace(code, character)
                found.append((point, words[words.index(b"-", 6) + 1]))
    except (OSError, ValueError):
        pass
    return found


def mount_points():
    return [point for point, _ in mounts()]


def mounts_below(root):
    prefix = root if root == b"/" else root + b"/"
    return [point for point in mount_points() if point.startswith(prefix)][:MAX_MOUNTS]


def state_folders(root, key, in_place):
    """Where the state directory of a mapping may be: beside the root, in it, and elsewhere if the root may be read-only."""
    holders = [root] if root == b"/" else [os.path.dirname(root), root]
    if in_place:
        holders += [b"/dev/shm", b"/tmp"]
    return [os.path.join(holder, b".kinsync", key) for holder in holders]


# File systems that hold no files of anybody.
KERNEL_TYPES = (
    b"proc sysfs cgroup cgroup2 devtmpfs devpts mqueue securityfs debugfs tracefs bpf configfs pstore efivarfs fusectl binfmt_misc"
).split()


def refuse_system(root, shape):
    """Refuses the root folder, a folder in a file system of the kernel, and the root of a whole system, such as that of the node."""
    if root == b"/" and shape != b"file":
        raise Failure("ROOT", root)
    holder, holder_type = b"", b""
    for point, kind in mounts():
        if root != b"/" and shape != b"file" and point in (root + b"/proc", root + b"/sys") and kind in KERNEL_TYPES:
            text = "%s is a file system of the kernel, so the folder is the root of a whole system"
            raise Failure("SYSTEM", root, text % point.decode("utf-8", "replace"))
        # The root lies in the mount with the longest path, and of equal ones in the last.
        if (root + b"/").startswith(point.rstrip(b"/") + b"/") and len(point) >= len(holder):
            holder, holder_type = point, kind
    if holder_type in KERNEL_TYPES:
        raise Failure("SYSTEM", root, "it lies in %s, a file system of the kernel" % holder.decode("utf-8", "replace"))


# --- inventory ----------------------------------------------------------------------------------------------------------


def digest_of(path):
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b"-"
    try:
        digest = hashlib.sha256()
        while True:
            data = os.read(descriptor, READ_BYTES)
            if not data:
                return digest.hexdigest().encode()
            digest.update(data)
            progress.life_sign()
    except OSError:
        return b"-"
    finally:
        os.close(descriptor)


class Inventory:
    def __init__(self, root, device, depth):
        self.root, self.device = root, device
        self.with_digests = depth != b"types"
        self.mounts = set(mounts_below(root))
        for point in sorted(self.mounts):
            send_record(b"M", escape(point))

    def describe(self, full, name, status):
        send_record(b"s", b"%x" % status.st_mode, number(status.st_size), escape(name))
        if stat.S_ISREG(status.st_mode) and self.with_digests:
            send_record(b"h", digest_of(full), escape(name))
        elif stat.S_ISLNK(status.st_mode):
            try:
                send_record(b"t", escape(os.readlink(full)))
            except OSError:
                send_record(b"t", b"")
        progress.life_sign()

    def walk(self, folder, prefix):
        """Everything below a folder, without other file systems: what is mounted below the root belongs to others."""
        pending = [(folder, prefix)]
        while pending:
            folder, prefix = pending.pop()
            try:
                names = os.listdir(folder)
            except OSError:
                continue
            for name in names:
                full = folder + b"/" + name
                try:
                    status = os.lstat(full)
                except OSError:
                    continue
                if name == b".kinsync" or full in self.mounts:
                    continue
                if stat.S_ISDIR(status.st_mode) and status.st_dev != self.device:
                    send_record(b"M", escape(full))
                    continue
                self.describe(full, prefix + name, status)
                if stat.S_ISDIR(status.st_mode):
                    pending.append((full, prefix + name + b"/"))

    def look_up(self, paths):
        """The requested paths. A path below a link is not part of the root."""
        folders = {b"": True, b"/": False}

        def is_folder(path):
            unknown = []
            while path not in folders:
                unknown.append(path)
                path = os.path.dirname(path)
            known = folders[path]
            for path in reversed(unknown):
                if known:
                    try:
                        known = stat.S_ISDIR(os.lstat(self.root + b"/" + path).st_mode)
                    except OSError:
                        known = False
                folders[path] = known
            return known

        for path in paths:
            if not path or not is_folder(os.path.dirname(path)):
                continue
            try:
                status = os.lstat(self.root + b"/" + path)
            except OSError:
                continue
            self.describe(self.root + b"/" + path, path, status)


def read_marker(state):
    """The marker is JSON in two lines, with blanks at its end."""
    with open(state + b"/marker", "rb") as file:
        return one_line(file.read(65536)).rstrip()


def send_state(root, key, in_place):
    for state in state_folders(root, key, in_place):
        try:
            marker = read_marker(state)
        except OSError:
            continue
        send_record(b"m", marker)
        try:
            with open(state + b"/manifest", "rb") as file:
                for line in file:
                    if line != b"\n":
                        send_record(b"p" + line.rstrip(b"\n"))
        except OSError:
            pass
        return


def is_empty(folder):
    """Whether it holds nothing but the state directory. False where it cannot be read."""
    try:
        return all(entry.name == b".kinsync" for entry in os.scandir(folder))
    except OSError:
        return False


def inventory(request_id, fields):
    path, shape, key, in_place, depth = fields[:5]
    root = os.path.realpath(path)
    refuse_system(root, shape)
    try:
        status = os.stat(path)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            raise
        status = None
    is_folder = status is not None and stat.S_ISDIR(status.st_mode)
    is_missing = status is None and not os.path.islink(path)
    send_record(b"r", b"d" if is_folder else b"m" if is_missing else b"o", escape(root))
    send_state(root, key, in_place == b"1")
    if is_folder:
        if depth != b"list" and len(fields) == 5 and is_empty(root):
            send_record(b"E")
        listing = Inventory(root, status.st_dev, depth)
        if depth == b"list":
            listing.walk(root, b"")
        else:
            listing.look_up(fields[5:])
    done(request_id)


# --- claim --------------------------------------------------------------------------------------------------------------


def remove_tree(path):
    try:
        names = os.listdir(path)
    except OSError:
        names = []
    for name in names:
        full = path + b"/" + name
        if os.path.isdir(full) and not os.path.islink(full):
            remove_tree(full)
        else:
            try:
                os.unlink(full)
            except FileNotFoundError:
                pass
    try:
        os.rmdir(path)
    except OSError:
        pass


def write_all(descriptor, data):
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view):]


def write_new_file(path, data, mode):
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        write_all(descriptor, data)
    finally:
        os.close(descriptor)


def make_state_folder(state):
    for path in (os.path.dirname(state), state):
        try:
            os.mkdir(path, 0o711)
        except FileExistsError:
            pass
        status = os.lstat(path)
        if not stat.S_ISDIR(status.st_mode):
            raise Failure("STATE", path, "is not a folder")
        if status.st_uid != os.geteuid() and os.geteuid() != 0 and not os.access(path, os.W_OK | os.X_OK):
            raise Failure("EACCES", path, "belongs to another user")
    manifest = state + b"/manifest"
    os.close(os.open(manifest, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))


def write_marker(state, marker):
    temporary = state + b"/marker-" + number(os.getpid()) + b"-" + progress.id
    try:
        try:
            os.unlink(temporary)
        except FileNotFoundError:
            pass
        write_new_file(temporary, marker + b"\n", 0o644)
        os.rename(temporary, state + b"/marker")
    except OSError:
        try:
            os.unlink(temporary)
        except OSError:
            pass
        raise


def find_state_folder(root, key, in_place):
    points = mount_points()
    why = None
    for state in state_folders(root, key, in_place):
        holder = os.path.dirname(os.path.dirname(state))
        if root != b"/" and holder == os.path.dirname(root):
            # Beside the root only if it is the same file system: a rename must be possible.
            if root in points or os.stat(holder).st_dev != os.stat(root).st_dev:
                continue
        try:
            make_state_folder(state)
            return state
        except (OSError, Failure) as error:
            why = failure_of(error, state)
    raise why


def claim(request_id, fields):
    path, shape, key, in_place, marker, run = fields[:6]
    root = os.path.realpath(path)
    progress.path = root
    refuse_system(root, shape)
    os.makedirs(root, 0o755, exist_ok=True)
    if not stat.S_ISDIR(os.stat(root).st_mode):
        raise Failure("ENOTDIR", root, "is not a folder")
    if in_place != b"1":
        if os.statvfs(root).f_flag & os.ST_RDONLY:
            raise Failure("EROFS", root, "read-only file system")
        if not os.access(root, os.W_OK | os.X_OK):
            raise Failure("EACCES", root, "permission denied")
    state = find_state_folder(root, key, in_place == b"1")
    for name in os.listdir(state):
        if name.startswith(b"stage-"):
            remove_tree(state + b"/" + name)
        elif name.startswith(b"marker-"):
            os.unlink(state + b"/" + name)
    write_marker(state, marker)
    claims[request_id] = root, state
    kept_prefixes[state] = b"part-" + run + b"-"
    kept = [name for name in os.listdir(state) if name.startswith(b"part-")]
    send_record(b"r", b"d", escape(root))
    send_record(b"k", escape(state))
    for name in kept:
        if name.startswith(kept_prefixes[state]):
            send_record(b"P", escape(name[len(kept_prefixes[state]):]))
        else:
            os.unlink(state + b"/" + name)
    for point in mounts_below(root):
        send_record(b"M", escape(point))
    done(request_id)


# --- stage --------------------------------------------------------------------------------------------------------------


class Aborted(Exception):
    """kinsync gave the batch up."""


def gunzip(data, size):
    unpacker = zlib.decompressobj(31)
    try:
        # One byte more than expected: the end of the member follows the last one.
        plain = unpacker.decompress(data, size + 1)
    except zlib.error as error:
        raise Failure("UNZIP", progress.path, str(error))
    if len(plain) != size or not unpacker.eof or unpacker.unused_data:
        raise Failure("UNZIP", progress.path, "not one member of %d bytes" % size)
    return plain


class Segments:
    """The archive in segments: `d SIZE COUNT` and that many bytes, or `z SIZE BYTES` and SIZE bytes that gzip made of BYTES; then `e`
    for its end or `a` for an abort. Between two segments, `w` precedes other requests, and `g` follows them."""

    def __init__(self, request_id):
        self.id, self.data, self.position, self.is_over = request_id, b"", 0, False

    def next(self):
        if self.data:
            send(b"+", self.id, number(len(self.data)))
            output.flush()
            self.data, self.position = b"", 0
        words = requests.line().split()
        while words == [b"w"]:
            answer_others()
            words = requests.line().split()
        if words and words[0] == b"d":
            self.data = requests.exact(int(words[1]) * int(words[2]))
            return True
        if words and words[0] == b"z":
            self.data = gunzip(requests.exact(int(words[1])), int(words[2]))
            return True
        self.is_over = True
        if not words or words[0] != b"e":
            raise Aborted()
        return False

    def take(self, size):
        """Up to `size` bytes; fewer only at the end of a segment."""
        while self.position == len(self.data):
            if self.is_over or not self.next():
                raise Failure("SHORT", b"", "the archive ended early")
        part = self.data[self.position:self.position + size]
        self.position += len(part)
        return part

    def exact(self, size):
        part = self.take(size)
        while len(part) < size:
            part += self.take(size - len(part))
        return part

    def drain(self):
        while not self.is_over:
            self.next()


class Member:
    """One staged path: the fields of a stage request, in the order of the archive."""

    def __init__(self, fields):
        self.kind, self.path = fields[0], fields[1]
        self.mode, self.size, self.value = int(fields[2], 8), int(fields[3]), fields[4]


def write_whole(descriptor, member, segments):
    digest, left = hashlib.sha256(), member.size
    while left:
        data = segments.take(left)
        left -= len(data)
        digest.update(data)
        write_all(descriptor, data)
    if digest.hexdigest().encode() != member.value:
        raise Failure("DIGEST", member.path)


def stage_file(full, member, batch, segments):
    descriptor = os.open(full, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, member.mode)
    try:
        if member.kind == b"p":
            write_patched(descriptor, member, batch, segments)
        else:
            write_whole(descriptor, member, segments)
        if member.mode & 0o7000:
            metadata(b"mode", member.path, lambda: os.fchmod(descriptor, member.mode))
    finally:
        os.close(descriptor)
    if member.size % 512:
        segments.exact(512 - member.size % 512)


def read_member_type(segments):
    """Type of the next member. Headers that only describe another member are skipped: the request has the names."""
    while True:
        block = segments.exact(512)
        kind = block[156:157]
        if kind not in b"xgLK":
            return kind
        size = int(block[124:136].rstrip(b" \0") or b"0", 8)
        segments.exact((size + 511) // 512 * 512)


def stage_member(full, member, batch, segments):
    if member.kind == b"d":
        try:
            os.mkdir(full, member.mode)
        except FileExistsError:
            os.chmod(full, member.mode)
    elif member.kind == b"l":
        os.symlink(member.value, full)
    else:
        stage_file(full, member, batch, segments)


TAR_TYPES = {b"f": (b"0", b"\0"), b"p": (b"0", b"\0"), b"d": (b"5",), b"l": (b"2",)}


def unpack(members, batch, segments):
    for member in members:
        progress.path = member.path
        if read_member_type(segments) not in TAR_TYPES[member.kind]:
            raise Failure("ORDER", member.path, "the archive does not match the request")
        full = batch.add(member)
        try:
            stage_member(full, member, batch, segments)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(full), 0o755, exist_ok=True)
            stage_member(full, member, batch, segments)


# --- stage: changed blocks ----------------------------------------------------------------------------------------------

# Blocks of a signature in one record.
RECORD_BLOCKS = 256
# Blocks whose sums are reported at most: the file that is there may be much larger than the new one.
MAX_BLOCKS = 8192
PART_HEADER_BYTES = 40


def open_file(root, path):
    """A regular file below a folder, opened without following a link; None where there is none that can be read."""
    if not path:
        return None
    try:
        folders = Folders(root)
        try:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            descriptor = os.open(os.path.basename(path), flags, dir_fd=folders.open(os.path.dirname(path)))
        finally:
            folders.close()
    except OSError:
        return None
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    return None


def send_sums(mark, descriptor, size):
    """Two sums of each whole block of a file, until one cannot be read. A file that is not there has none."""
    if descriptor is None:
        return
    sums = []
    with os.fdopen(descriptor, "rb") as file:
        for _ in range(MAX_BLOCKS):
            try:
                block = file.read(size)
            except OSError:
                break
            if len(block) < size:
                break
            strong = hashlib.sha256(block).hexdigest()[:32]
            sums.append(("%08x%s" % (zlib.adler32(block) & 0xFFFFFFFF, strong)).encode())
            if len(sums) == RECORD_BLOCKS:
                send_record(mark, b"".join(sums))
                sums = []
            progress.life_sign()
    if sums:
        send_record(mark, b"".join(sums))


def signature(request_id, fields):
    root, path, size, state, kept = fields[:5]
    progress.path = path
    send_sums(b"b", open_file(root, path), int(size))
    send_sums(b"q", open_kept(state, kept), int(size))
    done(request_id)


def open_kept(state, digest):
    """What arrived of the file with this digest before the transfer broke."""
    return open_file(state, digest and kept_prefixes.get(state, b"") + digest)


def open_batches():
    return list(staged_batches.values()) + newest_batch + paused_batch


def keep_large_files():
    """Puts large files, whole or not, where the next session of the run finds them."""
    for batch in open_batches():
        for full, digest in batch.large.items():
            kept = batch.state + b"/" + kept_prefixes.get(batch.state, b"part--") + digest
            try:
                if not os.path.exists(kept) or os.stat(full).st_size > os.stat(kept).st_size:
                    os.rename(full, kept)
            except OSError:
                pass


def kept_files(state, prefix=b"part-"):
    try:
        return [state + b"/" + name for name in os.listdir(state) if name.startswith(prefix)]
    except OSError:
        return []


def remove_kept(state, prefix=b"part-"):
    for path in kept_files(state, prefix):
        try:
            os.unlink(path)
        except OSError:
            pass


def write_part(descriptor, digest, data):
    digest.update(data)
    write_all(descriptor, data)
    progress.life_sign()


def take_new_part(descriptor, digest, size, segments):
    while size:
        data = segments.take(size)
        size -= len(data)
        write_part(descriptor, digest, data)


def copy_part(descriptor, digest, size, source, offset):
    if source is None:
        raise Failure("STALE", progress.path, "the file is gone")
    while size:
        try:
            data = os.pread(source, min(size, READ_BYTES), offset)
        except OSError:
            data = b""
        if not data:
            raise Failure("STALE", progress.path, "the file became shorter")
        size -= len(data)
        offset += len(data)
        write_part(descriptor, digest, data)


def write_patched(descriptor, member, batch, segments):
    """Parts of the file that is there, `c OFFSET SIZE`, of the kept one, `k OFFSET SIZE`, and new bytes, `n 0 SIZE`."""
    digest, left = hashlib.sha256(), member.size
    sources = {b"c": open_file(batch.root, member.path), b"k": open_kept(batch.state, member.value)}
    try:
        while left:
            words = segments.exact(PART_HEADER_BYTES).split()
            size = int(words[2])
            if not 0 < size <= left:
                raise Failure("ORDER", member.path, "a part does not match the request")
            left -= size
            if words[0] == b"n":
                take_new_part(descriptor, digest, size, segments)
            else:
                copy_part(descriptor, digest, size, sources[words[0]], int(words[1]))
    finally:
        for source in sources.values():
            if source is not None:
                os.close(source)
    if digest.hexdigest().encode() != member.value:
        raise Failure("STALE", member.path, "the file changed")


class StagedBatch:
    def __init__(self, root, state, name, count):
        self.root, self.state = root, state
        self.is_large = count > MAX_NUMBERED
        self.folder = state + b"/" + name
        # Folders below `t` under their names. Files and links are in `f` under numbers until they get their place: reloaders that watch
        # a folder above would take a name that ends in `.py` for a change of a source. Not so the content of new folders in a large batch:
        # that would be thousands of renames.
        self.top = self.folder + b"/t"
        self.numbered, self.folders, self.are_filled = {}, set(), False
        # Digests of large files, by where they are staged.
        self.large = {}

    def add(self, member):
        """Where the member is staged."""
        full = self.place(member)
        if member.kind in (b"f", b"p") and member.size >= KEPT_BYTES:
            self.large[full] = member.value
        return full

    def place(self, member):
        if member.kind == b"d":
            self.folders.add(member.path)
            return self.top + b"/" + member.path
        if self.is_large and os.path.dirname(member.path) in self.folders:
            return self.top + b"/" + member.path
        self.numbered[member.path] = self.folder + b"/f/" + number(len(self.numbered))
        return self.numbered[member.path]

    def source(self, path):
        """What is staged for the path. A folder gets its content first."""
        if path not in self.folders:
            return self.numbered[path]
        if not self.are_filled:
            self.are_filled = True
            for inner, full in self.numbered.items():
                if os.path.dirname(inner) in self.folders:
                    os.rename(full, self.top + b"/" + inner)
                    progress.life_sign()
        return self.top + b"/" + path


def stage(request_id, fields):
    claim_id, name = fields[:2]
    members = [Member(fields[index:index + 5]) for index in range(2, len(fields) - 4, 5)]
    segments = Segments(request_id)
    batch = None
    try:
        if claim_id not in claims:
            raise Failure("UNCLAIMED")
        batch = StagedBatch(*claims[claim_id], name=name, count=len(members))
        progress.path = batch.state
        newest_stage[:], newest_batch[:] = [batch.folder], [batch]
        os.mkdir(batch.folder, 0o700)
        os.mkdir(batch.top, 0o700)
        os.mkdir(batch.folder + b"/f", 0o700)
        unpack(members, batch, segments)
        segments.drain()
        newest_batch[:] = []
        staged_batches[request_id] = batch
        done(request_id)
        return
    except (EndOfSession, BrokenPipeError):
        raise
    except Aborted:
        failure = Failure("ABORTED")
    except Exception as error:
        failure = failure_of(error)
    # Reported at once, so that the rest need not be sent; what is under way is read and dropped.
    newest_batch[:] = []
    if batch is not None:
        remove_tree(batch.folder)
        if not paused_batch:
            remove_kept(batch.state)
    send_failure(request_id, failure)
    output.flush()
    while not segments.is_over:
        segments.data = b""
        try:
            segments.next()
        except (Aborted, Failure):
            pass


# --- commit: folders and files ------------------------------------------------------------------------------------------


class Folders:
    """Descriptors of folders below the root, opened without following links. Keeps those of one path."""

    def __init__(self, root):
        self.names, self.descriptors = [], [os.open(root, OPEN_FOLDER)]

    def open(self, path):
        wanted = path.split(b"/") if path else []
        common = 0
        while common < min(len(wanted), len(self.names)) and wanted[common] == self.names[common]:
            common += 1
        self.keep(common)
        for name in wanted[common:]:
            self.descriptors.append(os.open(name, OPEN_FOLDER, dir_fd=self.descriptors[-1]))
            self.names.append(name)
        return self.descriptors[-1]

    def keep(self, count):
        while len(self.names) > count:
            self.names.pop()
            os.close(self.descriptors.pop())

    def close(self):
        self.keep(0)
        os.close(self.descriptors.pop())


def status_of(name, folder):
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def is_folder(status):
    return status is not None and stat.S_ISDIR(status.st_mode)


def is_executable(status):
    return status is not None and bool(status.st_mode & ANY_EXECUTE)


def copy_bytes(source, target):
    with open(source, "rb") as file:
        size = 0
        while True:
            data = file.read(READ_BYTES)
            if not data:
                return size
            size += len(data)
            write_all(target, data)
            progress.life_sign()


def write_over(source, name, folder):
    """Writes the bytes into the file that is there, without a rename."""
    target = os.open(name, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        os.ftruncate(target, copy_bytes(source, target))
    finally:
        os.close(target)


def copy_tree(source, name, folder):
    status = os.lstat(source)
    if stat.S_ISLNK(status.st_mode):
        os.symlink(os.readlink(source), name, dir_fd=folder)
        return
    mode = stat.S_IMODE(status.st_mode)
    if stat.S_ISDIR(status.st_mode):
        os.mkdir(name, 0o700, dir_fd=folder)
        copy = os.open(name, OPEN_FOLDER, dir_fd=folder)
    else:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        copy = os.open(name, flags, 0o600, dir_fd=folder)
    try:
        if stat.S_ISDIR(status.st_mode):
            for child in os.listdir(source):
                copy_tree(source + b"/" + child, child, copy)
        else:
            copy_bytes(source, copy)
        copy_metadata(status, copy, mode)
    finally:
        os.close(copy)


def copy_metadata(status, copy, mode):
    if os.geteuid() == 0:
        metadata(b"owner", progress.path, lambda: os.fchown(copy, status.st_uid, status.st_gid))
    metadata(b"mode", progress.path, lambda: os.fchmod(copy, mode))
    if stat.S_ISREG(status.st_mode):
        times = (status.st_mtime_ns, status.st_mtime_ns)
        metadata(b"time", progress.path, lambda: os.utime(copy, ns=times))


def remove_copy(name, folder):
    status = status_of(name, folder)
    if is_folder(status):
        inner = os.open(name, OPEN_FOLDER, dir_fd=folder)
        try:
            for child in os.listdir(inner):
                remove_copy(os.fsencode(child), inner)
        finally:
            os.close(inner)
        os.rmdir(name, dir_fd=folder)
    elif status is not None:
        os.unlink(name, dir_fd=folder)


def replace_by_copy(name, folder, make_copy):
    """A copy beside the place, then the rename."""
    temporary = b".kinsync-" + number(os.getpid()) + b"-" + progress.id
    try:
        make_copy(temporary)
        rename_in(temporary, name, folder, folder, FOLDER_RENAME_REFUSALS + (errno.EXDEV,))
    except OSError:
        remove_copy(temporary, folder)
        raise


def copy_in_beside(source, name, folder):
    """From another file system."""
    replace_by_copy(name, folder, lambda temporary: copy_tree(source, temporary, folder))


def part_from_other_names(name, folder, mode):
    """A file with several names, some of which may be outside of the root, gives way to a copy: the others keep their mode."""
    def make_copy(temporary):
        source = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        status = os.fstat(source)
        copy = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder)
        try:
            # This closes the source.
            copy_bytes(source, copy)
            copy_metadata(status, copy, mode)
        finally:
            os.close(copy)
    replace_by_copy(name, folder, make_copy)


def rename_in(source, name, folder, source_folder=None, refusals=FOLDER_RENAME_REFUSALS):
    """A rename. A folder whose file system renames no folders is made, and its files get there one by one."""
    try:
        os.rename(source, name, src_dir_fd=source_folder, dst_dir_fd=folder)
    except OSError as error:
        is_refused = error.errno in refusals and is_folder(status_of(source, source_folder))
        if not is_refused or status_of(name, folder) is not None:
            raise
        send_note(b"rename", progress.path, error.strerror)
        fill_folder(source, name, folder, source_folder)


def fill_folder(source, name, folder, source_folder):
    path = progress.path
    status = os.stat(source, dir_fd=source_folder, follow_symlinks=False)
    mode = stat.S_IMODE(status.st_mode)
    os.mkdir(name, mode, dir_fd=folder)
    made = os.open(name, OPEN_FOLDER, dir_fd=folder)
    staged = -1
    try:
        found = os.fstat(made)
        if os.geteuid() == 0 and (found.st_uid, found.st_gid) != (status.st_uid, status.st_gid):
            metadata(b"owner", path, lambda: os.fchown(made, status.st_uid, status.st_gid))
        if stat.S_IMODE(found.st_mode) != mode:
            metadata(b"mode", path, lambda: os.fchmod(made, mode))
        staged = os.open(source, OPEN_FOLDER, dir_fd=source_folder)
        for child in map(os.fsencode, os.listdir(staged)):
            progress.path = path + b"/" + child
            progress.life_sign()
            if is_folder(status_of(child, staged)):
                fill_folder(child, child, made, staged)
            else:
                os.rename(child, child, src_dir_fd=staged, dst_dir_fd=made)
        progress.path = path
    finally:
        os.close(made)
        if staged != -1:
            os.close(staged)
    os.rmdir(source, dir_fd=source_folder)


def move(source, name, folder, path):
    try:
        try:
            rename_in(source, name, folder)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            copy_in_beside(source, name, folder)
    except OSError as error:
        if error.errno in (errno.EBUSY, errno.ETXTBSY):
            raise Failure("MOUNTED", path, error.strerror)
        raise


def every_path(top):
    """A staged path with all that is in it, without following links."""
    yield top
    if os.path.isdir(top) and not os.path.islink(top):
        for name in os.listdir(top):
            for path in every_path(top + b"/" + name):
                yield path


def take_owner_of_folder(source, folder, path):
    """What is new gets the owner and group of its folder, where the user may give files away; and its setgid bit."""
    parent = os.fstat(folder)
    status = os.lstat(source)
    is_shared = bool(parent.st_mode & stat.S_ISGID)
    if os.geteuid() == 0:
        owner, group = parent.st_uid, parent.st_gid
    else:
        owner, group = -1, parent.st_gid if is_shared else -1
    is_different = owner not in (-1, status.st_uid) or group not in (-1, status.st_gid)
    if not is_different and not (is_shared and stat.S_ISDIR(status.st_mode)):
        return
    for full in every_path(source):
        status = os.lstat(full)
        if is_different:
            metadata(b"owner", path, lambda: os.lchown(full, owner, group))
        if stat.S_ISLNK(status.st_mode):
            continue
        mode = stat.S_IMODE(status.st_mode)
        if stat.S_ISDIR(status.st_mode) and is_shared:
            mode |= stat.S_ISGID
        if mode != stat.S_IMODE(os.lstat(full).st_mode):
            metadata(b"mode", path, lambda: os.chmod(full, mode))


def keep_owner_and_grow_time(source, old, path):
    """A file that is replaced keeps its owner, and its modification time grows: watchers and caches compare it."""
    new = os.lstat(source)
    if os.geteuid() == 0 and (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
        metadata(b"owner", path, lambda: os.chown(source, old.st_uid, old.st_gid))
        # A change of the owner clears setuid and setgid.
        metadata(b"mode", path, lambda: os.chmod(source, stat.S_IMODE(new.st_mode)))
    second = 1000000000
    if new.st_mtime_ns <= old.st_mtime_ns or (old.st_size == new.st_size and new.st_mtime_ns < old.st_mtime_ns + second):
        later = -(-old.st_mtime_ns // second) * second + second
        metadata(b"time", path, lambda: os.utime(source, ns=(later, later)))


# --- commit: instructions -----------------------------------------------------------------------------------------------


class Commit:
    """Executes the instructions of one commit. What to check, in which order and how to place it is decided by kinsync."""

    def __init__(self, batch):
        self.batch = batch
        self.folders = Folders(batch.root)
        self.writable = set()

    def path(self, folder, name):
        progress.path = folder + b"/" + name if folder else name
        progress.life_sign()
        return progress.path

    def open(self, folder):
        progress.path = folder
        try:
            return self.folders.open(folder)
        except OSError as error:
            if error.errno in GONE:
                raise Failure("CHANGED", folder, "its folder no longer exists")
            raise

    def open_writable(self, folder):
        descriptor = self.open(folder)
        if folder not in self.writable:
            if not os.access(b".", os.W_OK | os.X_OK, dir_fd=descriptor):
                if os.fstatvfs(descriptor).f_flag & os.ST_RDONLY:
                    raise Failure("EROFS", folder, "read-only file system")
                raise Failure("EACCES", folder, "permission denied")
            self.writable.add(folder)
        return descriptor

    # Checks, before the first change.

    def check_files(self, folder, *names):
        descriptor = self.open_writable(folder)
        for name in names:
            path = self.path(folder, name)
            if is_folder(status_of(name, descriptor)):
                raise Failure("FOREIGN", path, "a folder is there")

    def check_file_in_place(self, folder, name):
        status = status_of(name, self.open(folder))
        if status is None or not stat.S_ISREG(status.st_mode):
            self.check_files(folder, name)

    def check_new_folders(self, folder, *names):
        descriptor = self.open_writable(folder)
        for name in names:
            path = self.path(folder, name)
            status = status_of(name, descriptor)
            if status is not None and not stat.S_ISLNK(status.st_mode):
                raise Failure("CHANGED", path, "something appeared there")

    def check_former_names(self, folder, name, *former):
        """As for new folders. Where the file system has no case, a former name, which is deleted before, is the same file."""
        descriptor = self.open_writable(folder)
        there = status_of(name, descriptor)
        if there is not None and not stat.S_ISLNK(there.st_mode):
            for path in former:
                status = status_of(os.path.basename(path), descriptor)
                if status is not None and os.path.samestat(status, there):
                    return
        self.check_new_folders(folder, name)

    def check_folders_over_files(self, folder, *names):
        descriptor = self.open_writable(folder)
        for name in names:
            path = self.path(folder, name)
            if is_folder(status_of(name, descriptor)):
                raise Failure("CHANGED", path, "a folder appeared there")

    def check_emptied_folder(self, folder, name, *removed):
        descriptor = self.open_writable(folder)
        path = self.path(folder, name)
        if is_folder(status_of(name, descriptor)):
            self.check_only(descriptor, name, path, set(removed))

    def check_only(self, descriptor, name, path, removed):
        inner = os.open(name, OPEN_FOLDER, dir_fd=descriptor)
        try:
            for child in os.listdir(inner):
                child = os.fsencode(child)
                child_path = path + b"/" + child
                if child_path not in removed:
                    raise Failure("FOREIGN", path, "a folder is there with what kinsync did not place")
                if is_folder(status_of(child, inner)):
                    self.check_only(inner, child, child_path, removed)
        finally:
            os.close(inner)

    def refuse_mount(self, path):
        raise Failure("MOUNTED", path)

    # The journal.

    def append_to_manifest(self, text):
        progress.path = self.batch.state
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self.batch.state + b"/manifest", flags, 0o600)
        try:
            write_all(descriptor, text)
        finally:
            os.close(descriptor)

    def replace_manifest(self, text):
        """A journal that grew long gives way to its short form. Where that fails, it stays long."""
        try:
            write_new_file(self.batch.folder + b"/journal", text, 0o600)
            os.rename(self.batch.folder + b"/journal", self.batch.state + b"/manifest")
        except OSError:
            pass

    # Changes.

    def touch_staged(self):
        """Staging took long: the modification time is that of the commit, or a build that runs meanwhile misses the change."""
        for full in every_path(self.batch.folder):
            if not os.path.islink(full):
                metadata(b"time", b"", lambda: os.utime(full))
            progress.life_sign()

    def place_new(self, folder, *names):
        descriptor = self.open(folder)
        for name in names:
            path = self.path(folder, name)
            source = self.batch.source(path)
            take_owner_of_folder(source, descriptor, path)
            move(source, name, descriptor, path)

    def replace_files(self, folder, *names):
        descriptor = self.open(folder)
        for name in names:
            path = self.path(folder, name)
            self.prepare_replacement(descriptor, name, path)
            move(self.batch.source(path), name, descriptor, path)

    def prepare_replacement(self, descriptor, name, path):
        source, old = self.batch.source(path), status_of(name, descriptor)
        if old is not None and stat.S_ISREG(old.st_mode):
            keep_owner_and_grow_time(source, old, path)
        else:
            take_owner_of_folder(source, descriptor, path)

    def place_folders(self, folder, *names):
        descriptor = self.open(folder)
        for name in names:
            self.path(folder, name)
            old = status_of(name, descriptor)
            if old is not None and not stat.S_ISDIR(old.st_mode):
                os.unlink(name, dir_fd=descriptor)
        self.place_new(folder, *names)

    def place_over_folder(self, folder, name):
        descriptor = self.open(folder)
        self.path(folder, name)
        if is_folder(status_of(name, descriptor)):
            os.rmdir(name, dir_fd=descriptor)
        self.place_new(folder, name)

    def copy_in(self, folder, *names):
        descriptor = self.open(folder)
        for name in names:
            path = self.path(folder, name)
            self.prepare_replacement(descriptor, name, path)
            source = self.batch.source(path)
            old = status_of(name, descriptor)
            if os.path.isdir(source) and not os.path.islink(source) and old is not None and not is_folder(old):
                os.unlink(name, dir_fd=descriptor)
            copy_in_beside(source, name, descriptor)

    def write_in_place(self, folder, name):
        descriptor = self.open(folder)
        write_over(self.batch.source(self.path(folder, name)), name, descriptor)

    def replace_or_write(self, folder, name):
        descriptor = self.open(folder)
        path = self.path(folder, name)
        source = self.batch.source(path)
        self.prepare_replacement(descriptor, name, path)
        try:
            os.rename(source, name, dst_dir_fd=descriptor)
        except OSError:
            old = status_of(name, descriptor)
            if old is None or not stat.S_ISREG(old.st_mode):
                raise
            write_over(source, name, descriptor)

    def wait_for_others(self):
        time.sleep(JOINT_SECONDS)

    def delete(self, folder, names, remove):
        """What is gone already, or has become something else, does not count as a failure."""
        try:
            descriptor = self.folders.open(folder)
        except OSError as error:
            if error.errno in GONE:
                return
            raise
        for name in names:
            self.path(folder, name)
            try:
                remove(name, descriptor)
            except OSError as error:
                if error.errno not in GONE:
                    raise

    def delete_files(self, folder, *names):
        def remove(name, descriptor):
            status = status_of(name, descriptor)
            if status is not None and not stat.S_ISDIR(status.st_mode):
                os.unlink(name, dir_fd=descriptor)
        self.delete(folder, names, remove)

    def delete_folders(self, folder, *names):
        def remove(name, descriptor):
            if not is_folder(status_of(name, descriptor)):
                return
            try:
                os.rmdir(name, dir_fd=descriptor)
            except OSError as error:
                # A folder with content of others stays, and so does one that is a mount point.
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.EBUSY):
                    raise
        self.delete(folder, names, remove)

    def set_mode(self, mode, folder, *names):
        mode = int(mode, 8)

        def change(name, descriptor):
            status = status_of(name, descriptor)
            if status is None or stat.S_ISLNK(status.st_mode) or stat.S_IMODE(status.st_mode) == mode:
                return
            if stat.S_ISREG(status.st_mode) and status.st_nlink > 1:
                metadata(b"mode", progress.path, lambda: part_from_other_names(name, descriptor, mode))
            else:
                metadata(b"mode", progress.path, lambda: os.chmod(name, mode, dir_fd=descriptor))
            # A file system with fixed modes may ignore the change without an error.
            found = status_of(name, descriptor)
            if is_executable(found) == is_executable(status) != bool(mode & ANY_EXECUTE):
                send_note(b"mode", progress.path, "the file system ignores it")
        self.delete(folder, names, change)


# The words of the protocol, which are short because a shell reads them byte by byte.
INSTRUCTIONS = {
    b"pf": Commit.check_files,
    b"pi": Commit.check_file_in_place,
    b"pd": Commit.check_new_folders,
    b"ps": Commit.check_former_names,
    b"pr": Commit.check_folders_over_files,
    b"px": Commit.check_emptied_folder,
    b"mt": Commit.refuse_mount,
    b"ja": Commit.append_to_manifest,
    b"jn": Commit.replace_manifest,
    b"tt": Commit.touch_staged,
    b"mn": Commit.place_new,
    b"mo": Commit.replace_files,
    b"md": Commit.place_folders,
    b"mx": Commit.place_over_folder,
    b"mc": Commit.copy_in,
    b"mi": Commit.write_in_place,
    b"mw": Commit.replace_or_write,
    b"dx": Commit.delete_files,
    b"dy": Commit.delete_folders,
    b"ch": Commit.set_mode,
    b"wt": Commit.wait_for_others,
}


def check_owner(state, needle):
    try:
        marker = read_marker(state)
    except OSError:
        raise Failure("STATE", state, "the state directory was removed in the container")
    if needle not in marker:
        raise Failure("TAKEN", state, marker.decode("utf-8", "replace"))


def execute(words, batch):
    commit = Commit(batch)
    try:
        index = 0
        while index < len(words):
            count = int(words[index + 1])
            INSTRUCTIONS[words[index]](commit, *words[index + 2:index + 2 + count])
            index += 2 + count
    finally:
        commit.folders.close()


def commit(request_id, fields):
    stage_id, needle, marker, entries = fields[:4]
    if stage_id not in staged_batches:
        raise Failure("UNSTAGED")
    batch = staged_batches.pop(stage_id)
    try:
        progress.path = batch.state
        check_owner(batch.state, needle)
        execute(fields[4:], batch)
        progress.path = batch.state
        # A run that took the root over meanwhile keeps it.
        check_owner(batch.state, needle)
        write_marker(batch.state, marker)
        done(request_id, entries)
        output.flush()
        # A batch that waits may be made of them.
        if not paused_batch:
            remove_kept(batch.state)
    finally:
        remove_tree(batch.folder)


def discard(request_id, fields):
    folder = fields[0] + b"/" + fields[1]
    for stage_id in [key for key, batch in staged_batches.items() if batch.folder == folder]:
        del staged_batches[stage_id]
    remove_tree(folder)
    # A mapping's part of the state directory, which goes with its last part.
    if fields[0].endswith(b"/.kinsync"):
        try:
            os.rmdir(fields[0])
        except OSError:
            pass
    done(request_id)


def ping(request_id, fields):
    if len(fields) > 1:
        check_owner(fields[0], fields[1])
    done(request_id)


# --- start --------------------------------------------------------------------------------------------------------------


OPERATIONS = {
    b"ping": ping,
    b"inventory": inventory,
    b"claim": claim,
    b"signature": signature,
    b"stage": stage,
    b"commit": commit,
    b"discard": discard,
}


def unpack_request(request_id, payload, size):
    """The fields of a request that gzip made smaller. What follows a damaged request is unknown, so the session ends."""
    try:
        return gunzip(payload, size)
    except Failure as failure:
        send_failure(request_id, failure)
        output.flush()
        raise EndOfSession()


def serve():
    words = [b"1", b"python3", number(os.getuid()), escape_word(incarnation()), escape_word(os.fsencode(os.getcwd()))]
    words.append(b"-" if zlib is None else b"gzip,blocks")
    send(b"=", *(words + identity()))
    output.flush()
    answer_requests()


def answer_requests():
    """Until the line `g`, which ends only the requests that come between the segments of an archive."""
    while True:
        words = requests.line().split()
        if words == [b"g"]:
            return
        operation, request_id = words[:2]
        payload = requests.exact(int(words[2]))
        progress.begin(request_id)
        if len(words) > 3:
            payload = unpack_request(request_id, payload, int(words[3]))
        try:
            OPERATIONS[operation](request_id, payload.split(b"\0"))
        except (EndOfSession, BrokenPipeError):
            raise
        except Exception as error:
            send_failure(request_id, failure_of(error))
        output.flush()


def answer_others():
    """Requests that overtake the batch that is being staged."""
    paused_batch[:], newest_batch[:] = newest_batch, []
    stage_id, path = progress.id, progress.path
    answer_requests()
    newest_batch[:], paused_batch[:] = paused_batch, []
    newest_stage[:] = [batch.folder for batch in newest_batch]
    progress.begin(stage_id)
    progress.path = path


def end():
    """Removes what was on its way."""
    for unfinished in set(newest_stage + [batch.folder for batch in open_batches()]):
        remove_tree(unfinished)
    os._exit(0)


def end_for_later_session(_signal, _frame):
    keep_large_files()
    end()


def end_without_session():
    """No later session of the run will continue."""
    for state, prefix in kept_prefixes.items():
        remove_kept(state, prefix)
    end()


def wait_for_later_session():
    """The next session of the run ends this process, and continues with what arrived of large files."""
    is_kept = any(kept_files(state, prefix) for state, prefix in kept_prefixes.items())
    if is_kept or any(batch.large for batch in open_batches()):
        time.sleep(IDLE_SECONDS)
    end_without_session()


signal.signal(signal.SIGTERM, end_for_later_session)
try:
    serve()
except EndOfPatience:
    end_without_session()
except (EndOfSession, BrokenPipeError):
    wait_for_later_session()
