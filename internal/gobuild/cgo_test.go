package gobuild

import (
	"errors"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/event"
)

// Commands that import what needs cgo, in modules that are no more than that.
const needsCgo = `
-- go.mod --
module example.com/app

go 1.25

require (
	github.com/mattn/go-sqlite3 v1.14.0
	github.com/DataDog/zstd v1.5.0
	example.org/stub v1.0.0
	example.org/broken v1.0.0
	github.com/confluentinc/confluent-kafka-go/v2 v2.0.0
)
-- vendor/modules.txt --
# github.com/mattn/go-sqlite3 v1.14.0
## explicit; go 1.25
github.com/mattn/go-sqlite3
# github.com/DataDog/zstd v1.5.0
## explicit; go 1.25
github.com/DataDog/zstd
# example.org/stub v1.0.0
## explicit; go 1.25
example.org/stub
# example.org/broken v1.0.0
## explicit; go 1.25
example.org/broken
# github.com/confluentinc/confluent-kafka-go/v2 v2.0.0
## explicit; go 1.25
github.com/confluentinc/confluent-kafka-go/v2/kafka
-- vendor/github.com/confluentinc/confluent-kafka-go/v2/kafka/producer.go --
package kafka

import "C"

func NewProducer() {}
-- vendor/github.com/confluentinc/confluent-kafka-go/v2/kafka/error.go --
package kafka

type Error struct{}
-- vendor/github.com/mattn/go-sqlite3/sqlite3.go --
package sqlite3

import "C"

func Open() {}
-- vendor/github.com/mattn/go-sqlite3/mock.go --
//go:build !cgo

package sqlite3

func Open() { panic("go-sqlite3 requires cgo to work") }
-- vendor/github.com/mattn/go-sqlite3/more.go --
package sqlite3

func Version() int { return 3 }
-- vendor/github.com/DataDog/zstd/zstd.go --
package zstd

import "C"
-- vendor/example.org/stub/stub.go --
//go:build !cgo

package stub

func Use() {}
-- vendor/example.org/stub/real.go --
package stub

import "C"

func Use() {}
-- vendor/example.org/broken/a.go --
package broken

import "C"

func helper() {}
-- vendor/example.org/broken/b.go --
package broken

func Use() { helper() }
-- db/db.go --
package db

import "github.com/mattn/go-sqlite3"

func Open() { sqlite3.Open() }
-- db/compress/compress.go --
package compress

import _ "github.com/DataDog/zstd"
-- sqlite/main.go --
package main

import "example.com/app/db"

func main() { db.Open() }
-- stub/main.go --
package main

import "example.org/stub"

func main() { stub.Use() }
-- zstd/main.go --
package main

import _ "example.com/app/db/compress"

func main() {}
-- broken/main.go --
package main

import "example.org/broken"

func main() { broken.Use() }
-- local/a.go --
package main

import "C"

func helper() {}
-- local/main.go --
package main

func main() { helper() }
-- mistake/main.go --
package main

func main() { helper() }
-- kafka/main.go --
package main

import "github.com/confluentinc/confluent-kafka-go/v2/kafka"

func main() { kafka.NewProducer() }
-- needscc/main.go --
package main

import "C"

func main() {}
`

func TestCgoExplained(t *testing.T) {
	dir := write(t, needsCgo)
	events := &recorder{}
	dirs := newDirs(t)
	c := New(Options{Env: testEnv("CGO_ENABLED="), Dirs: dirs, Events: events})
	s := build.GoSettings{Dir: dir}
	patterns := []string{"./sqlite", "./stub", "./zstd", "./broken", "./local", "./mistake", "./kafka"}
	if !long() {
		patterns = patterns[:3]
	}
	pkgs := load(t, c, s, patterns...)
	bins := compile(t, c, s, pkgs[0])
	bins = append(bins, compile(t, c, s, pkgs[1:]...)...)

	const app = "example.com/app/"
	for i, want := range []*CgoError{
		0: {
			ImportPath: app + "sqlite", Package: "github.com/mattn/go-sqlite3", Module: "github.com/mattn/go-sqlite3@v1.14.0",
			Chain:       []string{app + "sqlite", app + "db", "github.com/mattn/go-sqlite3"},
			Alternative: "modernc.org/sqlite or github.com/ncruces/go-sqlite3", Reason: failsLater,
		},
		2: {
			ImportPath: app + "zstd", Package: "github.com/DataDog/zstd", Module: "github.com/DataDog/zstd@v1.5.0",
			Chain:       []string{app + "zstd", app + "db/compress", "github.com/DataDog/zstd"},
			Alternative: "github.com/klauspost/compress/zstd", Reason: nothingLeft,
		},
		3: {
			ImportPath: app + "broken", Package: "example.org/broken", Module: "example.org/broken@v1.0.0",
			Chain: []string{app + "broken", "example.org/broken"}, Reason: failsNow,
		},
		4: {ImportPath: app + "local", Package: app + "local", Module: "example.com/app", Chain: []string{app + "local"}, Reason: failsNow},
		6: {
			ImportPath: app + "kafka", Package: "github.com/confluentinc/confluent-kafka-go/v2/kafka",
			Module:      "github.com/confluentinc/confluent-kafka-go/v2@v2.0.0",
			Chain:       []string{app + "kafka", "github.com/confluentinc/confluent-kafka-go/v2/kafka"},
			Alternative: "github.com/twmb/franz-go or github.com/segmentio/kafka-go", Reason: partsMissing,
		},
	} {
		if want == nil || i >= len(bins) {
			continue
		}
		var got *CgoError
		if !errors.As(bins[i].Err, &got) || bins[i].File != nil {
			t.Errorf("%s: %v, want a CgoError", want.ImportPath, bins[i].Err)
			continue
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(CgoError{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", want.ImportPath, diff)
		}
		if failed := (*CompileError)(nil); errors.As(got, &failed) != (i > 0) {
			t.Errorf("%s wraps %v", want.ImportPath, errors.Unwrap(got))
		}
	}
	wantText := "example.com/app/sqlite needs cgo, without which it was built: package github.com/mattn/go-sqlite3 works only with it: " +
		"it compiles without cgo, but fails at run time (example.com/app/sqlite → example.com/app/db → github.com/mattn/go-sqlite3)"
	if got := bins[0].Err.Error(); got != wantText {
		t.Errorf("the error says %q", got)
	}
	wantNote := []string{"package example.org/stub seems to work only with cgo, without which this was built (example.com/app/stub → example.org/stub)"}
	if diff := cmp.Diff(wantNote, bins[1].Notes); diff != "" || bins[1].Err != nil {
		t.Errorf("stub: %v, notes (-want +got):\n%s", bins[1].Err, diff)
	}
	if w := events.of(event.Warning); len(w) != 1 || w[0].Text != wantNote[0] {
		t.Errorf("warnings: %+v", w)
	}
	if long() && !sameType(bins[5].Err, &CompileError{}) {
		t.Errorf("a mistake: %v, want a CompileError", bins[5].Err)
	}

	// Who asks for CGO_ENABLED=0 gets a note. What was found before is remembered: to
	// write it down anew, the build directory would be opened once more.
	opened, asked := len(dirs.keys), New(Options{Env: testEnv("CGO_ENABLED=0"), Dirs: dirs})
	b := compile(t, asked, s, pkgs[0])[0]
	if b.Err != nil || len(b.Notes) != 1 || !strings.Contains(b.Notes[0], "github.com/mattn/go-sqlite3 works only with cgo") {
		t.Errorf("with CGO_ENABLED=0: %v, notes %q", b.Err, b.Notes)
	}
	if again := len(dirs.keys) - opened; again != 1 {
		t.Errorf("the build directory was opened %d times for an unchanged build", again)
	}
}

func TestCgoRecordHolds(t *testing.T) {
	binary := func(key string, deps ...*debug.Module) *build.Binary {
		return &build.Binary{Key: key, Info: &debug.BuildInfo{Path: "example.com/m", Deps: deps}}
	}
	record := func(b *build.Binary, f ...finding) *cgoRecord {
		return &cgoRecord{Deps: depsKey(b.Info), Binary: b.Key, Findings: f}
	}
	a := &debug.Module{Path: "example.com/a", Version: "v1.0.0", Sum: "h1:x"}
	moved := &debug.Module{Path: "example.com/a", Version: "v1.0.0", Replace: &debug.Module{Path: "../a"}}
	known := &debug.Module{Path: "github.com/google/gopacket", Version: "v1.1.19"}
	for name, tt := range map[string]struct {
		record *cgoRecord
		binary *build.Binary
		want   bool
	}{
		"none":                 {nil, binary("1", a), false},
		"the same":             {record(binary("1", a, known)), binary("1", a, known), true},
		"another binary":       {record(binary("1", a), finding{}), binary("2", a), true},
		"another module":       {record(binary("1")), binary("1", a), false},
		"replaced":             {record(binary("1", a)), binary("1", moved), false},
		"a known one may be":   {record(binary("1", known)), binary("2", known), false},
		"found in local files": {record(binary("1", a), finding{Local: true}), binary("2", a), false},
	} {
		if got := tt.record.holds(tt.binary); got != tt.want {
			t.Errorf("%s: holds = %v", name, got)
		}
	}
}

func TestNoCCompiler(t *testing.T) {
	dir := write(t, needsCgo)
	c := New(Options{Env: testEnv(), Dirs: newDirs(t)})
	s := build.GoSettings{Dir: dir, BuildEnv: []string{"CGO_ENABLED=1", "CC=no-such-cc"}}
	b := compile(t, c, s, build.Package{ImportPath: "example.com/app/needscc", Name: "needscc"})[0]
	var got *NoCCompilerError
	if !errors.As(b.Err, &got) || !got.Missing || got.CC != "no-such-cc" {
		t.Errorf("%v, want a NoCCompilerError", b.Err)
	}
	for output, want := range map[string]*NoCCompilerError{
		"# runtime/cgo\ncgo: C compiler \"gcc\" not found: exec: \"gcc\": executable file not found in $PATH": {CC: "gcc", Missing: true},
		"# m\n/go/link: running x86_64-gcc failed: exec: \"x86_64-gcc\": not found":                           {CC: "x86_64-gcc", Missing: true},
		"# runtime/cgo\ngcc_arm64.S: Assembler messages:\ngcc_arm64.S:30: Error: no such instruction":         {CC: "cc"},
		"# runtime/cgo\ngcc: error: unrecognized command-line option '-marm'; did you mean '-mabm'?":          {CC: "cc"},
		"# net\ncc1: error: bad value 'z13'":                                                                  {CC: "cc"},
		"# example.com/m\n./main.go:3:1: undefined: x":                                                        nil,
		"# example.com/m\n./x.c:1:10: fatal error: sqlite3.h: No such file or directory":                      nil,
		"# pkg-config --cflags x\nexec: \"pkg-config\": executable file not found in $PATH":                   nil,
	} {
		got := compilerFailure(&CompileError{Output: output}, "cc")
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(NoCCompilerError{}, "Failure")); diff != "" {
			t.Errorf("%s\n(-want +got):\n%s", output, diff)
		}
	}
}

func TestChainText(t *testing.T) {
	long := strings.Split("a b c d e f g h i j", " ")
	if got := chainText(long); got != "a → b → c → d → … → g → h → i → j" || len(long) != 10 || long[4] != "e" {
		t.Errorf("chainText = %q", got)
	}
}
