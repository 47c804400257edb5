package gobuild

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"

	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/event"
)

// cgoRecord is what was found in a command that was built without cgo. It is kept
// beside the binary, since finding it takes a go list of all that is imported.
type cgoRecord struct {
	Deps     string    `json:"deps"`   // of what modules the binary was made; see depsKey
	Binary   string    `json:"binary"` // its key
	Findings []finding `json:"findings,omitempty"`
}

// holds reports whether a record is still true of a binary. As long as no package
// that is known to need cgo can be among the imports, the modules say enough. A
// finding in files that can change by themselves is checked with each new binary.
func (r *cgoRecord) holds(b *build.Binary) bool {
	if r == nil || r.Deps != depsKey(b.Info) {
		return false
	}
	if r.Binary == b.Key {
		return true
	}
	for _, d := range b.Info.Deps {
		if hasCgoOnly(d.Path) {
			return false
		}
	}
	for _, f := range r.Findings {
		if f.Local {
			return false
		}
	}
	return true
}

// depsKey names the modules that a binary was made of, and the way they are looked at.
func depsKey(info *debug.BuildInfo) string {
	const version = 1 // of what is taken for a package that needs cgo
	h := sha256.New()
	fmt.Fprintln(h, version, info.Path)
	for _, d := range info.Deps {
		for m := d; m != nil; m = m.Replace {
			fmt.Fprintln(h, m.Path, m.Version, m.Sum)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// cgoPath is where the record of a command lies. No other record's name ends so.
func cgoPath(dir Dir, name string) string {
	return filepath.Join(dir.Path(), "."+name+".cgo")
}

// readCgo reads the record of a command, nil if there is none.
func readCgo(dir Dir, name string) *cgoRecord {
	raw, err := os.ReadFile(cgoPath(dir, name))
	r := &cgoRecord{}
	if err != nil || json.Unmarshal(raw, r) != nil {
		return nil
	}
	return r
}

// explainCgo fills in, once a group is built, what the lack or the use of cgo means
// for its jobs. What it finds is written down in the build directory, which is nil where
// there is none; where the check itself fails, there is nothing to say.
func (c *Compiler) explainCgo(ctx context.Context, g *group, dir Dir) {
	var stale []*job
	for _, j := range g.pending() {
		switch failure := (*CompileError)(nil); {
		case errors.As(j.out.Err, &failure):
			j.out.Err = c.explainFailure(ctx, j, failure)
		case j.out.Err == nil && j.builtWithoutCgo() && len(j.out.Info.Deps) > 0 && !j.cgo.holds(j.out):
			stale = append(stale, j)
		}
	}
	if len(stale) > 0 && ctx.Err() == nil {
		c.lookForCgo(ctx, g, dir, stale)
	}
	for _, j := range g.pending() {
		if j.out.Err == nil && j.builtWithoutCgo() && j.cgo != nil && len(j.out.Info.Deps) > 0 {
			j.judgeCgo(c.events)
		}
	}
}

func (j *job) builtWithoutCgo() bool {
	for _, s := range j.out.Info.Settings {
		if s.Key == "CGO_ENABLED" {
			return s.Value == "0"
		}
	}
	return false
}

// lookForCgo makes new records for jobs.
func (c *Compiler) lookForCgo(ctx context.Context, g *group, dir Dir, jobs []*job) {
	for _, j := range jobs {
		j.cgo = nil
	}
	commands, err := g.imports(ctx)
	if err != nil {
		return
	}
	scan := g.chain.newScanner()
	for _, command := range commands {
		for _, j := range jobs {
			if j.Package.ImportPath == command.PkgPath {
				j.cgo = &cgoRecord{Deps: depsKey(j.out.Info), Binary: j.out.Key, Findings: findings(command, scan.needsCgo)}
			}
		}
	}
	for _, j := range jobs {
		if j.cgo == nil {
			continue
		}
		if raw, err := json.Marshal(j.cgo); err == nil {
			replaceFile(dir, cgoPath(dir, j.Package.Name), raw)
		}
	}
}

// judgeCgo makes of findings the error or the notes of a job. A user who said
// CGO_ENABLED=0 knows what he does.
func (j *job) judgeCgo(events event.Sink) {
	chosen := j.chain.user.goenv("CGO_ENABLED", j.chain.dir) == "0"
	for _, f := range j.cgo.Findings {
		alternative, known := cgoOnly[withoutMajor(f.Package)]
		if known && !chosen {
			j.out.File.Close()
			*j.out = build.Binary{Err: &CgoError{
				ImportPath: j.Package.ImportPath, Package: f.Package, Module: f.Module, Chain: f.Chain,
				Alternative: alternative, Reason: failsLater,
			}}
			return
		}
	}
	for _, f := range j.cgo.Findings {
		verb := "seems to work"
		if _, known := cgoOnly[withoutMajor(f.Package)]; known {
			verb = "works"
		}
		text := fmt.Sprintf("package %s %s only with cgo, without which this was built (%s)", f.Package, verb, chainText(f.Chain))
		j.out.Notes = append(j.out.Notes, text)
		events.Emit(event.Event{Kind: event.Warning, Stage: event.Compile, Subject: j.subject(), Text: text})
	}
}
