package fastpathtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/imgo-build/imgo/internal/config"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/event"
	"github.com/imgo-build/imgo/pkg/imgo"
)

// outcome is what a build came to.
type outcome struct {
	images []string // NAME DIGEST, or NAME failed
	err    string   // empty where all went well
	fast   bool     // the go command was not asked
	how    []string // what events say of it
}

// same reports whether two outcomes are equal for the user.
func (o outcome) same(other outcome) bool {
	return slices.Equal(o.images, other.images) && (o.err == "") == (other.err == "") &&
		(o.err == other.err || o.err == anyWords || other.err == anyWords)
}

// anyWords stands for an error whose words can't be compared.
const anyWords = "failed"

func (o outcome) String() string {
	text := strings.Join(o.images, ", ")
	if o.err != "" {
		text += " error: " + o.err
	}
	return text + "\n\t\t" + strings.Join(o.how, "\n\t\t")
}

// build builds with a cache, as a new process would.
func (w *world) build(cache string) outcome {
	out, done := w.output()
	defer done()
	heard := &events{}
	results, err := w.run(cache, out, heard)
	o := outcome{fast: heard.fast(), how: heard.text}
	for _, r := range results {
		image := r.Target.Name + " " + r.Digest.String()
		if r.Err != nil {
			image = r.Target.Name + " failed"
		}
		o.images = append(o.images, image)
	}
	if err != nil {
		o.err = w.anonymous(err.Error(), cache, out)
	}
	return o
}

func (w *world) run(cache, out string, heard event.Sink) ([]build.Result, error) {
	ctx := context.Background()
	s := w.settings
	env := w.environ()
	given := map[string]string{} // what isn't doesn't count
	for _, flag := range []string{"platform", "ldflags", "gcflags", "tags", "build-env", "vcs"} {
		given[flag] = "--" + flag
	}
	req, err := config.Resolve(config.Input{
		Dir: w.path(s.dir), Patterns: s.patterns, Config: os.DevNull, Output: "oci:" + out, Jobs: runtime.GOMAXPROCS(0),
		Base: config.DefaultBase, User: config.DefaultUser, Workdir: config.DefaultWorkdir, MediaTypes: "oci",
		Platforms: []string{s.platform}, Ldflags: s.ldflags, Gcflags: s.gcflags, BuildTags: s.tags, BuildEnv: s.buildEnv, VCS: s.vcs,
		Given:   given,
		Goflags: w.here(s.env["GOFLAGS"]),
	})
	if err != nil {
		return nil, err
	}
	c, err := imgo.New(imgo.Options{Env: env, Dir: req.Dir, CacheDir: cache, Jobs: req.Jobs, Events: heard, Now: time.Now})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	plan, err := c.Plan(ctx, req)
	if err != nil {
		return nil, err
	}
	return c.Run(ctx, plan)
}

// buildApart builds with a cache in a process of its own.
func (w *world) buildApart(cache string) outcome {
	out, done := w.output()
	defer done()
	cmd := w.process(context.Background(), cache, out)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		w.t.Fatal(err)
	}
	o := outcome{how: []string{stderr.String()}}
	if err != nil {
		o.err = anyWords
	}
	var report struct {
		Images []struct{ Name, Digest, Error string }
	}
	if stdout.Len() > 0 {
		w.check(json.Unmarshal(stdout.Bytes(), &report))
	}
	for _, i := range report.Images {
		if i.Error != "" {
			i.Digest = "failed"
		}
		o.images = append(o.images, i.Name+" "+i.Digest)
	}
	return o
}

// process is the command that builds.
func (w *world) process(ctx context.Context, cache, out string) *exec.Cmd {
	s := w.settings
	args := []string{"build", "-C", w.path(s.dir), "--json", "--config", os.DevNull, "-o", "oci:" + out, "--platform", s.platform}
	for flag, values := range map[string][]string{"--ldflags": s.ldflags, "--gcflags": s.gcflags, "--tags": s.tags, "--build-env": s.buildEnv} {
		for _, v := range values {
			args = append(args, flag+"="+v)
		}
	}
	if s.vcs {
		args = append(args, "--vcs")
	}
	cmd := exec.CommandContext(ctx, filepath.Join(w.temp, "bin", "imgo"), append(args, s.patterns...)...)
	cmd.Dir, cmd.Env = w.temp, append(w.environ(), "IMGO_CACHE_DIR="+cache)
	return cmd
}

// output is a place for images, until done.
func (w *world) output() (dir string, done func()) {
	dir, err := os.MkdirTemp(filepath.Join(w.temp, "out"), "")
	w.check(err)
	return filepath.Join(dir, "layout"), func() { w.check(os.RemoveAll(dir)) }
}

// reference builds with an empty cache.
func (w *world) reference() outcome {
	cache, err := os.MkdirTemp(filepath.Join(w.temp, "out"), "cache")
	w.check(err)
	defer func() { w.check(os.RemoveAll(cache)) }()
	return w.build(cache)
}

var temporary = regexp.MustCompile(`go-build[0-9]+`)

// anonymous leaves out of an error what is different each time.
func (w *world) anonymous(text string, paths ...string) string {
	for _, path := range paths {
		text = strings.ReplaceAll(text, path, "$PATH")
	}
	return temporary.ReplaceAllString(text, "$$TEMP")
}

// events keeps what imgo says of loads and compiles.
type events struct {
	mu    sync.Mutex
	slow  bool // the go command was asked
	known int  // binaries that it was not asked for
	text  []string
}

func (e *events) Emit(ev event.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if ev.Stage != event.Load && ev.Stage != event.Compile || ev.Kind != event.Explained {
		return
	}
	e.text = append(e.text, fmt.Sprintf("%s %s: %s", ev.Stage, ev.Subject, ev.Text))
	switch {
	case strings.HasPrefix(ev.Text, "compiled:"), strings.HasPrefix(ev.Text, "asked the go command:"):
		e.slow = true
	case strings.HasPrefix(ev.Text, "not compiled:"):
		e.known++
	}
}

// fast reports whether the go command was not needed at all.
func (e *events) fast() bool { return e.known > 0 && !e.slow }
