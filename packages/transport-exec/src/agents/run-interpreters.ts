// What `run-sh.ts` does, for containers without a shell. Each says `kinsync-run TOKEN`, then reads a line with a length and so many
// bytes: the word before the exit code, and the argv, separated by NUL. Any further input, or its end, kills.

export const RUN_PYTHON3 = String.raw`
import os, signal, subprocess, sys, threading, time
def token():
    try:
        for line in open("/proc/self/mountinfo", "rb"):
            w = line.split(b" ")
            if w[4] == b"/dev/termination-log": return w[3]
        boot = open("/proc/sys/kernel/random/boot_id", "rb").read().strip()
        return boot + b":" + open("/proc/1/stat", "rb").read().rpartition(b") ")[2].split()[19]
    except OSError: return b"-"
os.write(1, b"kinsync-run " + token() + b"\n")
head = I.readline()
if not head: sys.exit(0)
words = I.read(int(head)).split(b"\0")
signal.signal(signal.SIGTERM, lambda *_: None)
def kill(sig):
    try:
        if os.getpgrp() == os.getpid(): os.killpg(0, sig)
        else: child.send_signal(sig)
    except OSError: pass
def watch():
    I.read(1)
    kill(signal.SIGTERM)
    time.sleep(1)
    kill(signal.SIGKILL)
try: child = subprocess.Popen(words[1:], stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT)
except OSError as e:
    os.write(1, ("%s: %s\n" % (os.fsdecode(words[1]), e.strerror)).encode())
    code = 127
else:
    threading.Thread(target=watch, daemon=True).start()
    code = child.wait()
    if code < 0: code = 128 - code
os.write(1, b"\n" + words[0] + b" " + str(code).encode() + b"\n")
os._exit(0)
`;

export const RUN_PERL = String.raw`
use strict;
use POSIX ();
$| = 1;
sub token {
  if (open(my $f, "<", "/proc/self/mountinfo")) { while (<$f>) { my @w = split / /; return $w[3] if $w[4] eq "/dev/termination-log"; } }
  open(my $b, "<", "/proc/sys/kernel/random/boot_id") or return "-";
  open(my $p, "<", "/proc/1/stat") or return "-";
  my ($boot, $stat) = (scalar <$b>, scalar <$p>);
  chomp $boot;
  $stat =~ s/^.*\) //s;
  return "$boot:" . (split / /, $stat)[19];
}
print "kinsync-run ", token(), "\n";
my $n = <STDIN>;
exit 0 unless defined $n;
my $words = "";
read(STDIN, $words, $n);
my ($mark, @argv) = split /\0/, $words, -1;
my $pid = fork;
if (!$pid) {
  open(STDIN, "<", "/dev/null");
  open(STDERR, ">&", \*STDOUT);
  exec { $argv[0] } @argv or do { print "$argv[0]: $!\n"; POSIX::_exit(127); };
}
$SIG{TERM} = sub { };
my $who = getpgrp(0) == $$ ? 0 : $pid;
my ($killed, $bits) = (0, "");
while (waitpid($pid, POSIX::WNOHANG()) == 0) {
  if ($killed && time > $killed + 1) { kill "KILL", $who; }
  vec($bits = "", 0, 1) = 1;
  if ($killed) { select(undef, undef, undef, 0.05); }
  elsif (select($bits, undef, undef, 0.02) > 0) { $killed = time; kill "TERM", $who; }
}
my $code = $? & 127 ? 128 + ($? & 127) : $? >> 8;
print "\n$mark $code\n";
`;

export const RUN_NODE = String.raw`
const fs = require("fs"), spawn = require("child_process").spawn;
let leads = false;
function token() {
  try {
    const own = fs.readFileSync("/proc/self/stat", "latin1");
    leads = own.slice(own.lastIndexOf(") ") + 2).split(" ")[2] === String(process.pid);
    for (const l of fs.readFileSync("/proc/self/mountinfo", "latin1").split("\n")) { const w = l.split(" "); if (w[4] === "/dev/termination-log") return w[3]; }
    const stat = fs.readFileSync("/proc/1/stat", "latin1");
    return fs.readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim() + ":" + stat.slice(stat.lastIndexOf(") ") + 2).split(" ")[19];
  } catch (e) { return "-"; }
}
process.on("SIGTERM", () => {});
fs.writeSync(1, "kinsync-run " + token() + "\n");
let input = Buffer.alloc(0), child;
function kill(signal) { try { if (leads) process.kill(0, signal); else if (child) child.kill(signal); } catch (e) { /* gone */ } }
function stop() { if (!child) process.exit(0); kill("SIGTERM"); setTimeout(() => kill("SIGKILL"), 1000); }
function end(mark, code) { fs.writeSync(1, "\n" + mark + " " + code + "\n"); process.exit(0); }
process.stdin.on("end", stop);
process.stdin.on("data", (data) => {
  if (child) return stop();
  input = Buffer.concat([input, data]);
  const at = input.indexOf(10);
  if (at < 0 || input.length < at + 1 + Number(input.slice(0, at))) return;
  const words = input.slice(at + 1).toString().split("\0"), mark = words[0];
  child = spawn(words[1], words.slice(2), { stdio: ["ignore", 1, 1] });
  child.on("error", (e) => { fs.writeSync(1, words[1] + ": " + e.code + "\n"); end(mark, 127); });
  child.on("exit", (code, signal) => end(mark, code === null ? 128 + (require("os").constants.signals[signal] || 0) : code));
});
`;
