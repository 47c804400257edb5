//go:build e2e

package e2e

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// differences are where an image of imgo's is meant to differ from that of the
// Dockerfile beside it.
type differences struct {
	config func(*v1.Config)  // makes the Dockerfile's into imgo's
	files  map[string]string // path to what imgo's is, empty where it has none
	ignore []string          // beginnings of paths
}

// compare builds the Dockerfile with docker and compares what comes out with a tarball
// of imgo's.
func (g *guideRun) compare(file string, d differences) {
	g.t.Helper()
	e := docker(g.t)
	classic := "guide-" + strings.ToLower(path.Base(g.dir))
	g.run(g.docker, "build", "-q", "-t", classic, ".")
	e.forget(g.sandbox, classic)
	g.run(g.docker, "save", "-o", g.path("classic.tar"), classic)
	want, wantFiles := readImage(g.sandbox, g.path("classic.tar"))
	got, gotFiles := readImage(g.sandbox, g.path(file))
	d.config(&want)
	ignore := []cmp.Option{
		cmpopts.EquateEmpty(), cmpopts.IgnoreFields(v1.Config{}, "Image", "ArgsEscaped"),
	}
	if len(got.Labels) == 0 {
		g.t.Error("imgo set no labels")
	}
	maps.DeleteFunc(got.Labels, func(key, _ string) bool { return strings.HasPrefix(key, "org.opencontainers.image.") })
	if diff := cmp.Diff(want, got, ignore...); diff != "" {
		g.t.Errorf("the image's configuration (-Dockerfile +imgo):\n%s", diff)
	}
	for _, name := range slices.Sorted(maps.Keys(wantFiles)) {
		entry, known := d.files[name]
		if !known {
			entry = wantFiles[name]
		}
		if slices.Contains([]string{"dev", "proc", "sys"}, name) {
			continue // left behind by RUN
		}
		if gotFiles[name] != entry && !slices.ContainsFunc(d.ignore, func(p string) bool { return strings.HasPrefix(name, p) }) {
			g.t.Errorf("/%s is %q with the Dockerfile and %q with imgo", name, entry, gotFiles[name])
		}
	}
}

// readImage is the configuration of an image in a tarball, and the kind, mode and
// owner of each of its files.
func readImage(s *sandbox, file string) (v1.Config, map[string]string) {
	s.t.Helper()
	img, err := tarball.ImageFromPath(file, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	cf, err := img.ConfigFile()
	if err != nil {
		s.t.Fatal(err)
	}
	rc := mutate.Extract(img)
	defer rc.Close()
	files := map[string]string{}
	for tr := tar.NewReader(rc); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return cf.Config, files
		}
		if err != nil {
			s.t.Fatal(err)
		}
		files[strings.Trim(path.Clean("/"+h.Name), "/")] = fmt.Sprintf("%c %04o %d:%d %s", h.Typeflag, h.Mode&0o7777, h.Uid, h.Gid, h.Linkname)
	}
}

// has checks that an image has files.
func (g *guideRun) has(file string, paths ...string) {
	g.t.Helper()
	_, files := readImage(g.sandbox, g.path(file))
	for _, p := range paths {
		if files[p] == "" {
			g.t.Errorf("/%s is not in the image", p)
		}
	}
}

// runs checks what an image prints.
func (g *guideRun) runs(file, want string, args ...string) {
	g.t.Helper()
	e := podman(g.t)
	name := e.load(g.sandbox, g.path(file))[0]
	if got := e.run(g.sandbox, append([]string{"run", "--rm", "--network=none", name}, args...)...); !strings.HasPrefix(got, want) {
		g.t.Errorf("it says %q, want %q", got, want)
	}
}

// serves runs an image as it is, and asks it for its user and directory.
func (g *guideRun) serves(e engine, file, whoami string) {
	g.t.Helper()
	name := e.load(g.sandbox, g.path(file))[0]
	c := e.start(g.sandbox, name)
	if got := c.get("/whoami"); got != whoami {
		g.t.Errorf("%s runs it as %q, want %q", e.name, got, whoami)
	}
	c.stop()
}

func checkGuideScratch(g *guideRun) {
	if g.printed[0] != g.printed[1] {
		g.t.Errorf("the configuration makes %s, the flags %s", g.printed[0], g.printed[1])
	}
	g.compare("server.tar", differences{
		config: func(c *v1.Config) {
			c.User, c.WorkingDir = "65534:65534", "/"
			c.Env = []string{basePath + ":/", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"}
		},
		ignore: []string{"usr/share/zoneinfo/"}, // Debian's have more names
	})
	g.has("server.tar", "usr/share/zoneinfo/Europe/Berlin", "tmp")
	for _, e := range engines(g.t) {
		g.serves(e, "server.tar", "65534:65534 /")
	}
}

func checkGuideAlpine(g *guideRun) {
	// What was built last stands on imgo's own base.
	g.runs("server.tar", "1.4.0 CET", "version")
	g.run("/bin/sh", "-c", "VERSION=1.4.0 imgo build")
	g.compare("server.tar", differences{
		config: func(c *v1.Config) {
			c.User = "10001:10001"
			c.Healthcheck.Test = []string{"CMD", "/imgo/probe", "http://127.0.0.1:8080/healthz", "-timeout", "3s"}
		},
		files: map[string]string{
			"var/lib/app": "5 0750 10001:10001 ", "usr/bin/ca-certificates": "", "usr/bin/tzdata": "",
		},
	})
	for _, e := range engines(g.t) {
		name := e.load(g.sandbox, g.path("server.tar"))[0]
		if got := e.run(g.sandbox, "run", "--rm", "--network=none", name, "version"); got != "1.4.0 CET" {
			g.t.Errorf("it says %q, want its version and time zone", got)
		}
		var options []string
		if e.name == "docker" { // which runs the check by its own clock
			options = []string{"--health-interval=500ms"}
		}
		id := e.detach(g.sandbox, name, options...)
		script := `pwd; id -u; id -g; echo $HOME $LOG_LEVEL; cat templates/mail/welcome.txt; ls migrations; echo >$HOME/data; migrate up; wget -q -O - http://localhost:8080/healthz`
		want := "/srv/app\n10001\n10001\n/var/lib/app info\nwelcome\n0001_init.sql\n0002_more.sql\nup\nok"
		if got := e.exec(g.sandbox, id, "/bin/sh", "-c", script); got != want {
			g.t.Errorf("%s: a shell in it prints %q, want %q", e.name, got, want)
		}
		checkHealthy(g.sandbox, e, id)
		e.run(g.sandbox, "stop", "-t", "10", id)
		if got := e.run(g.sandbox, "inspect", "--format", "{{.State.ExitCode}}", id); got != "0" {
			g.t.Errorf("%s: after its signal to stop it ended with %s", e.name, got)
		}
	}
}

func checkGuideDistroless(g *guideRun) {
	if g.printed[0] != g.printed[2] {
		g.t.Errorf("without imgo.lock it is %s, with it %s", g.printed[0], g.printed[2])
	}
	g.compare("server.tar", differences{config: func(c *v1.Config) {
		c.User = "65532:65532"
		c.Env[0] += ":/"
		c.Labels = nil // they describe the base
	}})
	g.serves(docker(g.t), "server.tar", "65532:65532 /home/nonroot")
}

func checkGuideCgo(g *guideRun) {
	// The last command failed, and left the good image alone.
	g.compare("migrate.tar", differences{config: func(c *v1.Config) {
		c.User, c.WorkingDir = "65532:65532", "/"
		c.Env[0] += ":/"
	}})
	g.runs("migrate.tar", "42\nup", "up")
}

func checkGuideCaches(g *guideRun) {
	if !strings.Contains(g.printed[1], g.cache) {
		g.t.Errorf("imgo cache info does not name %s:\n%s", g.cache, g.printed[1])
	}
}

// checkGuidePlatforms checks that arm64 has the other base.
func checkGuidePlatforms(g *guideRun) {
	skopeo(g.sandbox, "copy", "--override-arch=arm64", "oci-archive:"+g.path("server.tar"), "oci:"+g.path("arm64"))
	var got struct{ Config v1.Config }
	if err := json.Unmarshal([]byte(skopeo(g.sandbox, "inspect", "--override-arch=arm64", "--config", "--raw", "oci:"+g.path("arm64"))), &got); err != nil {
		g.t.Fatal(err)
	}
	if base := got.Config.Labels["org.opencontainers.image.base.name"]; base != "docker.io/library/alpine:3.24" {
		g.t.Errorf("the base for arm64 is %q", base)
	}
}

func checkGuideExclude(g *guideRun) {
	_, files := readImage(g.sandbox, g.path("server.tar"))
	var got []string
	for name, entry := range files {
		if rel, ok := strings.CutPrefix(name, "srv/www/"); ok && entry[0] != tar.TypeDir {
			got = append(got, rel)
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"app.js", "index.html", "js/b.js", "js/test/kept.js", "keep.map"}, got); diff != "" {
		g.t.Errorf("files in the image (-want +got):\n%s", diff)
	}
}
