package gobuild

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"

	"golang.org/x/tools/go/packages"

	"github.com/imgo-build/imgo/internal/fastpath"
	"github.com/imgo-build/imgo/internal/stamp"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/event"
)

// compiled is what is remembered of the binary of a unit.
type compiled struct {
	Dir       string // key of the build directory that holds it
	SHA256    string
	Stamp     stamp.State // of the file, when it last had these bytes
	Size      int64
	Key       string
	Info      string // build information, as text, which lacks the next
	GoVersion string
	Notes     []string // see [build.Binary]
	// Go is the version that compiled it, where that is another than the go command's own.
	Go string
}

// compileKey names all of a unit that is not in the base of keys.
func (j *job) compileKey() string {
	return strings.Join([]string{"compile", j.Package.ImportPath, j.Package.Name}, "\x00")
}

// remembered is what a job knows of its last run.
type remembered struct {
	memo *memo
	recalled
	hit bool
}

// recallCompile takes over the binary of an earlier run, if nothing changed that it was
// made of. The memo is that of the job's group, or err says why there is none.
func (c *Compiler) recallCompile(ctx context.Context, j *job, m *memo, err error) {
	if err == nil && j.Go.VCS {
		err = unfit("it is stamped with the state of the repository")
	}
	if err != nil {
		c.explain(event.Compile, j.subject(), "asked the go command: %v", err)
		return
	}
	j.last = remembered{memo: m, recalled: m.recall(ctx, question{what: j.compileKey()}, m.likely(fastpath.Package, j.Package.Dir)...)}
	if j.last.holds {
		if err := c.takeOver(j); err != nil {
			j.last.why = err.Error()
		}
	}
	if !j.last.hit {
		if ctx.Err() == nil {
			c.explain(event.Compile, j.subject(), "asked the go command: %s", j.last.why)
		}
		return
	}
	c.explain(event.Compile, j.subject(), "not compiled: %s", j.last.why)
	for _, note := range j.out.Notes {
		c.events.Emit(event.Event{Kind: event.Warning, Stage: event.Compile, Subject: j.subject(), Text: note})
	}
}

// takeOver opens the remembered binary of a job.
func (c *Compiler) takeOver(j *job) (err error) {
	r := &j.last
	var k compiled
	if json.Unmarshal(r.record.Outcome, &k) != nil {
		return unfit("what is remembered of it can't be read")
	}
	if k.Go != "" {
		if path, ok := j.chain.env.program(k.Go); ok {
			return unfitf("%s has appeared, which the go command may choose", path)
		}
	}
	info, err := debug.ParseBuildInfo(k.Info)
	if err != nil {
		return unfit("what is remembered of it can't be read")
	}
	info.GoVersion = k.GoVersion
	f, err := c.dirs.Open(k.Dir, j.Package.Name)
	if err != nil {
		return unfit("its binary is gone")
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	now, err := f.Stat()
	if err != nil || now.Size() != k.Size {
		return unfit("its binary was replaced")
	}
	intact := k.Stamp == stamp.Of(now)
	if !intact {
		if sum, err := sum(readerAt(f, k.Size)); err != nil || sum != k.SHA256 {
			return unfit("its binary was replaced")
		}
		k.Stamp = stamp.Of(now)
	}
	*j.out = build.Binary{File: f, Size: k.Size, Key: k.Key, Info: info, Notes: k.Notes}
	r.hit = true
	if !intact || r.now.Reread() {
		if outcome, err := json.Marshal(k); err == nil {
			r.memo.put(question{what: j.compileKey()}, &fastpath.Record{Snapshot: r.now, Outcome: outcome})
		}
	}
	return nil
}

// saveCompile remembers the binaries that a group's go command made.
func (c *Compiler) saveCompile(ctx context.Context, g *group) {
	for _, j := range g.pending() {
		if j.last.memo == nil || j.out.Err != nil || ctx.Err() != nil {
			continue
		}
		if err := g.save(ctx, j); err != nil {
			c.explain(event.Compile, j.subject(), "not remembered: %v", err)
		}
	}
}

// save remembers a job's binary, or says why not.
func (g *group) save(ctx context.Context, j *job) error {
	if j.out.Dynamic != nil || j.kept.SHA256 == "" {
		return unfit("the binary is not one to be kept")
	}
	inputs, err := g.inputsOf(ctx, j)
	if err != nil {
		return err
	}
	k := compiled{
		Dir: g.dirKey(), SHA256: j.kept.SHA256, Stamp: j.kept.Stamp, Size: j.out.Size, Key: j.out.Key,
		Info: j.out.Info.String(), GoVersion: j.out.Info.GoVersion, Notes: j.out.Notes,
	}
	if running, _, _ := strings.Cut(j.out.Info.GoVersion, " "); running != j.last.memo.version {
		k.Go = running
		if path, ok := j.chain.env.program(running); ok {
			return unfitf("%s may have compiled it, whose version is not looked at", path)
		}
	}
	outcome, err := json.Marshal(k)
	if err != nil {
		return err
	}
	return j.last.memo.save(ctx, question{what: j.compileKey()}, inputs, j.last.now, g.began, outcome)
}

// inputsOf are the inputs of a job's binary: those of the last time, where the packages are the
// same as then.
func (g *group) inputsOf(ctx context.Context, j *job) ([]fastpath.Input, error) {
	if j.last.now != nil && j.last.sameGraph {
		return j.last.now.Inputs(), nil
	}
	commands, err := g.imports(ctx)
	if err != nil {
		return nil, err
	}
	for _, command := range commands {
		if command.PkgPath == j.Package.ImportPath {
			return j.last.memo.graphInputs(command)
		}
	}
	return nil, unfitf("the go command did not list %s", j.Package.ImportPath)
}

// graph is what the commands of a group import, looked up once.
type graph struct {
	once     sync.Once
	commands []*packages.Package
	err      error
}

// imports lists what the commands of a group import.
func (g *group) imports(ctx context.Context) ([]*packages.Package, error) {
	g.graph.once.Do(func() {
		var paths []string
		for _, j := range g.pending() {
			paths = append(paths, j.Package.ImportPath)
		}
		g.graph.commands, g.graph.err = g.chain.graph(ctx, g.grace, paths...)
	})
	return g.graph.commands, g.graph.err
}

// foresee lists the imports beside the compiler where they will be needed to remember its
// binaries. The returned function waits for that.
func (g *group) foresee(ctx context.Context) (wait func()) {
	for _, j := range g.pending() {
		if j.last.memo != nil && (j.last.now == nil || !j.last.sameGraph) {
			var wg sync.WaitGroup
			wg.Go(func() { _, _ = g.imports(ctx) })
			return wg.Wait
		}
	}
	return func() {}
}

// includesElsewhere reports whether a file of assembly code includes files by a path.
// Of any other kind of file that can't be read it says so too.
func includesElsewhere(path string) bool {
	switch filepath.Ext(path) {
	case ".s", ".S", ".sx", ".h":
	default:
		return false
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return true
	}
	for line := range bytes.Lines(raw) {
		line = bytes.TrimSpace(line)
		if rest, ok := bytes.CutPrefix(line, []byte("#")); ok && bytes.HasPrefix(bytes.TrimSpace(rest), []byte("include")) && bytes.ContainsAny(rest, `/\`) {
			return true
		}
	}
	return false
}

// pending are the jobs that the go command has to do.
func (g *group) pending() []*job {
	var out []*job
	for _, j := range g.jobs {
		if !j.last.hit {
			out = append(out, j)
		}
	}
	return out
}
