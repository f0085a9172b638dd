// Runs one command in a container without a shell and reports its exit code in band. What it starts itself it waits for.
// The program that starts it defines, in front of this text:
//   SESSION_TOKEN  begins the line that reports the container
//   incarnation and statWords, of incarnation.cjs
//
// First writes `TOKEN= INCARNATION`, then reads a line with a length and so many bytes: the word before the exit code, and the
// argv, separated by NUL. Any further input, or its end, ends the command with its process group.
"use strict";
const fs = require("fs");
const { spawn } = require("child_process");
const { signals } = require("os").constants;
const KILL_AFTER_MS = 1000;

// Whether this process leads its process group, as the process of an exec does.
function isGroupLeader() {
  try {
    return statWords("/proc/self/stat")[2] === String(process.pid);
  } catch {
    return false;
  }
}
const leadsGroup = isGroupLeader();

process.on("SIGTERM", () => {});
fs.writeSync(1, SESSION_TOKEN + "= " + incarnation() + "\n");
let input = Buffer.alloc(0);
let child;

function endCommand(signal) {
  try {
    if (leadsGroup) process.kill(0, signal);
    else child.kill(signal);
  } catch {
    // It has ended.
  }
}

function stop() {
  if (child === undefined) process.exit(0);
  endCommand("SIGTERM");
  setTimeout(() => endCommand("SIGKILL"), KILL_AFTER_MS);
}

function report(mark, code) {
  fs.writeSync(1, "\n" + mark + " " + code + "\n");
  process.exit(0);
}

process.stdin.on("end", stop);
process.stdin.on("data", (data) => {
  if (child !== undefined) {
    stop();
    return;
  }
  input = Buffer.concat([input, data]);
  const end = input.indexOf(10);
  if (end < 0 || input.length < end + 1 + Number(input.slice(0, end))) return;
  const [mark, program, ...words] = input
    .slice(end + 1)
    .toString()
    .split("\0");
  child = spawn(program, words, { stdio: ["ignore", 1, 1] });
  child.on("error", (error) => {
    fs.writeSync(1, program + ": " + error.code + "\n");
    report(mark, 127);
  });
  child.on("exit", (code, signal) => report(mark, code === null ? 128 + (signals[signal] || 0) : code));
});
