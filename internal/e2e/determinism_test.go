//go:build e2e

package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The same sources give the same digest, whatever the surroundings.
func TestSameDigest(t *testing.T) {
	origin := newSandbox(t)
	origin.module("server", "mod")
	want := digest(t, origin.imgo("build", "-C", "mod", "./cmd/server", "-o", "server.tar"))

	for _, c := range []struct {
		name  string
		build func(s *sandbox) string
	}{
		{"another directory", func(s *sandbox) string {
			s.module("server", "some/where else/über")
			return s.imgo("build", "-C", "some/where else/über", "./cmd/server")
		}},
		{"package's own directory", func(s *sandbox) string {
			s.module("server", "mod")
			return s.imgo("build", "-C", "mod/cmd/server")
		}},
		{"absolute path", func(s *sandbox) string {
			return s.imgo("build", "-C", s.module("server", "mod"), s.path("mod/cmd/server"), "-t", "imgo.local/other")
		}},
		{"import path", func(s *sandbox) string {
			s.module("server", "mod")
			return s.imgo("build", "-C", "mod", "example.com/server/cmd/server")
		}},
		{"all commands", func(s *sandbox) string {
			s.module("server", "mod")
			lines := strings.Split(s.imgo("build", "-C", "mod", "./..."), "\n")
			return lines[len(lines)-1]
		}},
		{"time zone and locale", func(s *sandbox) string {
			s.module("server", "mod")
			s.vars["TZ"], s.vars["LC_ALL"], s.vars["LANG"] = "Pacific/Chatham", "tr_TR.UTF-8", "tr_TR.UTF-8"
			return s.imgo("build", "-C", "mod", "./cmd/server")
		}},
		{"umask", func(s *sandbox) string {
			s.module("server", "mod")
			return s.run("/bin/sh", "-c", `umask 077; exec "$@"`, "sh", suite.imgo, "build", "-C", "mod", "./cmd/server")
		}},
		{"modes and times of the sources", func(s *sandbox) string {
			mod := s.module("server", "mod")
			s.run("chmod", "-R", "u=rwX,go=", mod)
			for _, f := range files(t, mod) {
				then := time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)
				if err := os.Chtimes(filepath.Join(mod, f), then, then); err != nil {
					t.Fatal(err)
				}
			}
			return s.imgo("build", "-C", "mod", "./cmd/server")
		}},
		{"one job", func(s *sandbox) string {
			s.module("server", "mod")
			return s.imgo("build", "-C", "mod", "./cmd/server", "-j", "1")
		}},
		{"four jobs", func(s *sandbox) string {
			s.module("server", "mod")
			return s.imgo("build", "-C", "mod", "./cmd/server", "-j", "4")
		}},
		{"one processor", func(s *sandbox) string {
			s.module("server", "mod")
			s.vars["GOMAXPROCS"] = "1"
			return s.imgo("build", "-C", "mod", "./cmd/server")
		}},
		{"warm cache", func(s *sandbox) string {
			s.module("server", "mod")
			s.imgo("build", "-C", "mod", "./cmd/server")
			return s.imgo("build", "-C", "mod", "./cmd/server")
		}},
		{"registry", func(s *sandbox) string {
			s.module("server", "mod")
			return s.imgo("push", "-C", "mod", "./cmd/server", "-t", plainRegistry(t)+"/same/digest")
		}},
		{"layout", func(s *sandbox) string {
			s.module("server", "mod")
			return s.imgo("build", "-C", "mod", "./cmd/server", "-o", "oci:layout")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := digest(t, c.build(newSandbox(t))); got != want {
				t.Errorf("digest %s, want %s", got, want)
			}
		})
	}
}

// Git's state is not in the image, unless it is asked for.
func TestSameDigestInGit(t *testing.T) {
	s := newSandbox(t)
	mod := s.module("server", "mod")
	build := func(dir string, flags ...string) string {
		t.Helper()
		return digest(t, s.imgo(append([]string{"build", "-C", dir, "./cmd/server"}, flags...)...))
	}
	git := func(args ...string) {
		t.Helper()
		s.run("git", append([]string{"-C", mod, "-c", "user.name=e2e", "-c", "user.email=e2e@example.com", "-c", "init.defaultBranch=main"}, args...)...)
	}
	want := build(mod)
	same := func(state, dir string) {
		t.Helper()
		if got := build(dir); got != want {
			t.Errorf("%s: digest %s, without git %s", state, got, want)
		}
	}
	git("init", "-q")
	same("repository without a commit", mod)
	os.Remove(filepath.Join(mod, "server.tar"))
	git("add", ".")
	git("commit", "-q", "-m", "one")
	same("clean", mod)
	stamped := build(mod, "--vcs")
	if stamped == want {
		t.Error("--vcs does not change the digest: these tests could not see git's state if it was there")
	}
	git("commit", "-q", "--allow-empty", "-m", "two")
	same("another commit", mod)
	git("tag", "v1.2.3")
	same("a tag", mod)
	s.write(filepath.Join(mod, "notes.txt"), "not committed", 0o644)
	same("an untracked file", mod)
	s.write(filepath.Join(mod, ".gitignore"), "# changed\n", 0o644)
	same("a changed file", mod)
	s.run("git", "clone", "-q", "--depth", "1", "file://"+mod, s.path("shallow"))
	same("a shallow clone", s.path("shallow"))
}

// Another user, who has neither caches nor the first one's permissions.
func TestSameDigestAsNobody(t *testing.T) {
	s := newSandbox(t)
	s.module("server", "mod")
	want := digest(t, s.imgo("build", "-C", "mod", "./cmd/migrate", "-o", s.path("migrate.tar")))

	other := newSandbox(t)
	other.module("server", "mod")
	other.vars["GOCACHE"] = other.path("gocache") // cold: the standard library is compiled again
	other.vars["GOMODCACHE"] = other.path("modcache")
	const nobody = 65534
	other.user = &syscall.Credential{Uid: nobody, Gid: nobody}
	root := filepath.Dir(other.dir)
	if err := errors.Join(os.Chown(root, nobody, nobody), os.Chown(other.home, nobody, nobody), os.Chown(other.dir, nobody, nobody)); err != nil {
		t.Fatal(err)
	}
	// The module stays root's and can't be written, so the output goes elsewhere.
	got := digest(t, other.imgo("build", "-C", "mod", "./cmd/migrate", "-o", other.path("migrate.tar")))
	if got != want {
		t.Errorf("digest %s, want %s", got, want)
	}
	other.user = nil
	other.imgo("inspect", other.path("migrate.tar"))
}

// Several imgo at once, with one cache, one layout and one repository.
func TestSeveralAtOnce(t *testing.T) {
	s := newSandbox(t)
	s.module("server", "mod")
	repo := plainRegistry(t) + "/at-once/server"
	layout := "oci:" + s.path("layout")
	const each = 3
	results := make(chan result)
	for i := range 2 * each {
		args := []string{"push", "-C", "mod", "./cmd/server", "-t", repo}
		if i%2 == 1 {
			args = []string{"build", "-C", "mod", "./cmd/server", "-t", repo, "-o", layout}
		}
		mine := s.in(t)
		go func() { results <- mine.try(suite.imgo, args...) }()
	}
	lines := map[string]bool{}
	for range 2 * each {
		r := <-results
		if r.code != 0 {
			t.Errorf("one of several failed:\n%s", r)
		}
		lines[r.stdout] = true
	}
	if len(lines) != 1 {
		t.Fatalf("several at once printed %v, want one reference", lines)
	}
	want := rawDigest(s, "docker://"+repo)
	if got := rawDigest(s, layout); got != want || !lines[repo+"@"+want+"\n"] {
		t.Errorf("the registry has %s, the layout %s, printed was %v", want, got, lines)
	}
	skopeo(s, "copy", layout, "dir:"+s.path("dir"))
	if n := checkBlobs(s); n == 0 {
		t.Error("there are no blobs in the cache: nothing was checked")
	}
}

// SOURCE_DATE_EPOCH is when the image was created, to the second; without it that
// is the epoch.
func TestSourceDateEpoch(t *testing.T) {
	s := newSandbox(t)
	s.module("server", "mod")
	build := func() time.Time {
		t.Helper()
		s.imgo("build", "-C", "mod", "./cmd/server", "-o", s.path("server.tar"))
		return inspect(s, "oci-archive:"+s.path("server.tar")).Created
	}
	if got := build(); !got.Equal(time.Unix(0, 0)) {
		t.Errorf("created %s, want the epoch", got)
	}
	s.vars["SOURCE_DATE_EPOCH"] = "1700000001"
	if got := build(); !got.Equal(time.Unix(1700000001, 0)) {
		t.Errorf("created %s, want 1700000001", got)
	}
}
