package gobuild

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/imgo-build/imgo/internal/fastpath"
	"github.com/imgo-build/imgo/internal/goflag"
	"github.com/imgo-build/imgo/pkg/event"
	"github.com/imgo-build/imgo/pkg/layer"
)

// memo remembers what a go command said and made, with the state of all files that it
// depends on (internal/fastpath). All else that matters is in the keys: flags,
// variables, the distribution, where the modules are.
//
// A record is kept twice: for its place, so that two working trees of one module don't
// disturb each other, and for any place, so that a fresh checkout elsewhere finds it.
type memo struct {
	results layer.Results
	now     func() time.Time
	chain   *toolchain
	site    *site
	version string // of Go
	cache   string // where the go command keeps modules; empty if unknown
	base    string // what all keys begin with
	again   func() (*memo, error)
}

// question is what a record answers.
type question struct {
	what string
	here bool // its words mean something else elsewhere
}

// memoVersion changes when records of before must not be believed any more.
const memoVersion = "2"

// memo settles whether what this toolchain does can be remembered. The error is unfit.
func (c *Compiler) memo(t *toolchain) (*memo, error) {
	if c.results == nil {
		return nil, unfit("the fast path is turned off")
	}
	if t.env.goenv("CGO_ENABLED", t.dir) != "0" {
		return nil, unfit("cgo is on: what its compiler reads is not known")
	}
	if err := t.checkFlags(); err != nil {
		return nil, err
	}
	root, version, err := t.distribution()
	if err != nil {
		return nil, err
	}
	s, err := t.site()
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"VERSION", "go.env"} {
		s.inputs = append(s.inputs, fastpath.Input{Kind: fastpath.File, Path: filepath.ToSlash(filepath.Join(root, name))})
	}
	m := &memo{results: c.results, now: c.now, chain: t, site: s, version: version, cache: t.moduleCache(), again: func() (*memo, error) { return c.memo(t) }}
	s.inputs = slices.Clip(s.inputs) // several jobs append to it
	m.base = strings.Join([]string{
		memoVersion, t.key(), strings.Join(t.variables(), "\n"), root, tools(root), s.work, s.rel(t.dir),
		// Whether the user turned cgo off himself decides what is made of findings.
		t.user.goenv("CGO_ENABLED", t.dir),
		// Without -trimpath it is in the binary.
		m.cache,
	}, "\x00")
	return m, nil
}

// checkFlags looks for flags that make the go command read or run more than is known.
func (t *toolchain) checkFlags() error {
	known := []string{"mod", "modcacherw", "p", "v", "x", "work", "trimpath", "buildvcs", "buildmode", "json"}
	for _, f := range t.goflags {
		name, _, _ := strings.Cut(strings.TrimLeft(f, "-"), "=")
		if !slices.Contains(known, name) {
			return unfitf("GOFLAGS has -%s, whose effects are not known", name)
		}
	}
	if v := t.env.goenv("GO_EXTLINK_ENABLED", t.dir); v != "" && v != "0" {
		return unfit("GO_EXTLINK_ENABLED makes Go run another linker")
	}
	for _, f := range t.flags {
		name, value, _ := strings.Cut(f, "=")
		var err error
		switch name {
		case "-ldflags":
			err = goflag.CheckLdflags(value)
		case "-gcflags":
			err = goflag.CheckGcflags(value)
		}
		if bad, ok := errors.AsType[*goflag.Error](err); ok {
			return unfitf("%s has %s, whose effects are not known", name, cmp.Or(bad.Flag, "something"))
		}
		if strings.Contains(value, "linkmode") || strings.Contains(value, "extldflags") {
			return unfitf("%s may run a linker that is not Go's", name)
		}
	}
	return nil
}

// noMatter are variables of the go command that don't change what it makes.
var noMatter = []string{"GOCACHE", "GOTMPDIR", "GOMAXPROCS", "GOGC", "GOMEMLIMIT", "GOTRACEBACK", "GOCOVERDIR"}

// variables lists what the go command reads of its environment and of the file that
// GOENV names.
func (t *toolchain) variables() []string {
	all := map[string]string{}
	for _, kv := range t.env {
		key, value, _ := strings.Cut(kv, "=")
		if (strings.HasPrefix(key, "GO") || strings.HasPrefix(key, "CGO_")) &&
			!strings.HasPrefix(key, "GOOGLE_") && !slices.Contains(noMatter, key) {
			all[key] = value
		}
	}
	var out []string
	for _, key := range slices.Sorted(maps.Keys(all)) {
		out = append(out, key+"="+all[key])
	}
	if file := t.env.goenvFile(); file != "" {
		if raw, err := os.ReadFile(joined(t.dir, file)); err == nil {
			out = append(out, string(raw))
		}
	}
	return out
}

// keys are where a record is looked for, the one for this place first.
func (m *memo) keys(q question) []string {
	digest := func(place string) string {
		sum := sha256.Sum256([]byte(strings.Join([]string{m.base, q.what, place}, "\x00")))
		return "gobuild " + hex.EncodeToString(sum[:])
	}
	keys := []string{digest("at " + m.site.root)}
	if slices.Contains(m.chain.flags, "-trimpath") && !m.site.absolute && !q.here {
		keys = append(keys, digest("of "+m.site.name))
	}
	return keys
}

// recalled is a record and how far it still holds.
type recalled struct {
	record *fastpath.Record // nil for none
	// now is the state of the record's inputs, or where there is none of what will be among
	// the next one's. It may be nil.
	now   *fastpath.Snapshot
	holds bool
	// why says in words for the user why it holds or doesn't.
	why string
	// sameGraph says that what changed are contents only: the same packages are made of
	// the same files.
	sameGraph bool
}

// recall looks for a record and compares the files with it. Besides the files about modules,
// likely are inputs of the next record, should there be none.
func (m *memo) recall(ctx context.Context, q question, likely ...fastpath.Input) recalled {
	for _, key := range m.keys(q) {
		record, ok := fastpath.Load(m.results, key)
		if !ok {
			continue
		}
		r := recalled{record: record}
		var err error
		if r.now, err = fastpath.Take(ctx, m.site.root, record.Snapshot.Inputs(), record.Snapshot, m.now()); err != nil {
			r.why = err.Error()
			return r
		}
		changes := r.now.Changes(record.Snapshot)
		r.holds = len(changes) == 0
		r.sameGraph = !slices.ContainsFunc(changes, changesGraph)
		r.why = fmt.Sprintf("%d files are as they were", r.now.Files())
		if !r.holds {
			r.why = changes[0].String()
			if n := len(changes) - 1; n > 0 {
				r.why += fmt.Sprintf(" (and %d more)", n)
			}
		}
		return r
	}
	r := recalled{why: "nothing is remembered of it"}
	if s, err := fastpath.Take(ctx, m.site.root, slices.Concat(m.site.inputs, likely), nil, m.now()); err == nil {
		r.now = s
	}
	return r
}

// changesGraph reports whether a change may change what is made of which files.
func changesGraph(c fastpath.Change) bool {
	name := filepath.Base(filepath.FromSlash(c.Path))
	switch filepath.Ext(name) {
	case ".mod", ".sum", ".work", ".s", ".S", ".sx", ".h":
		return true
	}
	return c.What != fastpath.Content || name == "modules.txt" || name == "VERSION" || name == "go.env"
}

// save remembers an outcome of a go command that began at a time, unless the files that it
// depends on may have changed since. before is the state of files then, as far as it is known.
// The error says why it is not remembered.
func (m *memo) save(ctx context.Context, q question, inputs []fastpath.Input, before *fastpath.Snapshot, began time.Time, outcome []byte) error {
	if now, err := m.again(); err != nil || now.base != m.base || now.site.identity != m.site.identity {
		return unfit("what the go command works with changed meanwhile")
	}
	s, err := fastpath.Take(ctx, m.site.root, inputs, before, m.now())
	if err != nil {
		return err
	}
	if !s.Steady(before, began) {
		return unfit("files were written too shortly before to be sure of what was compiled")
	}
	m.put(q, &fastpath.Record{Snapshot: s, Outcome: outcome})
	return nil
}

// put keeps a record. Where that fails, the go command has to be asked again.
func (m *memo) put(q question, r *fastpath.Record) {
	for _, key := range m.keys(q) {
		_ = r.Save(m.results, key)
	}
}

// clock is the time, where anything is remembered.
func (c *Compiler) clock() time.Time {
	if c.results == nil {
		return time.Time{}
	}
	return c.now()
}

// explain says why the go command was needed, or why not.
func (c *Compiler) explain(stage event.Stage, subject, format string, args ...any) {
	c.events.Emit(event.Event{Kind: event.Explained, Stage: stage, Subject: subject, Text: fmt.Sprintf(format, args...)})
}
