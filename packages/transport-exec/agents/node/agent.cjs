// The node agent (10 and later). The protocol: docs/reference/agent-protocol.md.
// It has more than 300 lines because a container receives it as one text: it can import nothing.
//
// The program that starts it defines, in front of this text:
//   SESSION_TOKEN  begins every line of this program; no other program of the container knows it
//   IDLE_SECONDS   the agent ends when nothing arrived for so long
//   incarnation and mountLines, of incarnation.cjs
//
// Names are strings with one character for each byte ("latin1"), so that they need not be UTF-8. Folders below the root are opened
// component by component without following a link, and what is in them is reached through /proc/self/fd, which is what openat does;
// where there is no /proc, every component is checked instead. Only the wait for input is asynchronous. The agent starts no process.
"use strict";
const fs = require("fs");
const crypto = require("crypto");
const zlib = require("zlib");
const FLAGS = fs.constants;
const OPEN_FOLDER = FLAGS.O_RDONLY | FLAGS.O_DIRECTORY | FLAGS.O_NOFOLLOW;
const NEW_FILE = FLAGS.O_WRONLY | FLAGS.O_CREAT | FLAGS.O_EXCL;
const READ_BYTES = 262144;
const MAX_MOUNTS = 1000;
// Members of a batch whose files are all staged under numbers.
const MAX_NUMBERED = 1000;
// A file of this size is kept where its transfer breaks.
const KEPT_BYTES = 4194304;
const MAX_WAITING_LINES = 500;
const LIFE_SIGN_MS = 2000;
/** Containers that commit at the same moment may share processors: their changes come first, then what follows each. */
const JOINT_MS = 10;
// A link or folder in the way of an opened path: what was there is gone.
const GONE = ["ENOENT", "ENOTDIR", "ELOOP"];
// The file system or the user cannot have this mode, owner or time. The bytes are right, so it is a note and no failure.
const METADATA_REFUSALS = ["EPERM", "EACCES", "EROFS", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EINVAL"];
// What the rename of a folder fails with where a file system renames files only, as those over object stores do.
const FOLDER_RENAME_REFUSALS = "EMFILE ENOSYS ENOTSUP EOPNOTSUPP ENOTEMPTY EEXIST EINVAL EPERM".split(" ");
const ANY_EXECUTE = 0o111;

process.umask(0);
const bytesOf = (text) => Buffer.from(text, "latin1");
// Staged batches by the ID of their request, and the folder of the newest one, which may be half done.
const stagedBatches = new Map();
let newestStage;
// The batch that is being staged.
let newestBatch;
// The one whose archive waits while other requests are answered.
let pausedBatch;
// Root and state folder by the ID of the claim.
const claims = new Map();
// By state folder: how the names of kept files of this run begin.
const keptPrefixes = new Map();
// The request that is being answered, the path that it is at, and when a line was last written.
const progress = { id: "", path: "", spokeAt: 0 };

// --- input and output ---------------------------------------------------------------------------------------------------

function removeUnfinished() {
  for (const folder of new Set([newestStage, ...openBatches().map((batch) => batch.folder)])) {
    if (folder === undefined) continue;
    try {
      removeTree(folder);
    } catch {
      // The next claim removes it.
    }
  }
}

// A read that waits cannot be cancelled, and an ordinary exit would wait for it.
function endWhileWaiting() {
  removeUnfinished();
  process.kill(process.pid, "SIGKILL");
}

// No later session of the run will continue.
function endWithoutSession() {
  for (const [state, prefix] of keptPrefixes) removeKept(state, prefix);
  endWhileWaiting();
}

// A later session of the run ends this one by a signal. At any other time, that ends the process at once: nothing changes behind the
// back of that session.
function endForLaterSession() {
  keepLargeFiles();
  endWhileWaiting();
}

// The input or the output ended. The next session of the run ends this process, and continues with what arrived of large files.
function waitForLaterSession() {
  const isKept = [...keptPrefixes].some(([state, prefix]) => keptFiles(state, prefix).length > 0);
  if (!isKept && !openBatches().some((batch) => batch.large.size > 0)) {
    removeUnfinished();
    process.exit(0);
  }
  process.on("SIGTERM", endForLaterSession);
  setTimeout(endWithoutSession, IDLE_SECONDS * 1000);
  return new Promise(() => {});
}

let input = Buffer.alloc(0);
let position = 0;

function readInput(buffer) {
  return new Promise((resolve) => {
    const timer = setTimeout(endWithoutSession, IDLE_SECONDS * 1000);
    const read = () =>
      fs.read(0, buffer, 0, buffer.length, null, (error, count) => {
        if (error && (error.code === "EAGAIN" || error.code === "EINTR")) {
          setTimeout(read, 2);
          return;
        }
        clearTimeout(timer);
        resolve(error ? 0 : count);
      });
    read();
  });
}

// Reads into a buffer that has room. No bytes, or a failure, is the end of the input.
async function readSome(buffer) {
  const count = await readInput(buffer);
  if (count === 0) await waitForLaterSession();
  return count;
}

const block = Buffer.allocUnsafe(READ_BYTES);
async function fill() {
  const count = await readSome(block);
  const data = block.subarray(0, count);
  input = position === input.length ? Buffer.from(data) : Buffer.concat([input.subarray(position), data]);
  position = 0;
}

async function readLine() {
  for (;;) {
    const end = input.indexOf(10, position);
    if (end !== -1) {
      const line = input.toString("latin1", position, end);
      position = end + 1;
      return line;
    }
    await fill();
  }
}

// Into a buffer that is at least so large, if one is given: what is left behind for the collector can be more than the container has.
async function readExact(size, buffer) {
  if (input.length - position >= size) {
    position += size;
    return input.subarray(position - size, position);
  }
  const result = buffer === undefined ? Buffer.allocUnsafe(size) : buffer.subarray(0, size);
  let have = input.copy(result, 0, position);
  position = input.length;
  while (have < size) have += await readSome(result.subarray(have));
  return result;
}

let waitingLines = [];

function send(mark, ...words) {
  waitingLines.push(SESSION_TOKEN + mark + " " + words.join(" ") + "\n");
  if (waitingLines.length > MAX_WAITING_LINES) flush();
}

const sendRecord = (...words) => send("-", ...words);

function flush() {
  let data = bytesOf(waitingLines.join(""));
  waitingLines = [];
  while (data.length > 0) {
    try {
      data = data.subarray(fs.writeSync(1, data));
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
    }
  }
}

const ESCAPES = { "\\": "\\\\", "\n": "\\n", "\r": "\\r" };
const escape = (text) => text.replace(/[\\\n\r]/g, (character) => ESCAPES[character]);
const escapeWord = (text) => escape(text).replace(/ /g, "\\s") || "-";
const oneLine = (text) => text.replace(/[\n\r]/g, " ");

// Why a request failed: an errno name or a name of the protocol, the path, and a text for people.
class Failure extends Error {
  constructor(kind, path, text) {
    super(text || "");
    this.kind = kind;
    this.path = path || "";
  }
}

const reasonOf = (error) => error.message.replace(/^[A-Z0-9]+: /, "").replace(/, .*/s, "");

function failureOf(error, path) {
  if (error instanceof Failure) return error;
  if (typeof error.code === "string" && error.code[0] === "E" && error.syscall) {
    return new Failure(error.code, path || progress.path, reasonOf(error));
  }
  return new Failure(
    "INTERNAL",
    path,
    String((error && error.stack) || error)
      .split("\n")
      .slice(0, 3)
      .join(" "),
  );
}

function sendFailure(id, failure) {
  send("!", id, failure.kind, escapeWord(failure.path), oneLine(Buffer.from(failure.message).toString("latin1")));
}

const done = (id, ...words) => send(".", id, ...words);

function lifeSign() {
  if (Date.now() - progress.spokeAt < LIFE_SIGN_MS) return;
  progress.spokeAt = Date.now();
  send("+", progress.id, 0);
  flush();
}

const sendNote = (what, path, text) => send("~", progress.id, what, escapeWord(path), oneLine(text));

// Changes a mode, an owner or a time. Where that is refused, it is a note.
function metadata(what, path, change) {
  try {
    change();
  } catch (error) {
    if (!METADATA_REFUSALS.includes(error.code)) throw error;
    sendNote(what, path, reasonOf(error));
  }
}

// --- places -------------------------------------------------------------------------------------------------------------

function dirname(path) {
  const end = path.lastIndexOf("/");
  return end < 0 ? "" : end === 0 ? "/" : path.slice(0, end);
}

const basename = (path) => path.slice(path.lastIndexOf("/") + 1);
const join = (folder, name) => (folder === "/" ? "/" + name : folder + "/" + name);
const listNames = (path) => fs.readdirSync(bytesOf(path), { encoding: "latin1" });
const readLink = (path) => fs.readlinkSync(bytesOf(path), { encoding: "latin1" });

function statusOf(path) {
  try {
    return fs.lstatSync(bytesOf(path));
  } catch (error) {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    throw error;
  }
}

function isFolder(path) {
  const status = statusOf(path);
  return status !== undefined && status.isDirectory();
}

// The path without links. What does not exist yet stays as it is.
function realPath(path) {
  if (path[0] !== "/") path = join(Buffer.from(process.cwd()).toString("latin1"), path);
  let rest = "";
  for (;;) {
    try {
      return fs.realpathSync.native(bytesOf(path), { encoding: "latin1" }).replace(/\/$/, "") + rest || "/";
    } catch (error) {
      if (error.code !== "ENOENT" && error.code !== "ENOTDIR") throw error;
      let target;
      try {
        target = readLink(path);
      } catch {
        target = undefined;
      }
      // A link that leads nowhere: what would be created is its target.
      if (target !== undefined) path = target[0] === "/" ? target : join(dirname(path), target);
      else {
        rest = "/" + basename(path) + rest;
        path = dirname(path);
      }
    }
  }
}

const unescapeMount = (text) => text.replace(/\\([0-7]{3})/g, (_, digits) => String.fromCharCode(parseInt(digits, 8)));
const mountPoints = () => mountLines().map((words) => unescapeMount(words[4]));

function mountsBelow(root) {
  const prefix = root === "/" ? root : root + "/";
  return mountPoints()
    .filter((point) => point.startsWith(prefix))
    .slice(0, MAX_MOUNTS);
}

function isReadOnly(path) {
  let longest = "";
  let result = false;
  for (const words of mountLines()) {
    const point = unescapeMount(words[4]);
    const holds = point === path || path.startsWith(point === "/" ? point : point + "/");
    if (!holds || point.length < longest.length) continue;
    longest = point;
    result = /^ro(,|$)/.test(words[5]) || /^ro(,|$)/.test(words[words.length - 1]);
  }
  return result;
}

// The kernel reports a missing right before it reports that the file system is read-only.
function refuseUnwritable(folder, path) {
  try {
    fs.accessSync(bytesOf(folder), FLAGS.W_OK | FLAGS.X_OK);
  } catch (error) {
    const isRefused = error.code === "EACCES" && isReadOnly(realPath(folder));
    throw isRefused
      ? new Failure("EROFS", path, "read-only file system")
      : new Failure(error.code, path, reasonOf(error));
  }
}

// Where the state directory of a mapping may be: beside the root, in it, and elsewhere if the root may be read-only.
function stateFolders(root, key, inPlace) {
  const holders = root === "/" ? ["/"] : [dirname(root), root];
  if (inPlace) holders.push("/dev/shm", "/tmp");
  return holders.map((holder) => join(join(holder, ".kinsync"), key));
}

// File systems that hold no files of anybody.
const KERNEL_TYPES =
  "proc sysfs cgroup cgroup2 devtmpfs devpts mqueue securityfs debugfs tracefs bpf configfs pstore efivarfs fusectl binfmt_misc".split(
    " ",
  );

// Refuses the root folder, a folder in a file system of the kernel, and the root of a whole system, such as that of the node.
function refuseSystem(root, shape) {
  if (root === "/" && shape !== "file") throw new Failure("ROOT", root);
  let holder = "";
  let holderType = "";
  for (const words of mountLines()) {
    const point = unescapeMount(words[4]);
    const type = words[words.indexOf("-", 6) + 1];
    const isOfSystem = point === root + "/proc" || point === root + "/sys";
    if (root !== "/" && shape !== "file" && isOfSystem && KERNEL_TYPES.includes(type)) {
      throw new Failure(
        "SYSTEM",
        root,
        point + " is a file system of the kernel, so the folder is the root of a whole system",
      );
    }
    // The root lies in the mount with the longest path, and of equal ones in the last.
    if ((root + "/").startsWith(point.replace(/\/$/, "") + "/") && point.length >= holder.length) {
      holder = point;
      holderType = type;
    }
  }
  if (KERNEL_TYPES.includes(holderType)) {
    throw new Failure("SYSTEM", root, "it lies in " + holder + ", a file system of the kernel");
  }
}

// --- inventory ----------------------------------------------------------------------------------------------------------

function digestOf(path) {
  let descriptor;
  try {
    descriptor = fs.openSync(bytesOf(path), FLAGS.O_RDONLY | FLAGS.O_NOFOLLOW | FLAGS.O_NONBLOCK);
  } catch {
    return "-";
  }
  try {
    const digest = crypto.createHash("sha256");
    const part = Buffer.allocUnsafe(65536);
    for (;;) {
      const count = fs.readSync(descriptor, part, 0, part.length, null);
      if (count === 0) return digest.digest("hex");
      digest.update(part.subarray(0, count));
      lifeSign();
    }
  } catch {
    return "-";
  } finally {
    fs.closeSync(descriptor);
  }
}

function describe(full, name, status, withDigest) {
  sendRecord("s", status.mode.toString(16), status.size, escape(name));
  if (status.isFile() && withDigest) sendRecord("h", digestOf(full), escape(name));
  else if (status.isSymbolicLink()) {
    let target = "";
    try {
      target = readLink(full);
    } catch {
      target = "";
    }
    sendRecord("t", escape(target));
  }
  lifeSign();
}

// Everything below a folder, without other file systems: what is mounted below the root belongs to others.
function walk(root, device, mounts) {
  const pending = [[root, ""]];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [folder, prefix] = next;
    let names;
    try {
      names = listNames(folder);
    } catch {
      continue;
    }
    for (const name of names) {
      const full = join(folder, name);
      if (name === ".kinsync" || mounts.has(full)) continue;
      const status = statusOf(full);
      if (status === undefined) continue;
      if (status.isDirectory() && status.dev !== device) {
        sendRecord("M", escape(full));
        continue;
      }
      describe(full, prefix + name, status, true);
      if (status.isDirectory()) pending.push([full, prefix + name + "/"]);
    }
  }
}

// The requested paths. A path below a link is not part of the root.
function lookUp(root, paths, withDigests) {
  const folders = new Map([
    ["", true],
    ["/", false],
  ]);
  const isFolderBelow = (path) => {
    const unknown = [];
    for (; !folders.has(path); path = dirname(path)) unknown.push(path);
    let known = folders.get(path);
    while (unknown.length > 0) {
      const folder = unknown.pop();
      if (known) known = isFolder(join(root, folder));
      folders.set(folder, known);
    }
    return known;
  };
  for (const path of paths) {
    if (!path || !isFolderBelow(dirname(path))) continue;
    const full = join(root, path);
    const status = statusOf(full);
    if (status !== undefined) describe(full, path, status, withDigests);
  }
}

// The marker is JSON in two lines, with blanks at its end.
function readMarker(state) {
  return oneLine(fs.readFileSync(bytesOf(state + "/marker"), "latin1").slice(0, 65536)).trimEnd();
}

function sendState(root, key, inPlace) {
  for (const state of stateFolders(root, key, inPlace)) {
    let marker;
    try {
      marker = readMarker(state);
    } catch {
      continue;
    }
    sendRecord("m", marker);
    try {
      const lines = fs.readFileSync(bytesOf(state + "/manifest"), "latin1").split("\n");
      for (const line of lines) if (line) sendRecord("p" + line);
    } catch {
      // There is none yet.
    }
    return;
  }
}

/** Whether a folder holds nothing but the state directory. False where it cannot be read. */
function isEmpty(folder) {
  let entries;
  try {
    entries = fs.opendirSync(bytesOf(folder), { encoding: "latin1" });
    for (let entry = entries.readSync(); entry !== null; entry = entries.readSync()) {
      if (entry.name !== ".kinsync") return false;
    }
    return true;
  } catch {
    return false;
  } finally {
    if (entries !== undefined) entries.closeSync();
  }
}

function inventory(id, fields) {
  const [path, shape, key, inPlace, depth, ...paths] = fields;
  const root = realPath(path);
  refuseSystem(root, shape);
  const status = statusOf(root);
  const isDirectory = status !== undefined && status.isDirectory();
  const isMissing = status === undefined && statusOf(path) === undefined;
  sendRecord("r", isDirectory ? "d" : isMissing ? "m" : "o", escape(root));
  sendState(root, key, inPlace === "1");
  if (isDirectory) {
    const mounts = mountsBelow(root);
    for (const point of mounts) sendRecord("M", escape(point));
    if (depth !== "list" && paths.length === 0 && isEmpty(root)) sendRecord("E");
    if (depth === "list") walk(root, status.dev, new Set(mounts));
    else lookUp(root, paths, depth !== "types");
  }
  done(id);
}

// --- claim --------------------------------------------------------------------------------------------------------------

function removeTree(path) {
  let names = [];
  try {
    names = listNames(path);
  } catch {
    names = [];
  }
  for (const name of names) {
    const full = join(path, name);
    const status = statusOf(full);
    if (status === undefined) continue;
    if (status.isDirectory()) removeTree(full);
    else fs.unlinkSync(bytesOf(full));
  }
  try {
    fs.rmdirSync(bytesOf(path));
  } catch {
    // It is not there.
  }
}

function writeAll(descriptor, data) {
  for (let count = 0; count < data.length;) count += fs.writeSync(descriptor, data, count);
}

function writeNewFile(path, text, mode) {
  const descriptor = fs.openSync(bytesOf(path), NEW_FILE | FLAGS.O_NOFOLLOW, mode);
  try {
    writeAll(descriptor, bytesOf(text));
  } finally {
    fs.closeSync(descriptor);
  }
}

function makeFolders(path) {
  const status = statusOf(path);
  if (status !== undefined && status.isDirectory()) return;
  if (status !== undefined) throw new Failure("ENOTDIR", path, "is not a folder");
  makeFolders(dirname(path));
  try {
    fs.mkdirSync(bytesOf(path), 0o755);
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
  }
}

function makeStateFolder(state) {
  for (const path of [dirname(state), state]) {
    try {
      fs.mkdirSync(bytesOf(path), 0o711);
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    if (!fs.lstatSync(bytesOf(path)).isDirectory()) throw new Failure("STATE", path, "is not a folder");
  }
  const flags = FLAGS.O_WRONLY | FLAGS.O_CREAT | FLAGS.O_APPEND | FLAGS.O_NOFOLLOW;
  fs.closeSync(fs.openSync(bytesOf(state + "/manifest"), flags, 0o600));
  fs.accessSync(bytesOf(state), FLAGS.W_OK | FLAGS.X_OK);
}

function tryUnlink(path) {
  try {
    fs.unlinkSync(bytesOf(path));
  } catch {
    // It is not there.
  }
}

function writeMarker(state, marker) {
  const temporary = state + "/marker-" + process.pid + "-" + progress.id;
  try {
    tryUnlink(temporary);
    writeNewFile(temporary, marker + "\n", 0o644);
    fs.renameSync(bytesOf(temporary), bytesOf(state + "/marker"));
  } catch (error) {
    tryUnlink(temporary);
    throw error;
  }
}

function findStateFolder(root, key, inPlace) {
  const mounts = mountPoints();
  let why;
  for (const state of stateFolders(root, key, inPlace)) {
    const holder = dirname(dirname(state));
    if (root !== "/" && holder === dirname(root)) {
      // Beside the root only if it is the same file system: a rename must be possible.
      if (mounts.includes(root) || fs.statSync(bytesOf(holder)).dev !== fs.statSync(bytesOf(root)).dev) continue;
    }
    try {
      makeStateFolder(state);
      return state;
    } catch (error) {
      why = failureOf(error, state);
    }
  }
  throw why;
}

function claim(id, fields) {
  const [path, shape, key, inPlace, marker, run] = fields;
  const root = realPath(path);
  progress.path = root;
  refuseSystem(root, shape);
  makeFolders(root);
  if (inPlace !== "1") refuseUnwritable(root, root);
  const state = findStateFolder(root, key, inPlace === "1");
  for (const name of listNames(state)) {
    if (name.startsWith("stage-")) removeTree(join(state, name));
    else if (name.startsWith("marker-")) tryUnlink(join(state, name));
  }
  writeMarker(state, marker);
  claims.set(id, { root, state });
  sendRecord("r", "d", escape(root));
  sendRecord("k", escape(state));
  const prefix = "part-" + run + "-";
  keptPrefixes.set(state, prefix);
  for (const name of listNames(state)) {
    if (name.startsWith(prefix)) sendRecord("P", escape(name.slice(prefix.length)));
    else if (name.startsWith("part-")) tryUnlink(join(state, name));
  }
  for (const point of mountsBelow(root)) sendRecord("M", escape(point));
  done(id);
}

// --- stage --------------------------------------------------------------------------------------------------------------

// kinsync gave the batch up.
const ABORTED = new Failure("ABORTED");

function decompress(data, size, encoding = "gzip") {
  const decode = encoding === "brotli" ? zlib.brotliDecompressSync : zlib.gunzipSync;
  let plain;
  try {
    plain = decode(data, { maxOutputLength: Math.max(size, 1) });
  } catch (error) {
    throw new Failure("UNZIP", progress.path, error.message);
  }
  if (plain.length !== size) throw new Failure("UNZIP", progress.path, `${plain.length} bytes instead of ${size}`);
  return plain;
}

// The archive in segments: `d SIZE COUNT` and that many bytes, or `z SIZE BYTES` and SIZE bytes that gzip made of BYTES (with the word
// `brotli` at the end, brotli); then `e` for its end or `a` for an abort. Between two segments, `w` precedes other requests, and `g` follows them.
class Segments {
  constructor(id) {
    this.id = id;
    this.data = Buffer.alloc(0);
    this.position = 0;
    this.isOver = false;
    this.buffer = Buffer.alloc(0);
  }

  async next() {
    if (this.data.length > 0) {
      send("+", this.id, this.data.length);
      flush();
      this.data = Buffer.alloc(0);
      this.position = 0;
    }
    let words = (await readLine()).split(" ");
    while (words[0] === "w") {
      await answerOthers();
      words = (await readLine()).split(" ");
    }
    if (words[0] === "d") {
      const size = words[1] * words[2];
      if (this.buffer.length < size) this.buffer = Buffer.allocUnsafe(size);
      this.data = await readExact(size, this.buffer);
      return true;
    }
    if (words[0] === "z") {
      this.data = decompress(await readExact(Number(words[1])), Number(words[2]), words[3]);
      return true;
    }
    this.isOver = true;
    if (words[0] !== "e") throw ABORTED;
    return false;
  }

  // Up to `size` bytes; fewer only at the end of a segment. They are valid until the next segment.
  async take(size) {
    while (this.position === this.data.length) {
      if (this.isOver || !(await this.next())) throw new Failure("SHORT", "", "the archive ended early");
    }
    const part = this.data.subarray(this.position, this.position + size);
    this.position += part.length;
    return part;
  }

  async exact(size) {
    const parts = [];
    for (let have = 0; have < size;) {
      const part = await this.take(size - have);
      have += part.length;
      if (have === size && parts.length === 0) return part;
      parts.push(Buffer.from(part));
    }
    return Buffer.concat(parts);
  }

  async drain() {
    while (!this.isOver) await this.next();
  }
}

async function writeWhole(descriptor, member, segments) {
  const digest = crypto.createHash("sha256");
  for (let left = member.size; left > 0;) {
    const part = await segments.take(left);
    left -= part.length;
    digest.update(part);
    writeAll(descriptor, part);
  }
  if (digest.digest("hex") !== member.value) throw new Failure("DIGEST", member.path);
}

async function stageFile(full, member, batch, segments) {
  const descriptor = fs.openSync(bytesOf(full), NEW_FILE, member.mode);
  try {
    if (member.kind === "p") await writePatched(descriptor, member, batch, segments);
    else await writeWhole(descriptor, member, segments);
    if (member.mode & 0o7000) metadata("mode", member.path, () => fs.fchmodSync(descriptor, member.mode));
  } finally {
    fs.closeSync(descriptor);
  }
  if (member.size % 512) await segments.exact(512 - (member.size % 512));
}

// Type of the next member. Headers that only describe another member are skipped: the request has the names.
async function readMemberType(segments) {
  for (;;) {
    const header = await segments.exact(512);
    const kind = String.fromCharCode(header[156]);
    if (!"xgLK".includes(kind)) return kind;
    const size = parseInt(header.toString("latin1", 124, 136).replace(/[ \0].*$/, "") || "0", 8);
    await segments.exact(Math.ceil(size / 512) * 512);
  }
}

async function stageMember(full, member, batch, segments) {
  if (member.kind === "l") fs.symlinkSync(bytesOf(member.value), bytesOf(full));
  else if (member.kind === "f" || member.kind === "p") await stageFile(full, member, batch, segments);
  else {
    try {
      fs.mkdirSync(bytesOf(full), member.mode);
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
      fs.chmodSync(bytesOf(full), member.mode);
    }
  }
}

const TAR_TYPES = { f: ["0", "\0"], p: ["0", "\0"], d: ["5"], l: ["2"] };

// --- stage: changed blocks ----------------------------------------------------------------------------------------------

// Blocks of a signature in one record.
const RECORD_BLOCKS = 256;
// Blocks whose sums are reported at most: the file that is there may be much larger than the new one.
const MAX_BLOCKS = 8192;
const PART_HEADER_BYTES = 40;
const ADLER_MODULUS = 65521;
// Bytes that can be added before a sum exceeds 32 bits.
const ADLER_RUN_BYTES = 5552;

function adler32(bytes) {
  let low = 1;
  let high = 0;
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(at + ADLER_RUN_BYTES, bytes.length);
    for (; at < end; at += 1) {
      low += bytes[at];
      high += low;
    }
    low %= ADLER_MODULUS;
    high %= ADLER_MODULUS;
  }
  return high * 65536 + low;
}

// A regular file below a folder, opened without following a link; `undefined` where there is none that can be read.
function openFile(root, path) {
  if (path === "") return undefined;
  try {
    const folders = new Folders(root);
    try {
      const flags = FLAGS.O_RDONLY | FLAGS.O_NOFOLLOW | FLAGS.O_NONBLOCK;
      const name = path.slice(path.lastIndexOf("/") + 1);
      const descriptor = fs.openSync(bytesOf(folders.open(dirname(path)) + "/" + name), flags);
      if (fs.fstatSync(descriptor).isFile()) return descriptor;
      fs.closeSync(descriptor);
      return undefined;
    } finally {
      folders.close();
    }
  } catch {
    return undefined;
  }
}

// Bytes of a file from an offset; fewer than the buffer holds only where the file ends, or cannot be read.
function readAt(descriptor, buffer, offset) {
  let filled = 0;
  while (filled < buffer.length) {
    let count = 0;
    try {
      count = fs.readSync(descriptor, buffer, filled, buffer.length - filled, offset + filled);
    } catch {
      break;
    }
    if (count === 0) break;
    filled += count;
  }
  return filled;
}

// Two sums of each whole block of a file, until one cannot be read. A file that is not there has none.
function sendSums(mark, descriptor, size) {
  if (descriptor === undefined) return;
  const bytes = Buffer.allocUnsafe(size);
  let sums = [];
  for (let index = 0; index < MAX_BLOCKS && readAt(descriptor, bytes, index * size) === size; index += 1) {
    const strong = crypto.createHash("sha256").update(bytes).digest("hex").slice(0, 32);
    sums.push(adler32(bytes).toString(16).padStart(8, "0") + strong);
    if (sums.length === RECORD_BLOCKS) {
      sendRecord(mark, sums.join(""));
      sums = [];
    }
    lifeSign();
  }
  if (sums.length > 0) sendRecord(mark, sums.join(""));
  fs.closeSync(descriptor);
}

function signature(id, fields) {
  const [root, path, size, state, kept] = fields;
  progress.path = path;
  sendSums("b", openFile(root, path), Number(size));
  sendSums("q", openKept(state, kept), Number(size));
  done(id);
}

// What arrived of the file with this digest before the transfer broke.
function openKept(state, digest) {
  return openFile(state, digest === "" ? "" : keptPrefixes.get(state) + digest);
}

function openBatches() {
  return [...stagedBatches.values(), newestBatch, pausedBatch].filter((batch) => batch !== undefined);
}

// Puts large files, whole or not, where the next session of the run finds them.
function keepLargeFiles() {
  for (const batch of openBatches()) {
    for (const [full, digest] of batch.large) {
      const kept = join(batch.state, keptPrefixes.get(batch.state) + digest);
      try {
        const there = statusOf(kept);
        if (there === undefined || fs.statSync(bytesOf(full)).size > there.size) {
          fs.renameSync(bytesOf(full), bytesOf(kept));
        }
      } catch {
        // Nothing of it has arrived.
      }
    }
  }
}

function keptFiles(state, prefix) {
  try {
    return listNames(state)
      .filter((name) => name.startsWith(prefix))
      .map((name) => join(state, name));
  } catch {
    // The next claim reports what is wrong with the folder.
    return [];
  }
}

function removeKept(state, prefix = "part-") {
  for (const path of keptFiles(state, prefix)) tryUnlink(path);
}

function writePart(descriptor, digest, bytes) {
  digest.update(bytes);
  writeAll(descriptor, bytes);
  lifeSign();
}

function copyPart(descriptor, digest, size, source, offset) {
  if (source === undefined) throw new Failure("STALE", progress.path, "the file is gone");
  const bytes = Buffer.allocUnsafe(Math.min(size, READ_BYTES));
  for (let done = 0; done < size;) {
    const part = bytes.subarray(0, Math.min(bytes.length, size - done));
    if (readAt(source, part, offset + done) < part.length) {
      throw new Failure("STALE", progress.path, "the file became shorter");
    }
    writePart(descriptor, digest, part);
    done += part.length;
  }
}

// Parts of the file that is there, `c OFFSET SIZE`, of the kept one, `k OFFSET SIZE`, and new bytes, `n 0 SIZE`.
async function writePatched(descriptor, member, batch, segments) {
  const digest = crypto.createHash("sha256");
  const sources = { c: openFile(batch.root, member.path), k: openKept(batch.state, member.value) };
  try {
    for (let left = member.size; left > 0;) {
      const [word, offset, length] = (await segments.exact(PART_HEADER_BYTES)).toString("latin1").split(/ +/);
      const size = Number(length);
      if (!(size > 0 && size <= left)) throw new Failure("ORDER", member.path, "a part does not match the request");
      left -= size;
      if (word !== "n") copyPart(descriptor, digest, size, sources[word], Number(offset));
      for (let missing = word === "n" ? size : 0; missing > 0;) {
        const part = await segments.take(missing);
        missing -= part.length;
        writePart(descriptor, digest, part);
      }
    }
  } finally {
    for (const source of [sources.c, sources.k]) if (source !== undefined) fs.closeSync(source);
  }
  if (digest.digest("hex") !== member.value) throw new Failure("STALE", member.path, "the file changed");
}

class StagedBatch {
  // Folders are below `t` under their names. Files and links are in `f` under numbers until they get their place: reloaders that watch
  // a folder above would take a name that ends in `.js` for a change of a source. Not so the content of new folders in a large batch:
  // that would be thousands of renames.
  constructor(root, state, name, count) {
    this.root = root;
    this.isLarge = count > MAX_NUMBERED;
    this.state = state;
    this.folder = join(state, name);
    this.top = this.folder + "/t";
    this.numbered = new Map();
    this.folders = new Set();
    this.areFilled = false;
    // Digests of large files, by where they are staged.
    this.large = new Map();
  }

  // Where the member is staged.
  add(member) {
    const full = this.place(member);
    if ((member.kind === "f" || member.kind === "p") && member.size >= KEPT_BYTES) this.large.set(full, member.value);
    return full;
  }

  place({ kind, path }) {
    if (kind === "d") {
      this.folders.add(path);
      return this.top + "/" + path;
    }
    if (this.isLarge && this.folders.has(dirname(path))) return this.top + "/" + path;
    const full = this.folder + "/f/" + this.numbered.size;
    this.numbered.set(path, full);
    return full;
  }

  // What is staged for the path. A folder gets its content first.
  source(path) {
    if (!this.folders.has(path)) return this.numbered.get(path);
    if (!this.areFilled) {
      this.areFilled = true;
      for (const [inner, full] of this.numbered) {
        if (!this.folders.has(dirname(inner))) continue;
        fs.renameSync(bytesOf(full), bytesOf(this.top + "/" + inner));
        lifeSign();
      }
    }
    return this.top + "/" + path;
  }
}

async function unpack(members, batch, segments) {
  for (const member of members) {
    progress.path = member.path;
    if (!TAR_TYPES[member.kind].includes(await readMemberType(segments))) {
      throw new Failure("ORDER", member.path, "the archive does not match the request");
    }
    const full = batch.add(member);
    try {
      await stageMember(full, member, batch, segments);
    } catch (error) {
      if (error.code !== "ENOENT") throw error;
      makeFolders(dirname(full));
      await stageMember(full, member, batch, segments);
    }
  }
}

async function stage(id, fields) {
  const [claimId, name] = fields;
  const members = [];
  for (let index = 2; index + 4 < fields.length; index += 5) {
    const [kind, path, mode, size, value] = fields.slice(index, index + 5);
    members.push({ kind, path, mode: parseInt(mode, 8), size: Number(size), value });
  }
  const segments = new Segments(id);
  let batch;
  let failure;
  process.on("SIGTERM", endForLaterSession);
  try {
    const claimed = claims.get(claimId);
    if (claimed === undefined) throw new Failure("UNCLAIMED");
    batch = new StagedBatch(claimed.root, claimed.state, name, members.length);
    progress.path = batch.state;
    newestStage = batch.folder;
    newestBatch = batch;
    fs.mkdirSync(bytesOf(batch.folder), 0o700);
    fs.mkdirSync(bytesOf(batch.top), 0o700);
    fs.mkdirSync(bytesOf(batch.folder + "/f"), 0o700);
    await unpack(members, batch, segments);
    await segments.drain();
  } catch (error) {
    if (error.code === "EPIPE") await waitForLaterSession();
    failure = failureOf(error);
  }
  process.removeListener("SIGTERM", endForLaterSession);
  newestBatch = undefined;
  if (failure === undefined) {
    stagedBatches.set(id, batch);
    done(id);
    return;
  }
  // Reported at once, so that the rest need not be sent; what is under way is read and dropped.
  if (batch !== undefined) {
    removeTree(batch.folder);
    if (pausedBatch === undefined) removeKept(batch.state);
  }
  sendFailure(id, failure);
  flush();
  while (!segments.isOver) {
    segments.data = Buffer.alloc(0);
    try {
      await segments.next();
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
    }
  }
}

// --- commit: folders and files ------------------------------------------------------------------------------------------

const hasProc = (() => {
  try {
    const descriptor = fs.openSync("/", FLAGS.O_RDONLY | FLAGS.O_DIRECTORY);
    try {
      fs.statSync("/proc/self/fd/" + descriptor + "/.");
      return true;
    } finally {
      fs.closeSync(descriptor);
    }
  } catch {
    return false;
  }
})();

// Folders below the root, opened without following links. Keeps the descriptors of one path.
class Folders {
  constructor(root) {
    this.root = root;
    this.names = [];
    this.descriptors = hasProc ? [fs.openSync(bytesOf(root), OPEN_FOLDER)] : [];
  }

  // A path that leads to the folder without going over any link.
  open(path) {
    const wanted = path === "" ? [] : path.split("/");
    if (!hasProc) {
      let at = this.root;
      for (const name of wanted) {
        at = join(at, name);
        if (!fs.lstatSync(bytesOf(at)).isDirectory()) {
          throw Object.assign(new Error("is not a folder"), { code: "ENOTDIR", syscall: "open" });
        }
      }
      return at;
    }
    let common = 0;
    while (common < Math.min(wanted.length, this.names.length) && wanted[common] === this.names[common]) common += 1;
    this.keep(common);
    for (const name of wanted.slice(common)) {
      this.descriptors.push(fs.openSync(bytesOf(this.last() + "/" + name), OPEN_FOLDER));
      this.names.push(name);
    }
    return this.last();
  }

  last() {
    return "/proc/self/fd/" + this.descriptors[this.descriptors.length - 1];
  }

  keep(count) {
    while (this.names.length > count) {
      this.names.pop();
      fs.closeSync(this.descriptors.pop());
    }
  }

  close() {
    this.keep(0);
    for (const descriptor of this.descriptors) fs.closeSync(descriptor);
    this.descriptors = [];
  }
}

function copyBytes(source, target) {
  const part = Buffer.allocUnsafe(READ_BYTES);
  const file = fs.openSync(bytesOf(source), FLAGS.O_RDONLY);
  try {
    for (let size = 0; ;) {
      const count = fs.readSync(file, part, 0, part.length, null);
      if (count === 0) return size;
      writeAll(target, part.subarray(0, count));
      size += count;
      lifeSign();
    }
  } finally {
    fs.closeSync(file);
  }
}

// Writes the bytes into the file that is there, without a rename.
function writeOver(source, full) {
  const target = fs.openSync(bytesOf(full), FLAGS.O_WRONLY | FLAGS.O_NOFOLLOW);
  try {
    fs.ftruncateSync(target, copyBytes(source, target));
  } finally {
    fs.closeSync(target);
  }
}

function setTimes(full, milliseconds) {
  const seconds = milliseconds / 1000;
  metadata("time", progress.path, () => fs.utimesSync(bytesOf(full), seconds, seconds));
}

function copyTree(source, full, mode) {
  const status = fs.lstatSync(bytesOf(source));
  if (status.isSymbolicLink()) {
    fs.symlinkSync(bytesOf(readLink(source)), bytesOf(full));
    return;
  }
  if (status.isDirectory()) {
    fs.mkdirSync(bytesOf(full), 0o700);
    for (const name of listNames(source)) copyTree(join(source, name), join(full, name));
  } else {
    const target = fs.openSync(bytesOf(full), NEW_FILE, 0o600);
    try {
      copyBytes(source, target);
    } finally {
      fs.closeSync(target);
    }
  }
  if (process.geteuid() === 0) {
    metadata("owner", progress.path, () => fs.chownSync(bytesOf(full), status.uid, status.gid));
  }
  const copied = mode === undefined ? status.mode & 0o7777 : mode;
  metadata("mode", progress.path, () => fs.chmodSync(bytesOf(full), copied));
  if (status.isFile()) setTimes(full, status.mtimeMs);
}

// A copy beside the place, then the rename. With another mode, if one is given.
function copyInBeside(source, full, mode) {
  const temporary = join(dirname(full), ".kinsync-" + process.pid + "-" + progress.id);
  try {
    copyTree(source, temporary, mode);
    renameIn(temporary, full, [...FOLDER_RENAME_REFUSALS, "EXDEV"]);
  } catch (error) {
    const status = statusOf(temporary);
    if (status !== undefined && status.isDirectory()) removeTree(temporary);
    else tryUnlink(temporary);
    throw error;
  }
}

// A rename. A folder whose file system renames no folders is made, and its files get there one by one.
function renameIn(source, full, refusals = FOLDER_RENAME_REFUSALS) {
  try {
    fs.renameSync(bytesOf(source), bytesOf(full));
  } catch (error) {
    if (!refusals.includes(error.code) || !isFolder(source) || statusOf(full) !== undefined) throw error;
    sendNote("rename", progress.path, reasonOf(error));
    fillFolder(source, full);
  }
}

function fillFolder(source, full) {
  const { path } = progress;
  const status = fs.lstatSync(bytesOf(source));
  const mode = status.mode & 0o7777;
  fs.mkdirSync(bytesOf(full), mode);
  const descriptor = fs.openSync(bytesOf(full), OPEN_FOLDER);
  try {
    const at = hasProc ? "/proc/self/fd/" + descriptor : full;
    const made = fs.fstatSync(descriptor);
    if (process.geteuid() === 0 && (made.uid !== status.uid || made.gid !== status.gid)) {
      metadata("owner", path, () => fs.fchownSync(descriptor, status.uid, status.gid));
    }
    if ((made.mode & 0o7777) !== mode) metadata("mode", path, () => fs.fchmodSync(descriptor, mode));
    for (const name of listNames(source)) {
      progress.path = path + "/" + name;
      lifeSign();
      if (isFolder(join(source, name))) fillFolder(join(source, name), join(at, name));
      else fs.renameSync(bytesOf(join(source, name)), bytesOf(join(at, name)));
    }
    progress.path = path;
  } finally {
    fs.closeSync(descriptor);
  }
  fs.rmdirSync(bytesOf(source));
}

function move(source, full, path) {
  try {
    try {
      renameIn(source, full);
    } catch (error) {
      if (error.code !== "EXDEV") throw error;
      copyInBeside(source, full);
    }
  } catch (error) {
    if (error.code === "EBUSY" || error.code === "ETXTBSY") throw new Failure("MOUNTED", path, reasonOf(error));
    throw error;
  }
}

// A staged path with all that is in it, without following links.
function everyPath(top, visit) {
  const status = fs.lstatSync(bytesOf(top));
  visit(top, status);
  if (status.isDirectory()) for (const name of listNames(top)) everyPath(join(top, name), visit);
}

// What is new gets the owner and group of its folder, where the user may give files away; and its setgid bit.
function takeOwnerOfFolder(source, folder, path) {
  const parent = fs.statSync(bytesOf(folder + "/."));
  const own = fs.lstatSync(bytesOf(source));
  const isShared = (parent.mode & 0o2000) !== 0;
  const isRoot = process.geteuid() === 0;
  const owner = isRoot ? parent.uid : own.uid;
  const group = isRoot || isShared ? parent.gid : own.gid;
  const isDifferent = owner !== own.uid || group !== own.gid;
  if (!isDifferent && !(isShared && own.isDirectory())) return;
  everyPath(source, (full, status) => {
    if (status.isSymbolicLink()) {
      if (isDifferent && fs.lchownSync) metadata("owner", path, () => fs.lchownSync(bytesOf(full), owner, group));
      return;
    }
    if (isDifferent) metadata("owner", path, () => fs.chownSync(bytesOf(full), owner, group));
    const mode = (status.mode & 0o7777) | (status.isDirectory() && isShared ? 0o2000 : 0);
    if ((fs.statSync(bytesOf(full)).mode & 0o7777) !== mode) {
      metadata("mode", path, () => fs.chmodSync(bytesOf(full), mode));
    }
  });
}

// A file that is replaced keeps its owner, and its modification time grows: watchers and caches compare it.
function keepOwnerAndGrowTime(source, old, path) {
  const staged = fs.lstatSync(bytesOf(source));
  if (process.geteuid() === 0 && (old.uid !== staged.uid || old.gid !== staged.gid)) {
    metadata("owner", path, () => fs.chownSync(bytesOf(source), old.uid, old.gid));
    // A change of the owner clears setuid and setgid.
    metadata("mode", path, () => fs.chmodSync(bytesOf(source), staged.mode & 0o7777));
  }
  const isEarlier = staged.mtimeMs <= old.mtimeMs;
  if (isEarlier || (old.size === staged.size && staged.mtimeMs < old.mtimeMs + 1000)) {
    setTimes(source, Math.ceil(old.mtimeMs / 1000) * 1000 + 1000);
  }
}

// --- commit: instructions -----------------------------------------------------------------------------------------------

// Executes the instructions of one commit. What to check, in which order and how to place it is decided by kinsync.
class Commit {
  constructor(batch) {
    this.batch = batch;
    this.folders = new Folders(batch.root);
    this.writable = new Set();
  }

  path(folder, name) {
    progress.path = folder === "" ? name : folder + "/" + name;
    lifeSign();
    return progress.path;
  }

  staged(path) {
    return this.batch.source(path);
  }

  open(folder) {
    progress.path = folder;
    try {
      return this.folders.open(folder);
    } catch (error) {
      if (GONE.includes(error.code)) throw new Failure("CHANGED", folder, "its folder no longer exists");
      throw error;
    }
  }

  openWritable(folder) {
    const at = this.open(folder);
    if (!this.writable.has(folder)) {
      refuseUnwritable(at, folder);
      this.writable.add(folder);
    }
    return at;
  }

  // Checks, before the first change.

  checkFiles(folder, ...names) {
    const at = this.openWritable(folder);
    for (const name of names) {
      const path = this.path(folder, name);
      if (isFolder(join(at, name))) throw new Failure("FOREIGN", path, "a folder is there");
    }
  }

  checkFileInPlace(folder, name) {
    const status = statusOf(join(this.open(folder), name));
    if (status === undefined || !status.isFile()) this.checkFiles(folder, name);
  }

  checkNewFolders(folder, ...names) {
    const at = this.openWritable(folder);
    for (const name of names) {
      const path = this.path(folder, name);
      const status = statusOf(join(at, name));
      if (status !== undefined && !status.isSymbolicLink()) {
        throw new Failure("CHANGED", path, "something appeared there");
      }
    }
  }

  // As for new folders. Where the file system has no case, a former name, which is deleted before, is the same file.
  checkFormerNames(folder, name, ...former) {
    const at = this.openWritable(folder);
    const there = statusOf(join(at, name));
    const isSame = (path) => {
      const status = statusOf(join(at, path.slice(path.lastIndexOf("/") + 1)));
      return status !== undefined && status.dev === there.dev && status.ino === there.ino;
    };
    if (there !== undefined && !there.isSymbolicLink() && former.some(isSame)) return;
    this.checkNewFolders(folder, name);
  }

  checkFoldersOverFiles(folder, ...names) {
    const at = this.openWritable(folder);
    for (const name of names) {
      const path = this.path(folder, name);
      if (isFolder(join(at, name))) throw new Failure("CHANGED", path, "a folder appeared there");
    }
  }

  checkEmptiedFolder(folder, name, ...removed) {
    const at = this.openWritable(folder);
    const path = this.path(folder, name);
    if (isFolder(join(at, name))) this.checkOnly(join(at, name), path, new Set(removed));
  }

  checkOnly(full, path, removed) {
    for (const name of listNames(full)) {
      const inner = path + "/" + name;
      if (!removed.has(inner)) throw new Failure("FOREIGN", path, "a folder is there with what kinsync did not place");
      if (isFolder(join(full, name))) this.checkOnly(join(full, name), inner, removed);
    }
  }

  refuseMount(path) {
    throw new Failure("MOUNTED", path);
  }

  // The journal.

  appendToManifest(text) {
    progress.path = this.batch.state;
    const flags = FLAGS.O_WRONLY | FLAGS.O_APPEND | FLAGS.O_CREAT | FLAGS.O_NOFOLLOW;
    const descriptor = fs.openSync(bytesOf(this.batch.state + "/manifest"), flags, 0o600);
    try {
      writeAll(descriptor, bytesOf(text));
    } finally {
      fs.closeSync(descriptor);
    }
  }

  // A journal that grew long gives way to its short form. Where that fails, it stays long.
  replaceManifest(text) {
    try {
      writeNewFile(this.batch.folder + "/journal", text, 0o600);
      fs.renameSync(bytesOf(this.batch.folder + "/journal"), bytesOf(this.batch.state + "/manifest"));
    } catch {
      // As it was.
    }
  }

  // Changes.

  // Staging took long: the modification time is that of the commit, or a build that runs meanwhile misses the change.
  touchStaged() {
    const now = Date.now();
    everyPath(this.batch.folder, (full, status) => {
      if (!status.isSymbolicLink()) setTimes(full, now);
      lifeSign();
    });
  }

  placeNew(folder, ...names) {
    const at = this.open(folder);
    for (const name of names) {
      const path = this.path(folder, name);
      takeOwnerOfFolder(this.staged(path), at, path);
      move(this.staged(path), join(at, name), path);
    }
  }

  prepareReplacement(full, at, path) {
    const old = statusOf(full);
    if (old !== undefined && old.isFile()) keepOwnerAndGrowTime(this.staged(path), old, path);
    else takeOwnerOfFolder(this.staged(path), at, path);
  }

  replaceFiles(folder, ...names) {
    const at = this.open(folder);
    for (const name of names) {
      const path = this.path(folder, name);
      this.prepareReplacement(join(at, name), at, path);
      move(this.staged(path), join(at, name), path);
    }
  }

  placeFolders(folder, ...names) {
    const at = this.open(folder);
    for (const name of names) {
      this.path(folder, name);
      const old = statusOf(join(at, name));
      if (old !== undefined && !old.isDirectory()) fs.unlinkSync(bytesOf(join(at, name)));
    }
    this.placeNew(folder, ...names);
  }

  placeOverFolder(folder, name) {
    const at = this.open(folder);
    this.path(folder, name);
    if (isFolder(join(at, name))) fs.rmdirSync(bytesOf(join(at, name)));
    this.placeNew(folder, name);
  }

  copyIn(folder, ...names) {
    const at = this.open(folder);
    for (const name of names) {
      const path = this.path(folder, name);
      const full = join(at, name);
      this.prepareReplacement(full, at, path);
      const old = statusOf(full);
      if (old !== undefined && !old.isDirectory() && isFolder(this.staged(path))) fs.unlinkSync(bytesOf(full));
      copyInBeside(this.staged(path), full);
    }
  }

  writeInPlace(folder, name) {
    const at = this.open(folder);
    writeOver(this.staged(this.path(folder, name)), join(at, name));
  }

  replaceOrWrite(folder, name) {
    const at = this.open(folder);
    const path = this.path(folder, name);
    const full = join(at, name);
    this.prepareReplacement(full, at, path);
    try {
      fs.renameSync(bytesOf(this.staged(path)), bytesOf(full));
    } catch (error) {
      const old = statusOf(full);
      if (old === undefined || !old.isFile()) throw error;
      writeOver(this.staged(path), full);
    }
  }

  // What is gone already, or has become something else, does not count as a failure.
  forEachThere(folder, names, change) {
    let at;
    try {
      at = this.folders.open(folder);
    } catch (error) {
      if (GONE.includes(error.code)) return;
      throw error;
    }
    for (const name of names) {
      this.path(folder, name);
      try {
        const status = statusOf(join(at, name));
        if (status !== undefined) change(join(at, name), status);
      } catch (error) {
        if (!GONE.includes(error.code)) throw error;
      }
    }
  }

  deleteFiles(folder, ...names) {
    this.forEachThere(folder, names, (full, status) => {
      if (!status.isDirectory()) fs.unlinkSync(bytesOf(full));
    });
  }

  deleteFolders(folder, ...names) {
    this.forEachThere(folder, names, (full, status) => {
      if (!status.isDirectory()) return;
      try {
        fs.rmdirSync(bytesOf(full));
      } catch (error) {
        // A folder with content of others stays, and so does one that is a mount point.
        if (!["ENOTEMPTY", "EEXIST", "EBUSY"].includes(error.code)) throw error;
      }
    });
  }

  waitForOthers() {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, JOINT_MS);
  }

  setMode(octal, folder, ...names) {
    const mode = parseInt(octal, 8);
    this.forEachThere(folder, names, (full, status) => {
      if (status.isSymbolicLink() || (status.mode & 0o7777) === mode) return;
      metadata("mode", progress.path, () => {
        // A file with several names, some of which may be outside of the root, gives way to a copy: the others keep their mode.
        if (status.isFile() && status.nlink > 1) copyInBeside(full, full, mode);
        else fs.chmodSync(bytesOf(full), mode);
      });
      // A file system with fixed modes may ignore the change without an error.
      const isWrong = (found) => ((found.mode & ANY_EXECUTE) !== 0) !== ((mode & ANY_EXECUTE) !== 0);
      if (isWrong(status) && isWrong(fs.lstatSync(bytesOf(full)))) {
        sendNote("mode", progress.path, "the file system ignores it");
      }
    });
  }
}

// The words of the protocol, which are short because a shell reads them byte by byte.
const INSTRUCTIONS = {
  pf: "checkFiles",
  pi: "checkFileInPlace",
  pd: "checkNewFolders",
  ps: "checkFormerNames",
  pr: "checkFoldersOverFiles",
  px: "checkEmptiedFolder",
  mt: "refuseMount",
  ja: "appendToManifest",
  jn: "replaceManifest",
  tt: "touchStaged",
  mn: "placeNew",
  mo: "replaceFiles",
  md: "placeFolders",
  mx: "placeOverFolder",
  mc: "copyIn",
  mi: "writeInPlace",
  mw: "replaceOrWrite",
  dx: "deleteFiles",
  dy: "deleteFolders",
  ch: "setMode",
  wt: "waitForOthers",
};

function checkOwner(state, needle) {
  let marker;
  try {
    marker = readMarker(state);
  } catch {
    throw new Failure("STATE", state, "the state directory was removed in the container");
  }
  if (!marker.includes(needle)) throw new Failure("TAKEN", state, bytesOf(marker).toString("utf8"));
}

function execute(words, batch) {
  const commit = new Commit(batch);
  try {
    for (let index = 0; index < words.length;) {
      const count = Number(words[index + 1]);
      commit[INSTRUCTIONS[words[index]]](...words.slice(index + 2, index + 2 + count));
      index += 2 + count;
    }
  } finally {
    commit.folders.close();
  }
}

function commit(id, fields) {
  const [stageId, needle, marker, entries, ...words] = fields;
  const batch = stagedBatches.get(stageId);
  if (batch === undefined) throw new Failure("UNSTAGED");
  stagedBatches.delete(stageId);
  try {
    progress.path = batch.state;
    checkOwner(batch.state, needle);
    execute(words, batch);
    progress.path = batch.state;
    // A run that took the root over meanwhile keeps it.
    checkOwner(batch.state, needle);
    writeMarker(batch.state, marker);
    done(id, entries);
    flush();
    // A batch that waits may be made of them.
    if (pausedBatch === undefined) removeKept(batch.state);
  } finally {
    try {
      removeTree(batch.folder);
    } catch {
      // The next claim removes it.
    }
  }
}

function discard(id, fields) {
  const folder = join(fields[0], fields[1]);
  for (const [key, batch] of stagedBatches) if (batch.folder === folder) stagedBatches.delete(key);
  removeTree(folder);
  // A mapping's part of the state directory, which goes with its last part.
  if (String(fields[0]).endsWith("/.kinsync")) {
    try {
      fs.rmdirSync(bytesOf(fields[0]));
    } catch {
      // It has other parts.
    }
  }
  done(id);
}

function ping(id, fields) {
  if (fields.length > 1) checkOwner(fields[0], fields[1]);
  done(id);
}

// --- start --------------------------------------------------------------------------------------------------------------

const OPERATIONS = { ping, inventory, claim, signature, stage, commit, discard };

// The fields of a request, which gzip may have made smaller. What follows a damaged request is unknown, so the session ends.
function unpackRequest(bytes, size) {
  if (size === undefined) return bytes;
  try {
    return decompress(bytes, Number(size));
  } catch (error) {
    sendFailure(progress.id, failureOf(error));
    flush();
    throw error;
  }
}

async function serve() {
  const workingDirectory = Buffer.from(process.cwd()).toString("latin1");
  endFormerAgents(FORMER_AGENTS);
  send(
    "=",
    1,
    "node",
    process.getuid(),
    escapeWord(incarnation()),
    escapeWord(workingDirectory),
    // Node.js 10.16 and later have brotli.
    zlib.brotliDecompressSync === undefined ? "gzip,blocks" : "gzip,brotli,blocks",
    ...identity(),
  );
  flush();
  await answerRequests();
}

// Until the line `g`, which ends only the requests that come between the segments of an archive.
async function answerRequests() {
  for (;;) {
    const [operation, id, size, plainSize] = (await readLine()).split(" ");
    if (operation === "g") return;
    const bytes = await readExact(Number(size));
    Object.assign(progress, { id, path: "", spokeAt: Date.now() });
    const payload = unpackRequest(bytes, plainSize).toString("latin1");
    try {
      await OPERATIONS[operation](id, payload.split("\0"));
    } catch (error) {
      sendFailure(id, failureOf(error));
    }
    flush();
  }
}

// Requests that overtake the batch that is being staged.
async function answerOthers() {
  const { id, path } = progress;
  const batch = newestBatch;
  pausedBatch = batch;
  newestBatch = undefined;
  // A signal must end a commit at once.
  process.removeListener("SIGTERM", endForLaterSession);
  await answerRequests();
  process.on("SIGTERM", endForLaterSession);
  pausedBatch = undefined;
  newestBatch = batch;
  newestStage = batch && batch.folder;
  Object.assign(progress, { id, path, spokeAt: Date.now() });
}

serve().catch((error) => {
  if (error.code === "EPIPE") return waitForLaterSession();
  removeUnfinished();
  return process.exit(1);
});
