/**
 * The perl agent (5.10 and later), with no module but Fcntl and POSIX, which every perl has; the digest is Digest::SHA's, or where
 * a trimmed perl lacks that, the tool sha256sum's. Folders below the root are opened component by component without following a
 * link, and reached through /proc/self/fd, which is what openat does; where there is no /proc, every component is looked at instead.
 */
export const PERL_AGENT = String.raw`
use strict;
use Fcntl ();
use POSIX ();
my ($O_DIR, $O_NOF) = (eval { Fcntl::O_DIRECTORY() } || 0, eval { Fcntl::O_NOFOLLOW() } || 0);
my ($RD, $WR, $CR, $EX, $AP) = (Fcntl::O_RDONLY(), Fcntl::O_WRONLY(), Fcntl::O_CREAT(), Fcntl::O_EXCL(), Fcntl::O_APPEND());
umask 0;
binmode STDOUT;
$SIG{PIPE} = "DEFAULT";
my $SHA = eval { require Digest::SHA; 1 };
unless ($SHA) { die "neither Digest::SHA nor sha256sum\n" if system("sha256sum </dev/null >/dev/null 2>&1") != 0; }
my %stages;
# The folder of the last stage: what was on its way when the session ended is taken away.
my $under_way;
END { remove_tree($_) for grep { defined } $under_way, map { $$_{dir} } values %stages; }
# The path that is being worked on, for messages.
my $at = "";

# --- input and output ----------------------------------------------------------------------------------------------------

my $out = "";
sub flush_out { while (length $out) { my $n = syswrite(STDOUT, $out); exit 0 unless defined $n; substr($out, 0, $n, ""); } }
sub say_ { $out .= join(" ", @_) . "\n"; flush_out() if length $out > 60000; }
sub esc { my $p = shift; $p =~ s/([\\\n])/$1 eq "\n" ? "\\n" : "\\\\"/ge; return $p; }
sub word { my $p = esc(shift); $p =~ s/ /\\s/g; $p =~ s/\r/\\r/g; return length $p ? $p : "-"; }
# A failure is a list: kind, path, text.
sub stop { die [@_]; }
sub name_of {
  my $e = shift;
  for my $n (qw(ENOENT ENOTDIR EEXIST EACCES EPERM EROFS ENOSPC EDQUOT EBUSY ETXTBSY EXDEV ENOTEMPTY EISDIR ELOOP ENAMETOOLONG EIO EMFILE ENOMEM)) {
    my $v = eval { no strict "refs"; &{"POSIX::$n"}() };
    return $n if defined $v && $v == $e;
  }
  return "EIO";
}
sub os_stop { my ($e, $path) = @_; stop(name_of($e), $path, POSIX::strerror($e)); }
sub failed { my ($id, $e) = @_; $e = ["INTERNAL", "", "$e"] unless ref $e; my ($k, $p, $t) = (@$e, "", "", ""); $t =~ s/\n/ /g; say_("!", $id, $k, word($p), $t); }

# --- where things are ----------------------------------------------------------------------------------------------------

sub dirname { my $p = shift; my $i = rindex($p, "/"); return $i < 0 ? "" : $i == 0 ? "/" : substr($p, 0, $i); }
sub basename { my $p = shift; return substr($p, rindex($p, "/") + 1); }
sub joined { my ($a, $b) = @_; return $a eq "/" ? "/$b" : "$a/$b"; }
sub is_dir { return -d $_[0] && !-l $_[0]; }
sub there { my @s = lstat($_[0]); return @s ? \@s : undef; }
sub names { my $d = shift; opendir(my $h, $d) or return; my @n = grep { $_ ne "." && $_ ne ".." } readdir $h; closedir $h; return @n; }
sub real_of {
  my $p = shift;
  $p = POSIX::getcwd() . "/$p" unless $p =~ m{^/};
  my ($done, $hops) = ("", 0);
  my @todo = grep { defined && length && $_ ne "." } split m{/}, $p;
  while (@todo) {
    my $n = shift @todo;
    if ($n eq "..") { $done =~ s{/[^/]*$}{}; next; }
    my $t = readlink "$done/$n";
    if (defined $t) {
      stop("ELOOP", $p, "too many links") if $hops++ > 40;
      $done = "" if $t =~ m{^/};
      unshift @todo, grep { length && $_ ne "." } split m{/}, $t;
    } else { $done .= "/$n"; }
  }
  return length $done ? $done : "/";
}
sub mount_points {
  open(my $f, "<", "/proc/self/mountinfo") or return;
  my @m;
  while (<$f>) { my $p = (split / /)[4]; $p =~ s/\\([0-7]{3})/chr oct $1/ge; push @m, $p; }
  return @m;
}
sub states {
  my ($real, $key, $in_place) = @_;
  my @p = $real eq "/" ? ("/") : (dirname($real), $real);
  push @p, "/dev/shm", "/tmp" if $in_place;
  return map { joined(joined($_, ".kinsync"), $key) } @p;
}
sub check_root { my ($real, $shape) = @_; stop("ROOT", $real) if $real eq "/" && $shape ne "file"; }

# --- inventory -----------------------------------------------------------------------------------------------------------

my ($told, $tells, $hashing) = (0, "", 1);
# What may take long gives a sign of life: an inventory, a commit.
sub alive { return if !length $tells || time - $told < 2; $told = time; say_("+", $tells, 0); flush_out(); }
sub digest_of {
  my $p = shift;
  if ($SHA) {
    sysopen(my $f, $p, $RD | $O_NOF) or return "-";
    my ($h, $d) = (Digest::SHA->new(256));
    while (sysread($f, $d, 1048576)) { $h->add($d); alive(); }
    return $h->hexdigest;
  }
  return "-";
}
# Without Digest::SHA: one process for many files. Returns a hash of path and digest.
sub digests {
  my @paths = @_;
  my %found;
  while (my @some = splice(@paths, 0, 500)) {
    my $pid = open(my $o, "-|");
    next unless defined $pid;
    if ($pid == 0) { open(STDERR, ">", "/dev/null"); exec "sha256sum", "--", @some or POSIX::_exit(1); }
    while (my $l = <$o>) {
      next unless $l =~ /^(\\?)([0-9a-f]{64}) [ *](.*)$/s;
      my ($mark, $digest, $name) = ($1, $2, $3);
      chomp $name;
      $name =~ s/\\([\\n])/$1 eq "n" ? "\n" : "\\"/ge if length $mark;
      $found{$name} = $digest;
    }
    close $o;
    alive();
  }
  return \%found;
}
my @later;
sub tell_later {
  my $found = digests(map { $$_[0] } @later);
  say_("h", defined $$found{$$_[0]} ? $$found{$$_[0]} : "-", esc($$_[1])) for @later;
  @later = ();
}
sub record {
  my ($full, $name, $st) = @_;
  say_("s", sprintf("%x", $$st[2]), $$st[7], esc($name));
  my $type = $$st[2] & 0170000;
  if ($type == 0100000 && !$hashing) { return; }
  elsif ($type == 0100000 && $SHA) { say_("h", digest_of($full), esc($name)); }
  elsif ($type == 0100000) { push @later, [$full, $name]; }
  elsif ($type == 0120000) { my $t = readlink $full; say_("t", esc(defined $t ? $t : "")); }
}
sub walk {
  my ($full, $prefix) = @_;
  for my $n (names($full)) {
    next if $n eq ".kinsync";
    my $f = joined($full, $n);
    my $st = there($f) or next;
    record($f, "$prefix$n", $st);
    walk($f, "$prefix$n/") if ($$st[2] & 0170000) == 0040000;
  }
}
# JSON in more than one line; blanks at its end.
sub marker_of {
  open(my $f, "<", "$_[0]/marker") or return;
  my $m = "";
  read($f, $m, 65536);
  $m =~ s/\n/ /g;
  $m =~ s/ +$//;
  return $m;
}
sub op_inventory {
  my ($id, $path, $shape, $key, $in_place, $whole, @asked) = @_;
  ($told, $tells, $hashing) = (time, $id, $whole ne "types");
  my $real = real_of($path);
  check_root($real, $shape);
  my $is_dir = is_dir($real);
  say_("r", $is_dir ? "d" : there($real) || there($path) ? "o" : "m", esc($real));
  for my $d (states($real, $key, $in_place eq "1")) {
    my $m = marker_of($d);
    next unless defined $m;
    say_("m", $m);
    if (open(my $g, "<", "$d/manifest")) { while (my $l = <$g>) { chomp $l; $out .= "p$l\n" if length $l; flush_out() if length $out > 60000; } }
    last;
  }
  if ($is_dir && $whole eq "list") { walk($real, ""); }
  elsif ($is_dir) {
    my %known = ("" => 1);
    my $is_folder;
    $is_folder = sub {
      my $d = shift;
      $known{$d} = $is_folder->(dirname($d)) && is_dir(joined($real, $d)) unless exists $known{$d};
      return $known{$d};
    };
    for my $p (@asked) {
      next unless length $p && $is_folder->(dirname($p));
      my $f = joined($real, $p);
      my $st = there($f) or next;
      record($f, $p, $st);
    }
  }
  tell_later() unless $SHA;
  $tells = "";
  say_(".", $id);
}

# --- claim ---------------------------------------------------------------------------------------------------------------

sub remove_tree {
  my $p = shift;
  for my $n (names($p)) { my $f = joined($p, $n); if (is_dir($f)) { remove_tree($f); } else { unlink $f; } }
  rmdir $p;
}
sub write_all { my ($h, $d) = @_; my $o = 0; while ($o < length $d) { my $n = syswrite($h, $d, length($d) - $o, $o); os_stop($! + 0, $at) unless defined $n; $o += $n; } }
sub mkdirs {
  my $p = shift;
  return if is_dir($p);
  stop("ENOTDIR", $p, "is no folder") if there($p);
  mkdirs(dirname($p));
  return if mkdir($p, 0755);
  my $e = $! + 0;
  is_dir($p) or os_stop($e, $p);
}
sub make_state {
  my $d = shift;
  for my $p (dirname($d), $d) {
    mkdir($p, 0711) or $! == POSIX::EEXIST() or os_stop($! + 0, $p);
    stop("STATE", $p, "is no folder") unless is_dir($p);
  }
  sysopen(my $f, "$d/manifest", $WR | $CR | $AP | $O_NOF, 0600) or os_stop($! + 0, $d);
  stop("EACCES", $d, "permission denied") unless -w $d && -x $d;
}
sub put_marker {
  my ($d, $marker) = @_;
  my $temp = "$d/marker-" . int(rand(1e9)) . "-$$";
  sysopen(my $f, $temp, $WR | $CR | $EX, 0644) or os_stop($! + 0, $d);
  eval { write_all($f, "$marker\n"); close $f or os_stop($! + 0, $d); rename($temp, "$d/marker") or os_stop($! + 0, $d); 1 } or do { my $e = $@; unlink $temp; die $e; };
}
sub op_claim {
  my ($id, $path, $shape, $key, $in_place, $marker) = @_;
  my $real = real_of($path);
  $at = $real;
  check_root($real, $shape);
  mkdirs($real);
  if ($in_place ne "1") { access_to($real, $real); }
  my @mounts = mount_points();
  my ($found, $why);
  for my $d (states($real, $key, $in_place eq "1")) {
    my $outer = dirname(dirname($d));
    if ($real ne "/" && $outer eq dirname($real)) { next if grep({ $_ eq $real } @mounts) || (stat $outer)[0] != (stat $real)[0]; }
    if (eval { make_state($d); 1 }) { $found = $d; last; }
    $why = $@;
  }
  die $why unless defined $found;
  for my $n (names($found)) {
    if ($n =~ /^stage-/) { remove_tree("$found/$n"); } elsif ($n =~ /^marker-/) { unlink "$found/$n"; }
  }
  put_marker($found, $marker);
  say_("r", "d", esc($real));
  say_("k", esc($found));
  my $below = $real eq "/" ? "/" : "$real/";
  my $count = 0;
  for my $m (@mounts) { say_("M", esc($m)) if index($m, $below) == 0 && $count++ < 1000; }
  say_(".", $id);
}
# POSIX::access tells why not; the operator -w would not.
sub access_to {
  my ($p, $name) = @_;
  return if POSIX::access($p, POSIX::W_OK() | POSIX::X_OK());
  my $e = $! + 0;
  # The kernel tells a missing right before it tells that the file system is read-only.
  $e = POSIX::EROFS() if $e == POSIX::EACCES() && is_read_only($p =~ m{^/proc/self/fd/} ? readlink($p) : $p);
  os_stop($e, $name);
}
sub is_read_only {
  my $real = shift;
  open(my $f, "<", "/proc/self/mountinfo") or return 0;
  my ($longest, $ro) = (0, 0);
  while (<$f>) {
    chomp;
    my @w = split / /;
    my $m = $w[4];
    next if length $m < $longest || !($m eq $real || index($real, $m eq "/" ? $m : "$m/") == 0);
    ($longest, $ro) = (length $m, $w[5] =~ /^ro(,|$)/ || $w[-1] =~ /^ro(,|$)/);
  }
  return $ro;
}

# --- stage ---------------------------------------------------------------------------------------------------------------

my ($s_id, $s_data, $s_at, $s_over);
sub next_segment {
  if (length $s_data) { say_("+", $s_id, length $s_data); flush_out(); $s_data = ""; $s_at = 0; }
  my $line = <STDIN>;
  exit 0 unless defined $line;
  my @w = split " ", $line;
  if ($w[0] eq "d") {
    my $n = $w[1] * $w[2];
    my $got = read(STDIN, $s_data, $n);
    exit 0 unless defined $got && $got == $n;
    return 1;
  }
  $s_over = 1;
  stop("ABORTED") if $w[0] ne "e";
  return 0;
}
# Up to n bytes; fewer only at the end of a segment.
sub take {
  my $n = shift;
  while ($s_at == length $s_data) { stop("SHORT", "", "the archive ended early") if $s_over || !next_segment(); }
  my $part = substr($s_data, $s_at, $n);
  $s_at += length $part;
  return $part;
}
sub exact { my $n = shift; my $p = take($n); $p .= take($n - length $p) while length $p < $n; return $p; }
sub header {
  for (;;) {
    my $b = exact(512);
    my $kind = substr($b, 156, 1);
    return $kind if index("xgLK", $kind) < 0 || $kind eq "";
    my $n = oct((substr($b, 124, 12) =~ /^([0-7]+)/)[0] || "0");
    exact(int(($n + 511) / 512) * 512) if $n;
  }
}
sub stage_file {
  my ($full, $path, $mode, $size, $digest) = @_;
  sysopen(my $f, $full, $WR | $CR | $EX, $mode) or return 0;
  my $h = $SHA ? Digest::SHA->new(256) : undef;
  for (my $left = $size; $left > 0;) {
    my $p = take($left);
    $left -= length $p;
    $h->add($p) if $h;
    write_all($f, $p);
  }
  close $f or os_stop($! + 0, $path);
  stop("DIGEST", $path) if $h && $h->hexdigest ne $digest;
  chmod $mode, $full if $mode & 07000;
  exact(512 - $size % 512) if $size % 512;
  return 1;
}
sub unpack_all {
  my ($steps, $top) = @_;
  for my $step (@$steps) {
    my ($op, $path, $mode, $size, $value) = @$step;
    next unless $op eq "f" || $op eq "d" || $op eq "l";
    $at = $path;
    my $full = "$top/$path";
    my $kind = header();
    stop("ORDER", $path, "the archive does not go with the plan") if ($op eq "f") != ($kind eq "0" || $kind eq "\0") || ($op eq "d") != ($kind eq "5");
    for my $try (0, 1) {
      my $done = $op eq "d" ? mkdir($full, $mode) : $op eq "l" ? symlink($value, $full) : stage_file($full, $path, $mode, $size, $value);
      last if $done;
      my $e = $! + 0;
      if ($op eq "d" && $e == POSIX::EEXIST()) { chmod $mode, $full; last; }
      os_stop($e, $path) if $try || $e != POSIX::ENOENT();
      mkdirs(dirname($full));
    }
  }
}
sub op_stage {
  my ($id, $root, $state, $name, $in_place, @rest) = @_;
  my @steps;
  while (@rest >= 6) { my @s = splice(@rest, 0, 6); $s[2] = oct $s[2]; push @steps, \@s; }
  ($s_id, $s_data, $s_at, $s_over) = ($id, "", 0, 0);
  my ($dir, $top) = ("$state/$name", "$state/$name/t");
  my $ok = eval {
    $at = $state;
    $under_way = $dir;
    mkdir($dir, 0700) && mkdir($top, 0700) or os_stop($! + 0, $state);
    unpack_all(\@steps, $top);
    next_segment() while !$s_over;
    unless ($SHA) {
      my @files = grep { $$_[0] eq "f" } @steps;
      my $found = digests(map { "$top/$$_[1]" } @files);
      for (@files) { stop("DIGEST", $$_[1]) if ($$found{"$top/$$_[1]"} || "") ne $$_[4]; }
    }
    1;
  };
  if ($ok) {
    $stages{$id} = { root => $root, state => $state, dir => $dir, top => $top, in_place => $in_place eq "1", steps => \@steps };
    say_(".", $id);
    return;
  }
  my $e = $@;
  # Told at once, so that the rest need not be sent; what is under way is read and dropped.
  remove_tree($dir);
  failed($id, $e);
  flush_out();
  while (!$s_over) { $s_data = ""; eval { next_segment(); }; }
}

# --- commit --------------------------------------------------------------------------------------------------------------

my $has_proc = $O_DIR && $O_NOF && do { my $ok = 0; if (sysopen(my $d, "/", $RD | $O_DIR)) { $ok = -d "/proc/self/fd/" . fileno($d) . "/."; } $ok; };
my ($f_root, @f_names, @f_fds);
sub folders { $f_root = shift; @f_names = @f_fds = (); if ($has_proc) { sysopen(my $d, $f_root, $RD | $O_DIR | $O_NOF) or os_stop($! + 0, $f_root); push @f_fds, $d; } }
# A path that leads to the folder without going over any link; nothing where there is none, with the reason in $!.
sub folder {
  my $path = shift;
  my @want = split m{/}, $path;
  if (!$has_proc) {
    my $p = $f_root;
    for my $n (@want) { $p = joined($p, $n); unless (is_dir($p)) { $! = POSIX::ENOTDIR(); return; } }
    return $p;
  }
  my $same = 0;
  $same++ while $same < @want && $same < @f_names && $want[$same] eq $f_names[$same];
  while (@f_names > $same) { pop @f_names; pop @f_fds; }
  for my $n (@want[$same .. $#want]) {
    sysopen(my $d, "/proc/self/fd/" . fileno($f_fds[-1]) . "/$n", $RD | $O_DIR | $O_NOF) or return;
    push @f_fds, $d;
    push @f_names, $n;
  }
  return "/proc/self/fd/" . fileno($f_fds[-1]);
}
sub is_gone { my $e = shift; return $e == POSIX::ENOENT() || $e == POSIX::ENOTDIR() || $e == POSIX::ELOOP(); }
sub all_doomed {
  my ($full, $path, $doomed) = @_;
  for my $n (names($full)) {
    return 0 unless $$doomed{"$path/$n"};
    return 0 if is_dir("$full/$n") && !all_doomed("$full/$n", "$path/$n", $doomed);
  }
  return 1;
}
sub precheck {
  my ($steps, $in_place) = @_;
  my %doomed = map { $$_[1] => 1 } grep { $$_[0] eq "x" || $$_[0] eq "y" } @$steps;
  my %writable;
  for my $step (@$steps) {
    my ($op, $path, $mode, $size, $value, $flags) = @$step;
    next if substr($flags, 0, 1) ne "m";
    my $with = substr($flags, 1);
    $at = $path;
    my $parent = dirname($path);
    my $dir = folder($parent);
    unless (defined $dir) { stop("CHANGED", $path, "its folder is not there any more") if is_gone($! + 0); os_stop($! + 0, $path); }
    my $full = "$dir/" . basename($path);
    # Written in place, a file needs no right to its folder.
    access_to($dir, $path) unless $in_place && $op eq "f" && -f $full && !-l $full || $writable{$parent}++;
    next unless there($full);
    if (is_dir($full)) {
      stop("CHANGED", $path, "a folder appeared there") if $op eq "d";
      stop("FOREIGN", $path, "a folder is there with what kinsync did not place") if $with ne "d" || !all_doomed($full, $path, \%doomed);
    } elsif ($op eq "d" && $with ne "f" && $with ne "l" && !-l $full) { stop("CHANGED", $path, "a file appeared there"); }
  }
}
sub copy_bytes {
  my ($src, $h) = @_;
  sysopen(my $f, $src, $RD) or os_stop($! + 0, $at);
  my ($d, $n) = ("", 0);
  while (my $k = sysread($f, $d, 262144)) { write_all($h, $d); $n += $k; }
  return $n;
}
sub copy_over { my ($src, $full) = @_; sysopen(my $h, $full, $WR | $O_NOF) or os_stop($! + 0, $at); my $n = copy_bytes($src, $h); truncate($h, $n) or os_stop($! + 0, $at); close $h or os_stop($! + 0, $at); }
sub copy_tree {
  my ($src, $full) = @_;
  my @st = lstat $src;
  if (-l _) { symlink(readlink($src), $full) or os_stop($! + 0, $at); }
  elsif (-d _) {
    mkdir($full, 0700) or os_stop($! + 0, $at);
    copy_tree("$src/$_", "$full/$_") for names($src);
    chmod $st[2] & 07777, $full;
  } else {
    sysopen(my $h, $full, $WR | $CR | $EX, $st[2] & 07777) or os_stop($! + 0, $at);
    copy_bytes($src, $h);
    close $h or os_stop($! + 0, $at);
    utime $st[9], $st[9], $full;
  }
}
sub place {
  my ($op, $src, $full, $path, $in_place) = @_;
  return if rename($src, $full);
  my $e = $! + 0;
  my $busy = $e == POSIX::EBUSY() || $e == POSIX::ETXTBSY();
  return copy_over($src, $full) if $op eq "f" && $in_place && there($full);
  stop("MOUNTED", $path, POSIX::strerror($e)) if $busy;
  os_stop($e, $path) if $e != POSIX::EXDEV();
  # Another mount below the root: a copy beside the place, then the rename.
  my $temp = dirname($full) . "/.kinsync-" . int(rand(1e9)) . "-$$";
  eval { copy_tree($src, $temp); 1 } or do { my $x = $@; is_dir($temp) ? remove_tree($temp) : unlink($temp); die $x; };
  return if rename($temp, $full);
  $e = $! + 0;
  is_dir($temp) ? remove_tree($temp) : unlink($temp);
  stop("MOUNTED", $path, POSIX::strerror($e)) if $e == POSIX::EBUSY() || $e == POSIX::ETXTBSY();
  os_stop($e, $path);
}
sub move_in {
  my ($step, $top, $in_place) = @_;
  my ($op, $path, $mode, $size) = @$step;
  my $dir = folder(dirname($path));
  os_stop($! + 0, $path) unless defined $dir;
  my ($full, $src) = ("$dir/" . basename($path), "$top/$path");
  my @old = lstat $full;
  if (@old && is_dir($full)) { rmdir($full) or os_stop($! + 0, $path); }
  elsif (@old && $op eq "d") { unlink($full) or os_stop($! + 0, $path); }
  elsif (@old && $op eq "f" && ($old[2] & 0170000) == 0100000) {
    my @new = lstat $src;
    if ($> == 0 && ($old[4] != $new[4] || $old[5] != $new[5])) { chown($old[4], $old[5], $src); chmod($mode, $src); }
    # Whole seconds only: one more, for the fraction that may have been cut off.
    if ($old[7] == $size && $new[9] < $old[9] + 2) { utime($old[9] + 2, $old[9] + 2, $src); }
  }
  place($op, $src, $full, $path, $in_place);
}
sub carry_out {
  my ($step, $top, $in_place) = @_;
  my ($op, $path, $mode, $size, $value, $flags) = @$step;
  if ($op eq "f" || $op eq "d" || $op eq "l") { move_in($step, $top, $in_place) if substr($flags, 0, 1) eq "m"; return; }
  my $dir = folder(dirname($path));
  my $ok = defined $dir;
  if ($ok) {
    my $full = "$dir/" . basename($path);
    my $st = there($full) or return;
    my $type = $$st[2] & 0170000;
    if ($op eq "x" && $type != 0040000) { $ok = unlink $full; }
    elsif ($op eq "y" && $type == 0040000) { $ok = rmdir $full; }
    elsif ($op eq "c" && $type != 0120000 && ($$st[2] & 07777) != $mode) { $ok = chmod $mode, $full; }
  }
  return if $ok;
  my $e = $! + 0;
  # Gone already, no folder any more, or a folder with something in it: no failure.
  return if is_gone($e) || $op eq "y" && ($e == POSIX::ENOTEMPTY() || $e == POSIX::EEXIST());
  os_stop($e, $path);
}
sub append { my ($path, $d) = @_; return unless length $d; sysopen(my $f, $path, $WR | $AP | $CR | $O_NOF, 0600) or os_stop($! + 0, $at); write_all($f, $d); close $f or os_stop($! + 0, $at); }
# A journal that grew long gives way to what it comes to. Where that fails, it stays long.
sub compact { my ($path, $temp, $d) = @_; eval { append($temp, $d); 1 } && rename($temp, $path) if length $d; }
sub owner_check {
  my ($state, $needle) = @_;
  my $present = marker_of($state);
  stop("STATE", $state, "the state directory was removed in the container") unless defined $present;
  stop("TAKEN", $state, $present) if index($present, $needle) < 0;
}
sub op_commit {
  my ($id, $stage_id, $needle, $marker, $placed, $unplaced, $compacted) = @_;
  my $s = delete $stages{$stage_id} or stop("UNSTAGED");
  my $state = $$s{state};
  my $ok = eval {
    $at = $state;
    owner_check($state, $needle);
    folders($$s{root});
    precheck($$s{steps}, $$s{in_place});
    $at = $state;
    compact("$state/manifest", "$$s{dir}/journal", $compacted);
    append("$state/manifest", $placed);
    ($told, $tells, $hashing) = (time, $id, 0);
    for my $step (@{$$s{steps}}) { $at = $$step[1]; alive(); carry_out($step, $$s{top}, $$s{in_place}); }
    $at = $state;
    append("$state/manifest", $unplaced);
    # A run that took the root over meanwhile keeps it.
    owner_check($state, $needle);
    put_marker($state, $marker);
    1;
  };
  my $e = $@;
  @f_names = @f_fds = ();
  if ($ok) { say_(".", $id, scalar @{$$s{steps}}); flush_out(); }
  remove_tree($$s{dir});
  die $e unless $ok;
}
sub op_discard { my ($id, $state, $name) = @_; my $dir = "$state/$name"; for my $k (keys %stages) { delete $stages{$k} if $stages{$k}{dir} eq $dir; } remove_tree($dir); say_(".", $id); }

# --- start ---------------------------------------------------------------------------------------------------------------

sub incarnation {
  if (open(my $f, "<", "/proc/self/mountinfo")) { while (<$f>) { my @w = split / /; return $w[3] if $w[4] eq "/dev/termination-log"; } }
  open(my $b, "<", "/proc/sys/kernel/random/boot_id") or return "-";
  open(my $p, "<", "/proc/1/stat") or return "-";
  my ($boot, $stat) = (scalar <$b>, scalar <$p>);
  chomp $boot;
  $stat =~ s/^.*\) //s;
  return "$boot:" . (split / /, $stat)[19];
}
say_("kinsync", 1, "perl", $<, word(incarnation()), word(POSIX::getcwd()));
flush_out();
sub op_ping { my ($id, $state, $needle) = @_; owner_check($state, $needle) if defined $needle; say_(".", $id); }
my %ops = (ping => \&op_ping, inventory => \&op_inventory, claim => \&op_claim, stage => \&op_stage, commit => \&op_commit, discard => \&op_discard);
while (defined(my $line = <STDIN>)) {
  my ($op, $id, $n) = split " ", $line;
  my $payload = "";
  if ($n > 0) { my $got = read(STDIN, $payload, $n); last unless defined $got && $got == $n; }
  $at = "";
  eval { $ops{$op}->($id, split(/\0/, $payload, -1)); 1 } or failed($id, $@);
  flush_out();
}
exit 0;
`;
