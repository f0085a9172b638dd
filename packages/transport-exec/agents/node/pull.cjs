// Lists what is below one path, and sends files of it. Writes no file. The answers are those of agents/sh/pull.sh.
// The program that starts it defines, in front of this text:
//   SESSION_TOKEN  begins the line that reports the container
//   incarnation, of incarnation.cjs
//
// First writes `TOKEN= INCARNATION`. Each request is a line with a length and so many bytes: first the path, then for each file four
// words that are separated by NUL.
"use strict";
const fs = require("fs");
const { createHash } = require("crypto");
const { constants } = fs;
const CHUNK_BYTES = 65536;
// Not a pipe without a writer.
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK;
const NUL = Buffer.alloc(1);
const SLASH = Buffer.from("/");

// Waits for a pipe that another program made non-blocking.
function isBusy(error) {
  if (error.code !== "EAGAIN" && error.code !== "EINTR") return false;
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
  return true;
}

function write(data) {
  while (data.length > 0) {
    try {
      data = data.slice(fs.writeSync(1, data));
    } catch (error) {
      if (!isBusy(error)) throw error;
    }
  }
}

let list = [];
let listed = 0;
function flush() {
  write(Buffer.concat(list));
  list = [];
  listed = 0;
}

function add(letter, ...words) {
  const entry = Buffer.concat([Buffer.from(letter), ...words.map((word) => Buffer.concat([word, NUL]))]);
  list.push(entry);
  listed += entry.length;
  if (listed > CHUNK_BYTES) flush();
}

const input = Buffer.alloc(CHUNK_BYTES);
let held = Buffer.alloc(0);
function readMore() {
  for (;;) {
    try {
      const count = fs.readSync(0, input, 0, input.length, null);
      if (count === 0) process.exit(0);
      held = Buffer.concat([held, input.slice(0, count)]);
      return;
    } catch (error) {
      if (error.code === "EOF") process.exit(0);
      if (!isBusy(error)) throw error;
    }
  }
}

function request() {
  let end = held.indexOf(10);
  while (end < 0) {
    readMore();
    end = held.indexOf(10);
  }
  const size = end + 1 + Number(held.slice(0, end));
  while (held.length < size) readMore();
  const found = held.slice(end + 1, size);
  held = held.slice(size);
  return found;
}

// A file: whether its owner may execute it, then its bytes.
function fileLetter(stats) {
  return (stats.mode & 0o100 ? "x" : "f") + stats.size;
}

function refuse(reason) {
  write(Buffer.from("!" + reason + "\0"));
  process.exit(0);
}

function addEntry(base, path, folders) {
  const at = Buffer.concat([base, path]);
  try {
    const stats = fs.lstatSync(at);
    if (stats.isDirectory()) {
      add("d", path);
      folders.push(path);
    } else if (stats.isFile()) add(fileLetter(stats), path);
    else if (stats.isSymbolicLink()) add("l", path, fs.readlinkSync(at, { encoding: "buffer" }));
    else add("o", path);
  } catch {
    add("e", path);
  }
}

function listFolder(base) {
  const folders = [Buffer.alloc(0)];
  add("d", folders[0]);
  while (folders.length > 0) {
    const folder = folders.pop();
    let names;
    try {
      names = fs.readdirSync(Buffer.concat([base, folder, SLASH]), { encoding: "buffer" });
    } catch {
      add("e", folder);
      continue;
    }
    for (const name of names) addEntry(base, Buffer.concat([folder, SLASH, name]), folders);
  }
}

function checkAccess(path, mode) {
  try {
    fs.accessSync(path, mode);
  } catch {
    refuse("denied");
  }
}

function listPath(path) {
  let stats;
  try {
    stats = fs.statSync(path);
  } catch (error) {
    refuse(error.code === "EACCES" ? "denied" : "missing");
  }
  if (stats.isDirectory()) {
    checkAccess(path, constants.R_OK | constants.X_OK);
    listFolder(path);
  } else if (stats.isFile()) {
    checkAccess(path, constants.R_OK);
    add(fileLetter(stats), Buffer.alloc(0));
  } else refuse("type");
  add(".", Buffer.alloc(0));
  flush();
}

function openFile(base, path) {
  const number =
    path.length === 0
      ? fs.openSync(base, FLAGS)
      : fs.openSync(Buffer.concat([base, SLASH, path]), FLAGS | constants.O_NOFOLLOW);
  if (fs.fstatSync(number).isFile()) return number;
  fs.closeSync(number);
  throw new Error("not a file");
}

function writeZeros(count) {
  for (let left = count; left > 0; left -= CHUNK_BYTES) write(Buffer.alloc(Math.min(left, CHUNK_BYTES)));
}

// Reads bytes; with `send`, sends them and zeros in place of those that are missing.
function readPart(number, from, to, hash, send) {
  const chunk = Buffer.alloc(CHUNK_BYTES);
  while (from < to) {
    const count = fs.readSync(number, chunk, 0, Math.min(to - from, chunk.length), from);
    if (count === 0) {
      if (send) writeZeros(to - from);
      return false;
    }
    hash.update(chunk.slice(0, count));
    if (send) write(chunk.slice(0, count));
    from += count;
  }
  return true;
}

function sumOf(number, size) {
  const hash = createHash("sha256");
  return readPart(number, 0, size, hash, false) ? hash.digest("hex") : "-";
}

function answer(base, mode, length, digest, path) {
  let number;
  try {
    number = openFile(base, path);
  } catch {
    write(Buffer.from("!\n"));
    return;
  }
  try {
    const { size } = fs.fstatSync(number);
    const offset = length > 0 && length <= size && sumOf(number, length) === digest ? length : 0;
    write(Buffer.from(offset + " " + size + "\n"));
    let sum = "-";
    if (mode === "s") {
      const hash = createHash("sha256");
      if (readPart(number, 0, offset, hash, false) && readPart(number, offset, size, hash, true))
        sum = hash.digest("hex");
    }
    write(Buffer.from(sum + "\n"));
  } finally {
    fs.closeSync(number);
  }
}

write(Buffer.from(SESSION_TOKEN + "= " + incarnation() + "\n"));
const base = request();
listPath(base);
for (;;) {
  const bytes = request();
  let from = 0;
  const words = [0, 1, 2].map(() => {
    const end = bytes.indexOf(0, from);
    const word = bytes.slice(from, end).toString();
    from = end + 1;
    return word;
  });
  answer(base, words[0], Number(words[1]), words[2], bytes.slice(from));
}
