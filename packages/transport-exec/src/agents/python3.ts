/**
 * The python3 agent (3.4 and later). Bytes everywhere: names need not be UTF-8. Every change below the root goes through a file
 * descriptor of its folder, which was opened component by component without following a link.
 */
export const PYTHON3_AGENT = String.raw`
import os, sys, stat, errno, hashlib, time
os.umask(0)
O = open(1, "wb", 65536, closefd=False)
NOFOLLOW = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
stages = {}
# The folder of the last stage.
under_way = []

def say(*parts):
    O.write(b" ".join(parts) + b"\n")
def num(n):
    return str(n).encode()
def esc(p):
    return p.replace(b"\\", b"\\\\").replace(b"\n", b"\\n")
def word(p):
    return esc(p).replace(b" ", b"\\s").replace(b"\r", b"\\r") or b"-"

class Stop(Exception):
    def __init__(self, kind, path=b"", text=""):
        self.kind, self.path, self.text = kind, path, text
def stop_of(e, path=b""):
    if isinstance(e, Stop): return e
    if isinstance(e, OSError):
        return Stop(errno.errorcode.get(e.errno, "EIO"), path or at[0], e.strerror or str(e))
    return Stop("INTERNAL", path, "%s: %s" % (type(e).__name__, e))
def fail(id, e):
    say(b"!", id, e.kind.encode(), word(e.path), e.text.encode("utf-8", "replace").replace(b"\n", b" "))
# The path that is being worked on, for messages.
at = [b""]

# --- where things are ---------------------------------------------------------------------------------------------------

def mount_points():
    found = []
    try:
        with open("/proc/self/mountinfo", "rb") as f:
            for line in f:
                p = line.split(b" ")[4]
                for code, char in ((b"\\040", b" "), (b"\\011", b"\t"), (b"\\012", b"\n"), (b"\\134", b"\\")):
                    p = p.replace(code, char)
                found.append(p)
    except OSError:
        pass
    return found
def below(root, path):
    return path.startswith(root if root == b"/" else root + b"/")
def states(real, key, in_place):
    places = [os.path.dirname(real), real]
    if in_place: places += [b"/dev/shm", b"/tmp"]
    if real == b"/": places = places[1:]
    return [os.path.join(p, b".kinsync", key) for p in places]
def check_root(real, shape):
    if real == b"/" and shape != b"file": raise Stop("ROOT", real)

# --- inventory ----------------------------------------------------------------------------------------------------------

def digest_of(path):
    h = hashlib.sha256()
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b"-"
    try:
        while True:
            data = os.read(fd, 1048576)
            if not data: return h.hexdigest().encode()
            h.update(data)
            alive()
    finally:
        os.close(fd)
told = [0.0, b"", True]
def alive():
    if time.time() - told[0] < 2: return
    told[0] = time.time()
    say(b"+", told[1], b"0")
    O.flush()
def record(full, name, st):
    say(b"s", b"%x" % st.st_mode, num(st.st_size), esc(name))
    if stat.S_ISREG(st.st_mode) and told[2]: say(b"h", digest_of(full), esc(name))
    elif stat.S_ISLNK(st.st_mode):
        try: say(b"t", esc(os.readlink(full)))
        except OSError: say(b"t", b"")
def walk(full, prefix):
    try: names = os.listdir(full)
    except OSError: return
    for n in names:
        if n == b".kinsync": continue
        f = full + b"/" + n
        try: st = os.lstat(f)
        except OSError: continue
        record(f, prefix + n, st)
        if stat.S_ISDIR(st.st_mode): walk(f, prefix + n + b"/")
def marker_of(state):
    # JSON in more than one line; blanks at its end.
    with open(state + b"/marker", "rb") as f: return f.read(65536).replace(b"\n", b" ").rstrip()
def op_inventory(id, a):
    path, shape, key, in_place, whole = a[:5]
    told[:] = [time.time(), id, whole != b"types"]
    real = os.path.realpath(path)
    check_root(real, shape)
    try: root = os.stat(path)
    except OSError as e:
        if e.errno not in (errno.ENOENT, errno.ENOTDIR): raise
        root = None
    say(b"r", b"m" if root is None and not os.path.islink(path) else b"d" if root and stat.S_ISDIR(root.st_mode) else b"o", esc(real))
    for d in states(real, key, in_place == b"1"):
        try:
            marker = marker_of(d)
        except OSError: continue
        say(b"m", marker)
        try:
            with open(d + b"/manifest", "rb") as f:
                for line in f:
                    if line != b"\n": say(b"p" + line.rstrip(b"\n"))
        except OSError: pass
        break
    if root and stat.S_ISDIR(root.st_mode):
        if whole == b"list": walk(real, b"")
        else:
            real_dirs = {b"": True}
            def is_dir(d):
                known = real_dirs.get(d)
                if known is None:
                    known = is_dir(os.path.dirname(d))
                    if known:
                        try: known = stat.S_ISDIR(os.lstat(real + b"/" + d).st_mode)
                        except OSError: known = False
                    real_dirs[d] = known
                return known
            for p in a[5:]:
                if not p or not is_dir(os.path.dirname(p)): continue
                f = real + b"/" + p
                try: st = os.lstat(f)
                except OSError: continue
                record(f, p, st)
    say(b".", id)

# --- claim --------------------------------------------------------------------------------------------------------------

def remove_tree(path):
    try: names = os.listdir(path)
    except OSError: names = []
    for n in names:
        f = path + b"/" + n
        if os.path.isdir(f) and not os.path.islink(f): remove_tree(f)
        else: os.unlink(f)
    try: os.rmdir(path)
    except OSError: pass
def write_file(path, data, mode):
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        while data: data = data[os.write(fd, data):]
    finally: os.close(fd)
def make_state(d):
    base = os.path.dirname(d)
    for p in (base, d):
        try: os.mkdir(p, 0o711)
        except OSError as e:
            if e.errno != errno.EEXIST: raise
        st = os.lstat(p)
        if not stat.S_ISDIR(st.st_mode): raise Stop("STATE", p, "is no folder")
        if st.st_uid != os.geteuid() and os.geteuid() != 0 and not os.access(p, os.W_OK | os.X_OK):
            raise Stop("EACCES", p, "belongs to another user")
    fd = os.open(d + b"/manifest", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    os.close(fd)
def put_marker(d, marker):
    temp = d + b"/marker-" + os.urandom(6).hex().encode()
    try:
        write_file(temp, marker + b"\n", 0o644)
        os.rename(temp, d + b"/marker")
    except OSError:
        try: os.unlink(temp)
        except OSError: pass
        raise
def op_claim(id, a):
    path, shape, key, in_place, marker = a[:5]
    real = os.path.realpath(path)
    at[0] = real
    check_root(real, shape)
    os.makedirs(real, 0o755, exist_ok=True)
    if not stat.S_ISDIR(os.stat(real).st_mode): raise Stop("ENOTDIR", real, "is no folder")
    if in_place != b"1":
        if os.statvfs(real).f_flag & 1: raise Stop("EROFS", real, "read-only file system")
        if not os.access(real, os.W_OK | os.X_OK): raise Stop("EACCES", real, "permission denied")
    mounts = mount_points()
    found, why = None, None
    for d in states(real, key, in_place == b"1"):
        outer = os.path.dirname(os.path.dirname(d))
        if outer == os.path.dirname(real) and real != b"/":
            if real in mounts or os.stat(outer).st_dev != os.stat(real).st_dev: continue
        try: make_state(d)
        except (OSError, Stop) as e:
            why = stop_of(e, d)
            continue
        found = d
        break
    if found is None: raise why
    for n in os.listdir(found):
        if n.startswith(b"stage-"): remove_tree(found + b"/" + n)
        elif n.startswith(b"marker-"): os.unlink(found + b"/" + n)
    put_marker(found, marker)
    say(b"r", b"d", esc(real))
    say(b"k", esc(found))
    for m in [m for m in mounts if below(real, m)][:1000]: say(b"M", esc(m))
    say(b".", id)

# --- stage --------------------------------------------------------------------------------------------------------------

class Aborted(Exception): pass
class Segments:
    """The archive, which comes in segments: d SIZE COUNT and that many bytes, then e for the end or a for an abort."""
    def __init__(self, id):
        self.id, self.data, self.at, self.over = id, b"", 0, False
    def next(self):
        if self.data: say(b"+", self.id, num(len(self.data))); O.flush(); self.data = b""; self.at = 0
        w = I.readline(64).split()
        if w and w[0] == b"d":
            n = int(w[1]) * int(w[2])
            self.data = I.read(n)
            if len(self.data) != n: sys.exit(0)
            return True
        self.over = True
        if not w or w[0] != b"e": raise Aborted()
        return False
    def take(self, n):
        """Up to n bytes; fewer only at the end of a segment."""
        while self.at == len(self.data):
            if self.over or not self.next(): raise Stop("SHORT", b"", "the archive ended early")
        part = self.data[self.at:self.at + n]
        self.at += len(part)
        return part
    def exact(self, n):
        part = self.take(n)
        while len(part) < n: part += self.take(n - len(part))
        return part
    def drain(self):
        while not self.over: self.next()

def make_parents(top, path):
    d = os.path.dirname(path)
    if not os.path.isdir(os.path.join(top, d)): os.makedirs(os.path.join(top, d), 0o755)
def stage_file(full, mode, size, digest, s):
    fd = os.open(full, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        h, left = hashlib.sha256(), size
        while left:
            data = s.take(left)
            left -= len(data)
            h.update(data)
            while data: data = data[os.write(fd, data):]
        if h.hexdigest().encode() != digest: raise Stop("DIGEST")
        if mode & 0o7000: os.fchmod(fd, mode)
    finally: os.close(fd)
    if size % 512: s.exact(512 - size % 512)
def header(s):
    """Type of the next member. What only describes another member is skipped: the plan has the names."""
    while True:
        block = s.exact(512)
        kind = block[156:157]
        if kind not in b"xgLK": return kind
        n = int(block[124:136].rstrip(b" \0") or b"0", 8)
        s.exact((n + 511) // 512 * 512)
def unpack(steps, top, s):
    for op, path, mode, size, value, flags in steps:
        if op not in (b"f", b"d", b"l"): continue
        at[0] = path
        full = os.path.join(top, path)
        kind = header(s)
        if (op == b"f") != (kind in (b"0", b"\0")) or (op == b"d") != (kind == b"5"): raise Stop("ORDER", path, "the archive does not go with the plan")
        try:
            if op == b"d":
                try: os.mkdir(full, mode)
                except FileExistsError: os.chmod(full, mode)
                continue
            try:
                if op == b"l": os.symlink(value, full)
                else: stage_file(full, mode, size, value, s)
            except FileNotFoundError:
                make_parents(top, path)
                if op == b"l": os.symlink(value, full)
                else: stage_file(full, mode, size, value, s)
        except Stop as e:
            e.path = e.path or path
            raise
def op_stage(id, a):
    root, state, name, in_place = a[:4]
    rest = a[4:]
    steps = [(rest[i], rest[i + 1], int(rest[i + 2], 8), int(rest[i + 3]), rest[i + 4], rest[i + 5]) for i in range(0, len(rest) - 5, 6)]
    s = Segments(id)
    top = os.path.join(state, name, b"t")
    failed = None
    try:
        at[0] = state
        under_way[:] = [os.path.join(state, name)]
        os.mkdir(os.path.join(state, name), 0o700)
        os.mkdir(top, 0o700)
        unpack(steps, top, s)
        s.drain()
    except Aborted: failed = Stop("ABORTED")
    except Exception as e: failed = stop_of(e)
    if failed is None:
        stages[id] = (root, state, name, in_place == b"1", steps)
        say(b".", id)
        return
    # Told at once, so that the rest need not be sent; what is under way is read and dropped.
    remove_tree(os.path.join(state, name))
    fail(id, failed)
    O.flush()
    while not s.over:
        s.data = b""
        try: s.next()
        except Aborted: pass

# --- commit -------------------------------------------------------------------------------------------------------------

class Folders:
    """Descriptors of folders below the root, opened without following links. Keeps those of one path."""
    def __init__(self, root):
        self.names, self.fds = [], [os.open(root, NOFOLLOW)]
    def get(self, path):
        want = path.split(b"/") if path else []
        same = 0
        while same < len(want) and same < len(self.names) and want[same] == self.names[same]: same += 1
        self.cut(same)
        for n in want[same:]:
            self.fds.append(os.open(n, NOFOLLOW, dir_fd=self.fds[-1]))
            self.names.append(n)
        return self.fds[-1]
    def cut(self, n):
        while len(self.names) > n:
            self.names.pop()
            os.close(self.fds.pop())
    def close(self):
        self.cut(0)
        os.close(self.fds.pop())
def look(name, fd):
    try: return os.stat(name, dir_fd=fd, follow_symlinks=False)
    except FileNotFoundError: return None
def all_doomed(fd, name, path, doomed):
    inner = os.open(name, NOFOLLOW, dir_fd=fd)
    try:
        for n in [os.fsencode(x) for x in os.listdir(inner)]:
            p = path + b"/" + n
            if p not in doomed: return False
            st = look(n, inner)
            if st and stat.S_ISDIR(st.st_mode) and not all_doomed(inner, n, p, doomed): return False
    finally: os.close(inner)
    return True
def precheck(steps, folders, in_place):
    doomed = {step[1] for step in steps if step[0] in (b"x", b"y")}
    writable = {}
    for op, path, mode, size, value, flags in steps:
        if flags[:1] != b"m": continue
        at[0] = path
        parent, name = os.path.split(path)
        try: fd = folders.get(parent)
        except OSError as e:
            if e.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP): raise Stop("CHANGED", path, "its folder is not there any more")
            raise
        st = look(name, fd)
        # Written in place, a file needs no right to its folder.
        if parent not in writable and not (in_place and op == b"f" and st and stat.S_ISREG(st.st_mode)):
            writable[parent] = True
            if not os.access(b".", os.W_OK | os.X_OK, dir_fd=fd): 
                if os.fstatvfs(fd).f_flag & 1: raise Stop("EROFS", path, "read-only file system")
                raise Stop("EACCES", path, "permission denied")
        if st is None: continue
        if stat.S_ISDIR(st.st_mode):
            if op == b"d": raise Stop("CHANGED", path, "a folder appeared there")
            if flags[1:] != b"d" or not all_doomed(fd, name, path, doomed): raise Stop("FOREIGN", path, "a folder is there with what kinsync did not place")
        elif op == b"d" and flags[1:] not in (b"f", b"l") and not stat.S_ISLNK(st.st_mode):
            raise Stop("CHANGED", path, "a file appeared there")
def copy_over(src, name, fd):
    """Writes the bytes into the file that is there, without a rename."""
    out = os.open(name, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
    try:
        with open(src, "rb") as f:
            n = 0
            while True:
                data = f.read(1048576)
                if not data: break
                n += len(data)
                while data: data = data[os.write(out, data):]
            os.ftruncate(out, n)
    finally: os.close(out)
def copy_tree(src, name, fd):
    st = os.lstat(src)
    if stat.S_ISLNK(st.st_mode): os.symlink(os.readlink(src), name, dir_fd=fd)
    elif stat.S_ISDIR(st.st_mode):
        os.mkdir(name, 0o700, dir_fd=fd)
        inner = os.open(name, NOFOLLOW, dir_fd=fd)
        try:
            for n in os.listdir(src): copy_tree(src + b"/" + n, n, inner)
            os.fchmod(inner, stat.S_IMODE(st.st_mode))
        finally: os.close(inner)
    else:
        out = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, stat.S_IMODE(st.st_mode), dir_fd=fd)
        try:
            with open(src, "rb") as f:
                while True:
                    data = f.read(1048576)
                    if not data: break
                    while data: data = data[os.write(out, data):]
            os.utime(out, ns=(st.st_mtime_ns, st.st_mtime_ns))
        finally: os.close(out)
def place(op, src, name, fd, path, in_place):
    try:
        os.rename(src, name, dst_dir_fd=fd)
        return
    except OSError as e:
        if in_place and op == b"f" and look(name, fd): return copy_over(src, name, fd)
        if e.errno in (errno.EBUSY, errno.ETXTBSY): raise Stop("MOUNTED", path, e.strerror)
        if e.errno != errno.EXDEV: raise
    # Another mount below the root: a copy beside the place, then the rename.
    temp = b".kinsync-" + os.urandom(6).hex().encode()
    try:
        copy_tree(src, temp, fd)
        os.rename(temp, name, src_dir_fd=fd, dst_dir_fd=fd)
    except OSError as e:
        st = look(temp, fd)
        if st and not stat.S_ISDIR(st.st_mode): os.unlink(temp, dir_fd=fd)
        if e.errno in (errno.EBUSY, errno.ETXTBSY): raise Stop("MOUNTED", path, e.strerror)
        raise
def move_in(step, top, folders, in_place):
    op, path, mode, size, value, flags = step
    parent, name = os.path.split(path)
    fd = folders.get(parent)
    src = os.path.join(top, path)
    old = look(name, fd)
    if old:
        if stat.S_ISDIR(old.st_mode): os.rmdir(name, dir_fd=fd)
        elif op == b"d": os.unlink(name, dir_fd=fd)
        elif op == b"f" and stat.S_ISREG(old.st_mode):
            new = os.lstat(src)
            if os.geteuid() == 0 and (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid): os.chown(src, old.st_uid, old.st_gid); os.chmod(src, mode)
            if old.st_size == size and new.st_mtime_ns < old.st_mtime_ns + 1000000000:
                t = -(-old.st_mtime_ns // 1000000000) * 1000000000 + 1000000000
                os.utime(src, ns=(t, t))
    place(op, src, name, fd, path, in_place)
def carry_out(step, top, folders, in_place):
    op, path, mode = step[0], step[1], step[2]
    if op in (b"f", b"d", b"l"):
        if step[5][:1] == b"m": move_in(step, top, folders, in_place)
        return
    parent, name = os.path.split(path)
    try:
        fd = folders.get(parent)
        st = look(name, fd)
        if st is None: return
        if op == b"x" and not stat.S_ISDIR(st.st_mode): os.unlink(name, dir_fd=fd)
        elif op == b"y" and stat.S_ISDIR(st.st_mode):
            folders.cut(len(path.split(b"/")) - 1)
            os.rmdir(name, dir_fd=fd)
        elif op == b"c" and not stat.S_ISLNK(st.st_mode) and stat.S_IMODE(st.st_mode) != mode:
            os.chmod(name, mode, dir_fd=fd)
    except OSError as e:
        # Gone already, no folder any more, or a folder with something in it: no failure.
        if op == b"y" and e.errno in (errno.ENOTEMPTY, errno.EEXIST): return
        if e.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP): raise
def append(path, data):
    if not data: return
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        while data: data = data[os.write(fd, data):]
    finally: os.close(fd)
def compact(path, temp, data):
    """A journal that grew long gives way to what it comes to. Where that fails, it stays long."""
    if not data: return
    try:
        write_file(temp, data, 0o600)
        os.rename(temp, path)
    except OSError: pass
def owner_check(state, needle):
    try:
        marker = marker_of(state)
    except OSError: raise Stop("STATE", state, "the state directory was removed in the container")
    if needle not in marker: raise Stop("TAKEN", state, marker.decode("utf-8", "replace"))
def op_commit(id, a):
    stage_id, needle, marker, placed, unplaced, compacted = a[:6]
    if stage_id not in stages: raise Stop("UNSTAGED")
    root, state, name, in_place, steps = stages.pop(stage_id)
    top = os.path.join(state, name, b"t")
    try:
        at[0] = state
        owner_check(state, needle)
        folders = Folders(root)
        try:
            precheck(steps, folders, in_place)
            at[0] = state
            compact(state + b"/manifest", os.path.join(state, name, b"journal"), compacted)
            append(state + b"/manifest", placed)
            told[:] = [time.time(), id, False]
            for step in steps:
                at[0] = step[1]
                alive()
                carry_out(step, top, folders, in_place)
        finally: folders.close()
        at[0] = state
        append(state + b"/manifest", unplaced)
        # A run that took the root over meanwhile keeps it.
        owner_check(state, needle)
        put_marker(state, marker)
        say(b".", id, num(len(steps)))
        O.flush()
    finally: remove_tree(os.path.join(state, name))
def op_discard(id, a):
    for key in [k for k, v in stages.items() if v[2] == a[1]]: del stages[key]
    remove_tree(os.path.join(a[0], a[1]))
    say(b".", id)
def op_ping(id, a):
    if len(a) > 1: owner_check(a[0], a[1])
    say(b".", id)

# --- start --------------------------------------------------------------------------------------------------------------

def incarnation():
    try:
        with open("/proc/self/mountinfo", "rb") as f:
            for line in f:
                w = line.split(b" ")
                if w[4] == b"/dev/termination-log": return w[3]
        with open("/proc/sys/kernel/random/boot_id", "rb") as f: boot = f.read().strip()
        with open("/proc/1/stat", "rb") as f: start = f.read().rpartition(b") ")[2].split()[19]
        return boot + b":" + start
    except OSError: return b"-"
say(b"kinsync", b"1", b"python3", num(os.getuid()), word(incarnation()), word(os.fsencode(os.getcwd())))
O.flush()
ops = {b"ping": op_ping, b"inventory": op_inventory, b"claim": op_claim, b"stage": op_stage, b"commit": op_commit, b"discard": op_discard}
try:
    while True:
        line = I.readline(256)
        if not line: break
        w = line.split()
        payload = I.read(int(w[2]))
        if len(payload) != int(w[2]): break
        id = w[1]
        at[0] = b""
        try: ops[w[0]](id, payload.split(b"\0"))
        except Exception as e: fail(id, stop_of(e))
        O.flush()
except SystemExit: pass
# What was on its way when the session ended.
for name in set(under_way + [os.path.join(s[1], s[2]) for s in stages.values()]): remove_tree(name)
`;
