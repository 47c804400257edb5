package main

import (
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestNothingOfOursRunsBeforeMain bounds what imgo's own packages do before main, which
// every command pays for. What makes a package go over the bound is a package-level
// map, regular expression (see internal/pattern) or call. Allocations are counted, which
// unlike times are the same in every run.
func TestNothingOfOursRunsBeforeMain(t *testing.T) {
	const most = 64 // of a package; before they were looked at, some had 261
	const ours = "github.com/imgo-build/imgo/"
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^$")
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	line := regexp.MustCompile(`(?m)^init (\S+) @.* ms clock, (\d+) bytes, (\d+) allocs$`)
	found := line.FindAllStringSubmatch(string(out), -1)
	if len(found) < 20 {
		t.Fatalf("only %d packages are initialised: is this no longer how it is traced?\n%s", len(found), out)
	}
	for _, m := range found {
		allocs, err := strconv.Atoi(m[3])
		if err != nil {
			t.Fatal(err)
		}
		if path, ok := strings.CutPrefix(m[1], ours); ok && allocs > most {
			t.Errorf("%s allocates %d times (%s bytes) before main, more than %d", path, allocs, m[2], most)
		}
	}
}
