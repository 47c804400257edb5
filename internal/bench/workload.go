package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

const serverModule = "testdata/mod/server"

// workload is a program to build, in a copy that may be changed.
type workload struct {
	name   string
	module string // directory of its module
	main   string // directory of its package, relative to module
}

// source says where a workload comes from.
type source struct {
	name   string
	module string // a directory, or PATH@VERSION for the module proxy
	main   string
}

var sources = []source{
	{name: "server", module: serverModule, main: "cmd/server"},
	{name: "nats-server", module: "github.com/nats-io/nats-server/v2@v2.15.2", main: "."},
}

// fetch copies the sources of a workload to the bench's directory.
func (b *bench) fetch(ctx context.Context, s source) (*workload, error) {
	w := &workload{name: s.name, module: filepath.Join(b.work, "src", s.name), main: s.main}
	if _, err := os.Stat(w.module); err == nil {
		return w, nil
	}
	from := s.module
	if from != serverModule {
		cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", s.module)
		cmd.Env, cmd.Dir = b.env, b.work
		out, err := cmd.Output()
		var module struct{ Dir, Error string }
		if jsonErr := json.Unmarshal(out, &module); jsonErr != nil || err != nil || module.Error != "" {
			return nil, fmt.Errorf("downloading %s: %v %s", s.module, err, module.Error)
		}
		from = module.Dir
	}
	return w, copyWritable(w.module, from)
}

// copyWritable copies directories and regular files: the module cache's are
// read-only.
func copyWritable(to, from string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		switch {
		case d.IsDir():
			return os.MkdirAll(target, 0o755)
		case !d.Type().IsRegular():
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, data, 0o644)
	})
}

// change gives package main other contents than ever before, so that it must be
// compiled and linked anew, whoever builds it next.
func (w *workload) change() error {
	text := fmt.Sprintf(`package main

func init() {
	if benchMoment() == "" {
		panic("unreachable")
	}
}

//go:noinline
func benchMoment() string { return "%d" }
`, time.Now().UnixNano())
	return os.WriteFile(filepath.Join(w.module, w.main, "imgo_bench.go"), []byte(text), 0o644)
}

// pattern is the workload's package, as an argument of the go command in module.
func (w *workload) pattern() string {
	return "./" + w.main
}
