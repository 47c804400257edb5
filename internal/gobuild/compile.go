package gobuild

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/event"
)

// job is a unit on its way through the go command.
type job struct {
	build.Unit
	chain  *toolchain
	out    *build.Binary // where its outcome goes
	before os.FileInfo   // the binary of an earlier run; nil if none
	kept   kept          // of the binary that was built; empty if there is none
	cgo    *cgoRecord    // what is known of its need for cgo; nil if nothing is
	last   remembered    // of the last time
}

// subject names a job in events and errors.
func (j *job) subject() string {
	return j.Package.ImportPath + " (" + platformName(j.Platform) + ")"
}

// group is the jobs of one go command. They share a toolchain, and no two have the
// same name: the go command would silently leave one of the two binaries.
type group struct {
	chain *toolchain
	key   string // of the toolchain
	jobs  []*job
	began time.Time     // when the go command was started, or earlier
	grace time.Duration // see [Compiler]
	graph graph
}

// Compile implements [build.Compiler]. The error is [*NoGoError] or, wrapped, the
// context's. A binary's Err is a [*CompileError], which [*CgoError] or
// [*NoCCompilerError] may explain, [*CgoError], [*DynamicError], [*PlatformError],
// [*BuildInfoError], an error of the settings (see [Compiler.Load]) or of the build
// directory.
func (c *Compiler) Compile(ctx context.Context, units []build.Unit) ([]build.Binary, error) {
	out := make([]build.Binary, len(units))
	groups, err := c.group(units, out)
	if err != nil {
		return nil, err
	}
	c.recallAll(ctx, groups)
	var wg sync.WaitGroup
	for _, group := range groups {
		wg.Go(func() { c.buildGroup(ctx, group) })
	}
	wg.Wait()
	if ctx.Err() != nil {
		c.Wait()
		for _, b := range out {
			if b.File != nil {
				b.File.Close()
			}
		}
		return nil, fmt.Errorf("compiling: %w", ctx.Err())
	}
	return out, nil
}

// Wait implements [build.Compiler].
func (c *Compiler) Wait() { c.side.Wait() }

// recallAll takes over what did not change since it was built.
func (c *Compiler) recallAll(ctx context.Context, groups []*group) {
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for _, group := range groups {
		group.began = c.clock()
		m, err := c.memo(group.chain)
		for _, j := range group.jobs {
			g.Go(func() error {
				c.recallCompile(ctx, j, m, err)
				return nil
			})
		}
	}
	_ = g.Wait()
}

// group sorts units into groups. A unit that can't be compiled at all gets its
// error here.
func (c *Compiler) group(units []build.Unit, out []build.Binary) ([]*group, error) {
	var groups []*group
	for i, u := range units {
		if u.Package.Err != nil {
			out[i].Err = u.Package.Err
			continue
		}
		t, err := c.toolchain(u.Go, u.Platform)
		if noGo := (*NoGoError)(nil); errors.As(err, &noGo) {
			return nil, err
		}
		if err != nil {
			out[i].Err = err
			continue
		}
		j := &job{Unit: u, chain: t, out: &out[i]}
		key := t.key() + "\n" + t.dir
		into := slices.IndexFunc(groups, func(g *group) bool { return g.key == key && !g.has(u.Package.Name) })
		if into < 0 {
			into = len(groups)
			groups = append(groups, &group{chain: t, key: key, grace: c.grace})
		}
		groups[into].jobs = append(groups[into].jobs, j)
	}
	return groups, nil
}

// has reports whether a group has a binary of that name. Case doesn't tell names
// apart on every file system.
func (g *group) has(name string) bool {
	return slices.ContainsFunc(g.jobs, func(j *job) bool { return strings.EqualFold(j.Package.Name, name) })
}

// dirKey names the build directory of a group. Where the go command runs is no part
// of it: the same build from another directory of the module finds its binaries.
func (g *group) dirKey() string {
	var names []string
	for _, j := range g.jobs {
		root := j.chain.dir
		if m := j.Package.Module; m != nil && m.Version == "" && m.Dir != "" {
			root = m.Dir
		}
		names = append(names, j.Package.ImportPath+" in "+root)
	}
	slices.Sort(names)
	return g.chain.key() + "\n" + strings.Join(names, "\n")
}

func (g *group) subject() string {
	var paths []string
	for _, j := range g.jobs {
		paths = append(paths, j.Package.ImportPath)
	}
	return strings.Join(paths, ", ") + " (" + platformName(g.chain.platform) + ")"
}

// buildGroup runs the go command for a group and fills in the outcomes of its jobs.
func (c *Compiler) buildGroup(ctx context.Context, g *group) {
	done := map[*job]func(string, error){}
	for _, j := range g.jobs {
		if j.last.hit {
			event.Cached(c.events, event.Compile, j.subject())
			continue
		}
		done[j] = event.Track(c.events, event.Compile, j.subject())
	}
	if len(done) > 0 {
		wait := g.foresee(ctx)
		dir := c.buildInDir(ctx, g)
		c.explainCgo(ctx, g, dir)
		c.side.Go(func() {
			c.release(g, dir)
			wait()
			c.saveCompile(ctx, g)
		})
	}
	for _, j := range g.pending() {
		text := ""
		if j.cached() {
			text = "cached"
		}
		done[j](text, oneLine(j.out.Err))
	}
}

// cached reports whether the go command left the binary of an earlier run in place.
func (j *job) cached() bool {
	if j.out.File == nil || j.before == nil {
		return false
	}
	now, err := j.out.File.Stat()
	return err == nil && os.SameFile(now, j.before)
}

// buildInDir lets the go command build a group in the group's directory, and returns that,
// still held, or nil where it can't be had.
func (c *Compiler) buildInDir(ctx context.Context, g *group) Dir {
	pending := g.pending()
	fail := func(err error) {
		for _, j := range pending {
			j.out.Err = err
		}
	}
	atOnce, done, err := c.limit.take(ctx, len(pending))
	if err != nil {
		fail(err)
		return nil
	}
	defer done()
	if g.chain.jobs == 0 {
		g.chain.jobs = atOnce
	}
	dir, err := c.dirs.Dir(ctx, g.dirKey())
	if err != nil {
		fail(fmt.Errorf("opening the build directory: %w", err))
		return nil
	}
	for _, j := range pending {
		if err := dropDamaged(dir, j.Package.Name); err != nil {
			fail(err)
		}
		j.before, _ = os.Stat(filepath.Join(dir.Path(), j.Package.Name))
	}
	if pending[0].out.Err == nil {
		c.runGroup(ctx, g, dir)
	}
	return dir
}

// release records the binaries of a group, which takes a look at all of their bytes, and
// lets others into its directory.
func (c *Compiler) release(g *group, dir Dir) {
	if dir == nil {
		return
	}
	for _, j := range g.pending() {
		if j.out.Err == nil {
			j.kept = keep(dir, j.Package.Name, j.out.File, j.before)
		}
	}
	if err := dir.Release(); err != nil {
		// The binaries are open and checked: what is left behind does them no harm.
		c.events.Emit(event.Event{
			Kind: event.Warning, Stage: event.Compile, Subject: g.subject(),
			Text: "releasing the build directory: " + err.Error(),
		})
	}
}

// runGroup compiles a group together and, where that fails, each package by itself
// to learn which ones it was. What was compiled the first time is not again.
func (c *Compiler) runGroup(ctx context.Context, g *group, dir Dir) {
	seen := map[string]bool{} // what the go command has said already
	pending := g.pending()
	failure, err := c.goBuild(ctx, g.chain, dir, seen, pending...)
	for _, j := range pending {
		if failure != nil && len(pending) > 1 && err == nil && ctx.Err() == nil {
			single, singleErr := c.goBuild(ctx, g.chain, dir, seen, j)
			j.finish(single, singleErr, dir)
			continue
		}
		j.finish(failure, err, dir)
	}
}

// finish fills in a job's outcome from how its go command ended.
func (j *job) finish(failure *CompileError, err error, dir Dir) {
	if failure != nil {
		failed := *failure
		failed.ImportPath = j.Package.ImportPath
		err = &failed
	}
	if err == nil {
		*j.out, err = j.open(dir)
	}
	if err == nil {
		j.cgo = readCgo(dir, j.Package.Name)
	}
	j.out.Err = err
}

// goBuild runs one go build. Its output goes to events, except for lines that were
// seen before, since a package that fails again says the same again. A go command
// that ran and failed is a CompileError, which names no package yet.
func (c *Compiler) goBuild(ctx context.Context, t *toolchain, dir Dir, seen map[string]bool, jobs ...*job) (*CompileError, error) {
	args := []string{"build", "-o", dir.Path() + string(filepath.Separator)}
	args = append(args, t.flags...)
	if t.jobs > 0 {
		args = append(args, fmt.Sprintf("-p=%d", t.jobs))
	}
	args = append(args, "--")
	for _, j := range jobs {
		args = append(args, j.Package.ImportPath)
	}
	subject := (&group{chain: t, jobs: jobs}).subject()
	output := &lines{seen: seen, emit: func(line string) {
		c.events.Emit(event.Event{Kind: event.Output, Stage: event.Compile, Subject: subject, Text: line})
	}}
	cmd := exec.Command(t.path, args...)
	cmd.Dir = t.dir
	cmd.Env = append(t.env[:len(t.env):len(t.env)], "GOTMPDIR="+dir.Tmp())
	cmd.Stdout, cmd.Stderr = output, output
	err := runChild(ctx, cmd, dir.Lock(), c.grace)
	output.flush()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return &CompileError{
			Platform: platformName(t.platform),
			ExitCode: exit.ExitCode(),
			Reason:   exit.Error(),
			Output:   output.tail(),
		}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("running the go command: %w", err)
	}
	return nil, nil
}
