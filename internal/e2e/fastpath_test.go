//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A CI machine begins with a fresh checkout, in a directory of its own, and with the cache that
// an earlier machine left: nothing is compiled, and nothing but the question for the tag is
// sent.
func TestRestoredCache(t *testing.T) {
	s := newSandbox(t)
	mod := s.module("server", "mod")
	reg := newTap(t, plainRegistry(t))
	repo := reg.host + "/restored/server"
	push := func(dir string, more ...string) result {
		return s.tryWith(more, "", suite.imgo, "push", "-C", dir, "./cmd/server", "-t", repo+":v1", "--explain")
	}
	first := push("mod")
	if first.code != 0 {
		t.Fatal(first)
	}
	reg.take()

	restored := s.path("restored")
	copyTree(t, restored, s.cache)
	checkout := s.path("another", "place", "checkout")
	copyTree(t, checkout, mod)
	again := push(checkout, "IMGO_CACHE_DIR="+restored)
	if again.code != 0 || again.stdout != first.stdout {
		t.Errorf("elsewhere it is another image:\n%s", again)
	}
	if !strings.Contains(again.stderr, "not compiled: ") || strings.Contains(again.stderr, "asked the go command") {
		t.Errorf("the go command was needed:\n%s", again)
	}
	if got := reg.take(); len(got) > 2 || count(got, "HEAD", "/manifests/v1") != 1 {
		t.Errorf("it sent more than a question for the tag:\n%s", strings.Join(got, "\n"))
	}

	edit(s, checkout, "changed")
	changed := push(checkout, "IMGO_CACHE_DIR="+restored)
	if changed.code != 0 || changed.stdout == first.stdout {
		t.Errorf("an edit made no difference:\n%s", changed)
	}
}

// copyTree copies files without their times.
func copyTree(t *testing.T, to, from string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}
