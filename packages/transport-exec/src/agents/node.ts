/**
 * The node agent (10 and later), all of it synchronous. Names are strings with one character for each byte ("latin1"), so that
 * they need not be UTF-8. Folders below the root are opened component by component without following a link, and what is in them
 * is reached through `/proc/self/fd`, which is what openat does; where there is no /proc, every component is looked at instead.
 */
export const NODE_AGENT = String.raw`
"use strict";
const fs = require("fs"), crypto = require("crypto");
const C = fs.constants;
process.umask(0);
const B = (s) => Buffer.from(s, "latin1");
const stages = new Map();
// The folder of the last stage: what was on its way when the session ended is taken away.
let underWay;
process.on("exit", () => {
  for (const dir of new Set([underWay, ...[...stages.values()].map((s) => s.dir)])) if (dir !== undefined) try { removeTree(dir); } catch (e) { /* the next claim does it */ }
});
// The path that is being worked on, for messages.
let at = "";

// --- input and output ----------------------------------------------------------------------------------------------------

let buf = Buffer.alloc(0), pos = 0;
const block = Buffer.allocUnsafe(262144);
function fill() {
  for (;;) {
    try {
      const n = fs.readSync(0, block, 0, block.length, null);
      if (n === 0) return false;
      buf = pos === buf.length ? Buffer.from(block.subarray(0, n)) : Buffer.concat([buf.subarray(pos), block.subarray(0, n)]);
      pos = 0;
      return true;
    } catch (e) {
      if (e.code === "EOF") return false;
      if (e.code !== "EAGAIN" && e.code !== "EINTR") throw e;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
    }
  }
}
function readLine() {
  for (;;) {
    const end = buf.indexOf(10, pos);
    if (end !== -1) {
      const line = buf.toString("latin1", pos, end);
      pos = end + 1;
      return line;
    }
    if (!fill()) return undefined;
  }
}
function readExact(n) {
  if (buf.length - pos >= n) {
    pos += n;
    return buf.subarray(pos - n, pos);
  }
  const out = Buffer.allocUnsafe(n);
  let have = buf.copy(out, 0, pos);
  buf = Buffer.alloc(0);
  pos = 0;
  while (have < n) {
    if (!fill()) process.exit(0);
    const k = Math.min(n - have, buf.length - pos);
    buf.copy(out, have, pos, pos + k);
    have += k;
    pos += k;
  }
  return out;
}
let lines = [];
function say() { lines.push(Array.from(arguments).join(" ") + "\n"); if (lines.length > 500) flush(); }
function flush() {
  let out = B(lines.join(""));
  lines = [];
  while (out.length > 0) {
    try { out = out.subarray(fs.writeSync(1, out)); } catch (e) {
      if (e.code !== "EAGAIN") throw e;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
    }
  }
}
const esc = (p) => p.replace(/\\/g, "\\\\").replace(/\n/g, "\\n");
const word = (p) => esc(p).replace(/ /g, "\\s").replace(/\r/g, "\\r") || "-";
class Stop extends Error {
  constructor(kind, path, text) { super(text || ""); this.kind = kind; this.path = path || ""; }
}
function stopOf(e, path) {
  if (e instanceof Stop) return e;
  if (typeof e.code === "string" && e.code[0] === "E" && e.syscall) return new Stop(e.code, path || at, e.message.replace(/^[A-Z0-9]+: /, "").replace(/, .*/, ""));
  return new Stop("INTERNAL", path, String(e && e.stack || e).split("\n").slice(0, 3).join(" "));
}
function fail(id, e) { say("!", id, e.kind, word(e.path), Buffer.from(e.message).toString("latin1").replace(/\n/g, " ")); }

// --- where things are ----------------------------------------------------------------------------------------------------

const dirname = (p) => { const i = p.lastIndexOf("/"); return i < 0 ? "" : i === 0 ? "/" : p.slice(0, i); };
const basename = (p) => p.slice(p.lastIndexOf("/") + 1);
const join = (a, b) => (a === "/" ? "/" + b : a + "/" + b);
const lstat = (p) => { try { return fs.lstatSync(B(p)); } catch (e) { if (e.code === "ENOENT" || e.code === "ENOTDIR") return undefined; throw e; } };
const names = (p) => fs.readdirSync(B(p), { encoding: "latin1" });
function realOf(p) {
  if (p[0] !== "/") p = join(Buffer.from(process.cwd()).toString("latin1"), p);
  let rest = "";
  for (;;) {
    try { return fs.realpathSync.native(B(p), { encoding: "latin1" }) .replace(/\/$/, "") + rest || "/"; } catch (e) {
      if (e.code !== "ENOENT" && e.code !== "ENOTDIR") throw e;
      // A link that leads nowhere: what would be made is its target.
      let target;
      try { target = fs.readlinkSync(B(p), { encoding: "latin1" }); } catch (e2) { target = undefined; }
      if (target !== undefined) { p = target[0] === "/" ? target : join(dirname(p), target); continue; }
      rest = "/" + basename(p) + rest;
      p = dirname(p);
    }
  }
}
function mountPoints() {
  try {
    return fs.readFileSync("/proc/self/mountinfo", "latin1").split("\n").filter(Boolean).map((l) => l.split(" ")[4].replace(/\\([0-7]{3})/g, (_, o) => String.fromCharCode(parseInt(o, 8))));
  } catch (e) { return []; }
}
// May we write there? The kernel tells a missing right before it tells that the file system is read-only.
function access(dir, path) {
  try { fs.accessSync(B(dir), C.W_OK | C.X_OK); } catch (e) { throw e.code === "EACCES" && isReadOnly(realOf(dir)) ? new Stop("EROFS", path, "read-only file system") : new Stop(e.code, path, e.message); }
}
function isReadOnly(real) {
  let longest = "", ro = false;
  try {
    for (const l of fs.readFileSync("/proc/self/mountinfo", "latin1").split("\n")) {
      const w = l.split(" "), m = w[4];
      if (m === undefined || m.length < longest.length || !(m === real || real.startsWith(m === "/" ? m : m + "/"))) continue;
      longest = m;
      ro = /^ro(,|$)/.test(w[5]) || /^ro(,|$)/.test(w[w.length - 1]);
    }
  } catch (e) { return false; }
  return ro;
}
function states(real, key, inPlace) {
  const places = real === "/" ? ["/"] : [dirname(real), real];
  if (inPlace) places.push("/dev/shm", "/tmp");
  return places.map((p) => join(join(p, ".kinsync"), key));
}
function checkRoot(real, shape) { if (real === "/" && shape !== "file") throw new Stop("ROOT", real); }

// --- inventory -----------------------------------------------------------------------------------------------------------

let told = 0, tells = "", hashing = true;
function alive() {
  if (Date.now() - told < 2000) return;
  told = Date.now();
  say("+", tells, 0);
  flush();
}
function digestOf(p) {
  let fd;
  try { fd = fs.openSync(B(p), C.O_RDONLY | C.O_NOFOLLOW | C.O_NONBLOCK); } catch (e) { return "-"; }
  try {
    const h = crypto.createHash("sha256"), part = Buffer.allocUnsafe(65536);
    for (;;) {
      const n = fs.readSync(fd, part, 0, part.length, null);
      if (n === 0) return h.digest("hex");
      h.update(part.subarray(0, n));
      alive();
    }
  } finally { fs.closeSync(fd); }
}
function record(full, name, st) {
  say("s", st.mode.toString(16), st.size, esc(name));
  if (st.isFile() && hashing) say("h", digestOf(full), esc(name));
  else if (st.isSymbolicLink()) {
    let t = "";
    try { t = fs.readlinkSync(B(full), { encoding: "latin1" }); } catch (e) { t = ""; }
    say("t", esc(t));
  }
}
function walk(full, prefix) {
  let list;
  try { list = names(full); } catch (e) { return; }
  for (const n of list) {
    if (n === ".kinsync") continue;
    const f = join(full, n), st = lstat(f);
    if (!st) continue;
    record(f, prefix + n, st);
    if (st.isDirectory()) walk(f, prefix + n + "/");
  }
}
function inventory(id, a) {
  const [path, shape, key, inPlace, whole] = a;
  told = Date.now();
  tells = id;
  hashing = whole !== "types";
  const real = realOf(path);
  checkRoot(real, shape);
  const root = lstat(real), isDir = root !== undefined && root.isDirectory();
  say("r", isDir ? "d" : root === undefined && lstat(path) === undefined ? "m" : "o", esc(real));
  for (const d of states(real, key, inPlace === "1")) {
    let marker;
    try { marker = markerOf(d); } catch (e) { continue; }
    say("m", marker);
    try { for (const l of fs.readFileSync(B(d + "/manifest"), "latin1").split("\n")) if (l) say("p" + l); } catch (e) { /* none yet */ }
    break;
  }
  if (isDir && whole === "list") walk(real, "");
  else if (isDir) {
    const known = new Map([["", true]]);
    const isFolder = (d) => {
      let k = known.get(d);
      if (k === undefined) {
        k = isFolder(dirname(d));
        if (k) { const st = lstat(join(real, d)); k = st !== undefined && st.isDirectory(); }
        known.set(d, k);
      }
      return k;
    };
    for (const p of a.slice(5)) {
      if (!p || !isFolder(dirname(p))) continue;
      const f = join(real, p), st = lstat(f);
      if (st) record(f, p, st);
    }
  }
  say(".", id);
}

// --- claim ---------------------------------------------------------------------------------------------------------------

function removeTree(p) {
  let list = [];
  try { list = names(p); } catch (e) { list = []; }
  for (const n of list) {
    const f = join(p, n), st = lstat(f);
    if (!st) continue;
    if (st.isDirectory()) removeTree(f); else fs.unlinkSync(B(f));
  }
  try { fs.rmdirSync(B(p)); } catch (e) { /* not there */ }
}
function writeAll(fd, data) { for (let n = 0; n < data.length;) n += fs.writeSync(fd, data, n); }
function mkdirs(p) {
  const st = lstat(p);
  if (st && st.isDirectory()) return;
  if (st) throw new Stop("ENOTDIR", p, "is no folder");
  mkdirs(dirname(p));
  try { fs.mkdirSync(B(p), 0o755); } catch (e) { if (e.code !== "EEXIST") throw e; }
}
function makeState(d) {
  for (const p of [dirname(d), d]) {
    try { fs.mkdirSync(B(p), 0o711); } catch (e) { if (e.code !== "EEXIST") throw e; }
    if (!fs.lstatSync(B(p)).isDirectory()) throw new Stop("STATE", p, "is no folder");
  }
  fs.closeSync(fs.openSync(B(d + "/manifest"), C.O_WRONLY | C.O_CREAT | C.O_APPEND | C.O_NOFOLLOW, 0o600));
  fs.accessSync(B(d), C.W_OK | C.X_OK);
}
function putMarker(d, marker) {
  const temp = d + "/marker-" + crypto.randomBytes(6).toString("hex");
  try {
    const fd = fs.openSync(B(temp), C.O_WRONLY | C.O_CREAT | C.O_EXCL, 0o644);
    try { writeAll(fd, B(marker + "\n")); } finally { fs.closeSync(fd); }
    fs.renameSync(B(temp), B(d + "/marker"));
  } catch (e) {
    try { fs.unlinkSync(B(temp)); } catch (e2) { /* not there */ }
    throw e;
  }
}
function claim(id, a) {
  const [path, shape, key, inPlace, marker] = a;
  const real = realOf(path);
  at = real;
  checkRoot(real, shape);
  mkdirs(real);
  if (inPlace !== "1") access(real, real);
  const mounts = mountPoints();
  let found, why;
  for (const d of states(real, key, inPlace === "1")) {
    const outer = dirname(dirname(d));
    if (real !== "/" && outer === dirname(real) && (mounts.includes(real) || fs.statSync(B(outer)).dev !== fs.statSync(B(real)).dev)) continue;
    try { makeState(d); } catch (e) { why = stopOf(e, d); continue; }
    found = d;
    break;
  }
  if (found === undefined) throw why;
  for (const n of names(found)) {
    if (n.startsWith("stage-")) removeTree(join(found, n));
    else if (n.startsWith("marker-")) fs.unlinkSync(B(join(found, n)));
  }
  putMarker(found, marker);
  say("r", "d", esc(real));
  say("k", esc(found));
  for (const m of mounts.filter((m) => m.startsWith(real === "/" ? real : real + "/")).slice(0, 1000)) say("M", esc(m));
  say(".", id);
}

// --- stage ---------------------------------------------------------------------------------------------------------------

const ABORTED = new Stop("ABORTED");
class Segments {
  constructor(id) { this.id = id; this.data = B(""); this.at = 0; this.over = false; }
  next() {
    if (this.data.length > 0) { say("+", this.id, this.data.length); flush(); this.data = B(""); this.at = 0; }
    const line = readLine();
    if (line === undefined) process.exit(0);
    const w = line.split(" ");
    if (w[0] === "d") { this.data = readExact(w[1] * w[2]); return true; }
    this.over = true;
    if (w[0] !== "e") throw ABORTED;
    return false;
  }
  // Up to n bytes; fewer only at the end of a segment.
  take(n) {
    while (this.at === this.data.length) if (this.over || !this.next()) throw new Stop("SHORT", "", "the archive ended early");
    const part = this.data.subarray(this.at, this.at + n);
    this.at += part.length;
    return part;
  }
  exact(n) {
    const part = this.take(n);
    if (part.length === n) return part;
    const parts = [part];
    for (let have = part.length; have < n;) { const p = this.take(n - have); parts.push(p); have += p.length; }
    return Buffer.concat(parts);
  }
  drain() { while (!this.over) this.next(); }
}
function header(s) {
  for (;;) {
    const b = s.exact(512), kind = String.fromCharCode(b[156]);
    if (!"xgLK".includes(kind)) return kind;
    const n = parseInt(b.toString("latin1", 124, 136).replace(/[ \0].*$/, "") || "0", 8);
    s.exact(Math.ceil(n / 512) * 512);
  }
}
function stageFile(full, step, s) {
  const [, path, mode, size, digest] = step;
  const fd = fs.openSync(B(full), C.O_WRONLY | C.O_CREAT | C.O_EXCL, mode);
  try {
    const h = crypto.createHash("sha256");
    for (let left = size; left > 0;) {
      const part = s.take(left);
      left -= part.length;
      h.update(part);
      writeAll(fd, part);
    }
    if (h.digest("hex") !== digest) throw new Stop("DIGEST", path);
    if (mode & 0o7000) fs.fchmodSync(fd, mode);
  } finally { fs.closeSync(fd); }
  if (size % 512) s.exact(512 - (size % 512));
}
function unpack(steps, top, s) {
  for (const step of steps) {
    const [op, path, mode, , value] = step;
    if (op !== "f" && op !== "d" && op !== "l") continue;
    at = path;
    const full = top + "/" + path;
    const kind = header(s);
    if ((op === "f") !== (kind === "0" || kind === "\0") || (op === "d") !== (kind === "5")) throw new Stop("ORDER", path, "the archive does not go with the plan");
    const make = () => {
      if (op === "d") fs.mkdirSync(B(full), mode);
      else if (op === "l") fs.symlinkSync(B(value), B(full));
      else stageFile(full, step, s);
    };
    try { make(); } catch (e) {
      if (op === "d" && e.code === "EEXIST") { fs.chmodSync(B(full), mode); continue; }
      if (e.code !== "ENOENT") throw e;
      mkdirs(dirname(full));
      make();
    }
  }
}
function stage(id, a) {
  const [root, state, name, inPlace] = a;
  const steps = [];
  for (let i = 4; i + 5 < a.length; i += 6) steps.push([a[i], a[i + 1], parseInt(a[i + 2], 8), Number(a[i + 3]), a[i + 4], a[i + 5]]);
  const s = new Segments(id), dir = join(state, name), top = dir + "/t";
  let failed;
  try {
    at = state;
    underWay = dir;
    fs.mkdirSync(B(dir), 0o700);
    fs.mkdirSync(B(top), 0o700);
    unpack(steps, top, s);
    s.drain();
  } catch (e) { failed = stopOf(e); }
  if (failed === undefined) {
    stages.set(id, { root, state, dir, top, inPlace: inPlace === "1", steps });
    say(".", id);
    return;
  }
  // Told at once, so that the rest need not be sent; what is under way is read and dropped.
  try { removeTree(dir); } catch (e) { /* the next claim does it */ }
  fail(id, failed);
  flush();
  while (!s.over) { s.data = B(""); try { s.next(); } catch (e) { if (e !== ABORTED) throw e; } }
}

// --- commit --------------------------------------------------------------------------------------------------------------

const GONE = ["ENOENT", "ENOTDIR", "ELOOP"];
const hasProc = (() => { try { const fd = fs.openSync("/", C.O_RDONLY | C.O_DIRECTORY); try { fs.statSync("/proc/self/fd/" + fd + "/."); return true; } finally { fs.closeSync(fd); } } catch (e) { return false; } })();
class Folders {
  constructor(root) { this.root = root; this.names = []; this.fds = hasProc ? [fs.openSync(B(root), C.O_RDONLY | C.O_DIRECTORY | C.O_NOFOLLOW)] : []; }
  // A path that leads to the folder without going over any link.
  get(path) {
    const want = path === "" ? [] : path.split("/");
    if (!hasProc) {
      let p = this.root;
      for (const n of want) {
        p = join(p, n);
        if (!fs.lstatSync(B(p)).isDirectory()) throw Object.assign(new Error("is no folder"), { code: "ENOTDIR", syscall: "open" });
      }
      return p;
    }
    let same = 0;
    while (same < want.length && same < this.names.length && want[same] === this.names[same]) same++;
    this.cut(same);
    for (const n of want.slice(same)) {
      this.fds.push(fs.openSync(B("/proc/self/fd/" + this.fds[this.fds.length - 1] + "/" + n), C.O_RDONLY | C.O_DIRECTORY | C.O_NOFOLLOW));
      this.names.push(n);
    }
    return "/proc/self/fd/" + this.fds[this.fds.length - 1];
  }
  cut(n) { while (this.names.length > n) { this.names.pop(); fs.closeSync(this.fds.pop()); } }
  close() { this.cut(0); for (const fd of this.fds) fs.closeSync(fd); this.fds = []; }
}
function allDoomed(full, path, doomed) {
  for (const n of names(full)) {
    const p = path + "/" + n;
    if (!doomed.has(p)) return false;
    const st = lstat(join(full, n));
    if (st && st.isDirectory() && !allDoomed(join(full, n), p, doomed)) return false;
  }
  return true;
}
function precheck(steps, folders, inPlace) {
  const doomed = new Set(steps.filter((s) => s[0] === "x" || s[0] === "y").map((s) => s[1]));
  const writable = new Set();
  for (const [op, path, , , , flags] of steps) {
    if (flags[0] !== "m") continue;
    at = path;
    const parent = dirname(path);
    let dir;
    try { dir = folders.get(parent); } catch (e) {
      if (GONE.includes(e.code)) throw new Stop("CHANGED", path, "its folder is not there any more");
      throw e;
    }
    const full = join(dir, basename(path)), st = lstat(full);
    // Written in place, a file needs no right to its folder.
    if (!writable.has(parent) && !(inPlace && op === "f" && st && st.isFile())) { access(dir, path); writable.add(parent); }
    if (!st) continue;
    if (st.isDirectory()) {
      if (op === "d") throw new Stop("CHANGED", path, "a folder appeared there");
      if (flags[1] !== "d" || !allDoomed(full, path, doomed)) throw new Stop("FOREIGN", path, "a folder is there with what kinsync did not place");
    } else if (op === "d" && flags[1] !== "f" && flags[1] !== "l" && !st.isSymbolicLink()) throw new Stop("CHANGED", path, "a file appeared there");
  }
}
function copyBytes(src, fd) {
  const part = Buffer.allocUnsafe(262144), from = fs.openSync(B(src), C.O_RDONLY);
  try {
    let n = 0;
    for (;;) {
      const k = fs.readSync(from, part, 0, part.length, null);
      if (k === 0) return n;
      writeAll(fd, part.subarray(0, k));
      n += k;
    }
  } finally { fs.closeSync(from); }
}
function copyOver(src, full) {
  const fd = fs.openSync(B(full), C.O_WRONLY | C.O_NOFOLLOW);
  try { fs.ftruncateSync(fd, copyBytes(src, fd)); } finally { fs.closeSync(fd); }
}
function copyTree(src, full) {
  const st = fs.lstatSync(B(src));
  if (st.isSymbolicLink()) fs.symlinkSync(fs.readlinkSync(B(src), { encoding: "buffer" }), B(full));
  else if (st.isDirectory()) {
    fs.mkdirSync(B(full), 0o700);
    for (const n of names(src)) copyTree(join(src, n), join(full, n));
    fs.chmodSync(B(full), st.mode & 0o7777);
  } else {
    const fd = fs.openSync(B(full), C.O_WRONLY | C.O_CREAT | C.O_EXCL, st.mode & 0o7777);
    try { copyBytes(src, fd); fs.futimesSync(fd, st.mtimeMs / 1000, st.mtimeMs / 1000); } finally { fs.closeSync(fd); }
  }
}
function place(op, src, full, path, inPlace) {
  try { fs.renameSync(B(src), B(full)); return; } catch (e) {
    if (op === "f" && inPlace && lstat(full)) return copyOver(src, full);
    if (e.code === "EBUSY" || e.code === "ETXTBSY") throw new Stop("MOUNTED", path, e.code);
    if (e.code !== "EXDEV") throw e;
  }
  // Another mount below the root: a copy beside the place, then the rename.
  const temp = join(dirname(full), ".kinsync-" + crypto.randomBytes(6).toString("hex"));
  try { copyTree(src, temp); fs.renameSync(B(temp), B(full)); } catch (e) {
    try { const st = lstat(temp); if (st && st.isDirectory()) removeTree(temp); else if (st) fs.unlinkSync(B(temp)); } catch (e2) { /* told below */ }
    if (e.code === "EBUSY" || e.code === "ETXTBSY") throw new Stop("MOUNTED", path, e.code);
    throw e;
  }
}
function moveIn(step, top, folders, inPlace) {
  const [op, path, mode, size] = step;
  const full = join(folders.get(dirname(path)), basename(path)), src = top + "/" + path, old = lstat(full);
  if (old && old.isDirectory()) fs.rmdirSync(B(full));
  else if (old && op === "d") fs.unlinkSync(B(full));
  else if (old && op === "f" && old.isFile()) {
    const now = fs.lstatSync(B(src));
    if (process.geteuid() === 0 && (old.uid !== now.uid || old.gid !== now.gid)) { fs.chownSync(B(src), old.uid, old.gid); fs.chmodSync(B(src), mode); }
    if (old.size === size && now.mtimeMs < old.mtimeMs + 1000) { const t = Math.ceil(old.mtimeMs / 1000) + 1; fs.utimesSync(B(src), t, t); }
  }
  place(op, src, full, path, inPlace);
}
function carryOut(step, top, folders, inPlace) {
  const [op, path, mode, , , flags] = step;
  if (op === "f" || op === "d" || op === "l") { if (flags[0] === "m") moveIn(step, top, folders, inPlace); return; }
  try {
    const full = join(folders.get(dirname(path)), basename(path)), st = lstat(full);
    if (!st) return;
    if (op === "x" && !st.isDirectory()) fs.unlinkSync(B(full));
    else if (op === "y" && st.isDirectory()) fs.rmdirSync(B(full));
    else if (op === "c" && !st.isSymbolicLink() && (st.mode & 0o7777) !== mode) fs.chmodSync(B(full), mode);
  } catch (e) {
    // Gone already, no folder any more, or a folder with something in it: no failure.
    if (op === "y" && (e.code === "ENOTEMPTY" || e.code === "EEXIST")) return;
    if (!GONE.includes(e.code)) throw e;
  }
}
function append(path, data) {
  if (data === "") return;
  const fd = fs.openSync(B(path), C.O_WRONLY | C.O_APPEND | C.O_CREAT | C.O_NOFOLLOW, 0o600);
  try { writeAll(fd, B(data)); } finally { fs.closeSync(fd); }
}
// A journal that grew long gives way to what it comes to. Where that fails, it stays long.
function compact(path, temp, data) {
  if (data === "") return;
  try { append(temp, data); fs.renameSync(B(temp), B(path)); } catch (e) { /* as it was */ }
}
function ownerCheck(state, needle) {
  let present;
  try { present = markerOf(state); } catch (e) { throw new Stop("STATE", state, "the state directory was removed in the container"); }
  if (!present.includes(needle)) throw new Stop("TAKEN", state, B(present).toString("utf8"));
}
// JSON in more than one line; blanks at its end.
function markerOf(state) { return fs.readFileSync(B(state + "/marker"), "latin1").slice(0, 65536).replace(/\n/g, " ").trimEnd(); }
function commit(id, a) {
  const [stageId, needle, marker, placed, unplaced, compacted] = a;
  const staged = stages.get(stageId);
  if (staged === undefined) throw new Stop("UNSTAGED");
  stages.delete(stageId);
  const { root, state, dir, top, inPlace, steps } = staged;
  try {
    at = state;
    ownerCheck(state, needle);
    const folders = new Folders(root);
    try {
      precheck(steps, folders, inPlace);
      at = state;
      compact(state + "/manifest", dir + "/journal", compacted);
      append(state + "/manifest", placed);
      told = Date.now();
      tells = id;
      for (const step of steps) { at = step[1]; alive(); carryOut(step, top, folders, inPlace); }
    } finally { folders.close(); }
    at = state;
    append(state + "/manifest", unplaced);
    // A run that took the root over meanwhile keeps it.
    ownerCheck(state, needle);
    putMarker(state, marker);
    say(".", id, steps.length);
    flush();
  } finally { try { removeTree(dir); } catch (e) { /* the next claim does it */ } }
}
function discard(id, a) {
  const dir = join(a[0], a[1]);
  for (const [key, staged] of stages) if (staged.dir === dir) stages.delete(key);
  removeTree(dir);
  say(".", id);
}

// --- start ---------------------------------------------------------------------------------------------------------------

function incarnation() {
  try {
    for (const l of fs.readFileSync("/proc/self/mountinfo", "latin1").split("\n")) { const w = l.split(" "); if (w[4] === "/dev/termination-log") return w[3]; }
    const boot = fs.readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim(), stat = fs.readFileSync("/proc/1/stat", "latin1");
    return boot + ":" + stat.slice(stat.lastIndexOf(") ") + 2).split(" ")[19];
  } catch (e) { return "-"; }
}
say("kinsync", 1, "node", process.getuid(), word(incarnation()), word(Buffer.from(process.cwd()).toString("latin1")));
flush();
function ping(id, a) {
  if (a.length > 1) ownerCheck(a[0], a[1]);
  say(".", id);
}
const ops = { ping, inventory, claim, stage, commit, discard };
for (;;) {
  const line = readLine();
  if (line === undefined) process.exit(0);
  const w = line.split(" ");
  const payload = readExact(Number(w[2])).toString("latin1");
  at = "";
  try { ops[w[0]](w[1], payload.split("\0")); } catch (e) { fail(w[1], stopOf(e)); }
  flush();
}
`;
