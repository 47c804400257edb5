// Package memory tells how much memory is to be had, so that not more is started at a
// time than fits: a linker of Go's can take a gigabyte.
package memory

import (
	"bufio"
	"bytes"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// Available is how many bytes of memory can be taken without swapping or being killed: what
// the kernel estimates, or less where a control group of this process limits it. It is 0 where
// that isn't known, as on systems without /proc.
func Available() int64 { return available("/") }

// available reads below root, which is "/" except in tests.
func available(root string) int64 {
	least := field(filepath.Join(root, "proc", "meminfo"), "MemAvailable:") << 10
	raw, err := os.ReadFile(filepath.Join(root, "proc", "self", "cgroup"))
	if err != nil {
		return least
	}
	for line := range strings.Lines(string(raw)) {
		// hierarchy:controllers:path, where the second version has no controllers (cgroups(7)).
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(parts) != 3 {
			continue
		}
		var left int64
		switch {
		case parts[1] == "":
			left = room(filepath.Join(root, "sys/fs/cgroup"), parts[2], "memory.max", "memory.current")
		case strings.Contains(","+parts[1]+",", ",memory,"):
			left = room(filepath.Join(root, "sys/fs/cgroup/memory"), parts[2], "memory.limit_in_bytes", "memory.usage_in_bytes")
		}
		if left > 0 && (least == 0 || left < least) {
			least = left
		}
	}
	return least
}

// room is what the tightest of a group and those above it leaves; 0 for no limit. In a
// container the group may not be visible by its name, but its mount is the group itself.
func room(mount, group, limitFile, usageFile string) int64 {
	var least int64
	for dir := path.Clean("/" + group); ; dir = path.Dir(dir) {
		at := filepath.Join(mount, filepath.FromSlash(dir))
		limit, used := number(filepath.Join(at, limitFile)), number(filepath.Join(at, usageFile))
		// Pages of files count as used, but are given back when asked for.
		used -= field(filepath.Join(at, "memory.stat"), "inactive_file") + field(filepath.Join(at, "memory.stat"), "active_file")
		if limit > 0 {
			if left := max(limit-max(used, 0), 1); least == 0 || left < least {
				least = left
			}
		}
		if dir == "/" {
			return least
		}
	}
}

// number reads a file that holds one; "max" and what can't be read are 0.
func number(path string) int64 {
	raw, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(string(bytes.TrimSpace(raw)), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// field reads the number after a word that begins a line.
func field(path, word string) int64 {
	f, err := os.Open(path)
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if parts := strings.Fields(lines.Text()); len(parts) >= 2 && parts[0] == word {
			n, err := strconv.ParseInt(parts[1], 10, 64)
			if err != nil {
				return 0
			}
			return max(n, 0)
		}
	}
	return 0
}
