package gobuild

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLines(t *testing.T) {
	var got []string
	l := &lines{emit: func(s string) { got = append(got, s) }}
	for _, chunk := range []string{"one\ntw", "o\r\n\nthr", "ee"} {
		fmt.Fprint(l, chunk)
	}
	l.flush()
	l.flush()
	if diff := cmp.Diff([]string{"one", "two", "", "three"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := l.tail(); got != "one\ntwo\r\n\nthree" {
		t.Errorf("tail = %q", got)
	}
}

func TestLinesAreBounded(t *testing.T) {
	l := &lines{}
	for i := range 20000 {
		fmt.Fprintf(l, "line %d\n", i)
	}
	fmt.Fprint(l, strings.Repeat("x", 3*keepOutput/2))
	if len(l.kept) > keepOutput || len(l.partial) > keepOutput {
		t.Errorf("%d bytes kept, %d pending", len(l.kept), len(l.partial))
	}
	l = &lines{}
	for i := range 20000 {
		fmt.Fprintf(l, "line %d\n", i)
	}
	if tail := l.tail(); !strings.HasPrefix(tail, "line ") || !strings.HasSuffix(tail, "\nline 19999") {
		t.Errorf("tail is %q … %q", tail[:20], tail[len(tail)-20:])
	}
}

func TestCompileErrorOfAFullDisk(t *testing.T) {
	full := &CompileError{Output: "# x\nlink: mapping output file failed: " + syscall.ENOSPC.Error()}
	if !errors.Is(full, syscall.ENOSPC) {
		t.Errorf("%q is not taken for a full disk", full.Output)
	}
	if other := (&CompileError{Output: "x.go:1:1: syntax error"}); errors.Is(other, syscall.ENOSPC) {
		t.Errorf("%q is taken for a full disk", other.Output)
	}
}
