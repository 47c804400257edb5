//go:build e2e

package e2e

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Killed at any moment, imgo leaves nothing that the next run could take for whole.
func TestKilled(t *testing.T) {
	s := newSandbox(t)
	mod := s.module("server", "mod")
	repo := plainRegistry(t) + "/killed/server"
	out := s.path("out.tar")
	push := []string{"push", "-C", "mod", "./cmd/server", "-t", repo + ":v1"}
	build := []string{"build", "-C", "mod", "./cmd/server", "-o", out}

	edit(s, mod, "before")
	begin := time.Now()
	digests := map[string]bool{digest(t, s.imgo(push...)): true}
	whole := time.Since(begin)
	s.imgo(build...)

	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d, a whole run takes %s", seed, whole)
	random := rand.New(rand.NewPCG(seed, 0))
	const kills = 10
	for i := range kills {
		edit(s, mod, fmt.Sprint("kill ", i))
		args := [][]string{push, build}[i%2]
		after := time.Duration(random.Int64N(int64(whole)))
		timer := make(chan struct{})
		time.AfterFunc(after, func() { close(timer) })
		killAt(s, timer, args...)
		checkBlobs(s)
		if i%3 == 0 { // in the other cases the next one meets what the last left
			digests[digest(t, s.imgo(push...))] = true
		}
		// The tag is what it was or what it was to be, and complete.
		skopeo(s, "copy", "docker://"+repo+":v1", "dir:"+s.path("pulled"))
		inspect(s, "oci-archive:"+out)
	}
	want := digest(t, s.imgo(push...))
	s.imgo(build...)
	if n := checkBlobs(s); n == 0 {
		t.Error("there are no blobs in the cache: nothing was checked")
	}
	clean := newSandbox(t)
	if err := os.CopyFS(clean.path("mod"), os.DirFS(mod)); err != nil {
		t.Fatal(err)
	}
	if got := digest(t, clean.imgo("build", "-C", "mod", "./cmd/server")); got != want {
		t.Errorf("after the kills the digest is %s, with an empty cache %s", want, got)
	}
	if got := rawDigest(s, "oci-archive:"+out); got != want {
		t.Errorf("the tarball has %s, the registry %s", got, want)
	}
	skopeo(s, "copy", "docker://"+repo+"@"+want, "oci:"+s.path("layout"))
	d := docker(t)
	d.load(s, out)
	d.start(s, "imgo.local/server")
}

// killAt runs imgo and kills it, with SIGKILL and without its children, at a moment.
// It may have ended before.
func killAt(s *sandbox, moment <-chan struct{}, args ...string) {
	s.t.Helper()
	cmd := s.command(context.Background(), suite.imgo, args...)
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	<-moment
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	s.note(result{line: cmd.String(), code: cmd.ProcessState.ExitCode()})
}

// checkBlobs checks that every blob in the cache is what its name says.
func checkBlobs(s *sandbox) int {
	s.t.Helper()
	n := 0
	err := filepath.WalkDir(filepath.Join(s.cache, "v1", "blobs"), func(path string, d os.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if sum := fmt.Sprintf("%x", sha256.Sum256(content)); sum != d.Name() {
			s.t.Errorf("the blob %s in the cache has the digest %s", path, sum)
		}
		n++
		return nil
	})
	if err != nil {
		s.t.Error(err)
	}
	return n
}
