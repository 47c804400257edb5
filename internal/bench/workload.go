package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"time"
)

const serverModule = "testdata/mod/server"

// workload is a program to build, in a copy that may be changed.
type workload struct {
	name   string
	module string // directory of its module
	main   string // directory of its package, relative to module
	leaf   string // directory of another that main imports, directly or not
}

// source says where a workload comes from.
type source struct {
	name   string
	module string // a directory, or PATH@VERSION for the module proxy
	main   string
	leaf   string
}

// The leaves lie deep, and only few packages import them: what a change to them costs
// is compiled soon, so that what a contender adds shows. In caddy a change compiles the
// leaf and three packages above it, where one to notify would compile 41.
var sources = []source{
	{name: "server", module: serverModule, main: "cmd/server", leaf: "internal/config"},
	{name: "nats-server", module: "github.com/nats-io/nats-server/v2@v2.15.2", main: ".", leaf: "server/avl"},
	{name: "caddy", module: "github.com/caddyserver/caddy/v2@v2.11.9", main: "cmd/caddy", leaf: "modules/caddyhttp/proxyprotocol"},
}

// fetch copies the sources of a workload to the bench's directory, once.
func (b *bench) fetch(ctx context.Context, s source) (*workload, error) {
	w := &workload{name: s.name, module: filepath.Join(b.work, "src", s.name), main: s.main, leaf: s.leaf}
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
	if err := copyTree(w.module, from); err != nil {
		return nil, err
	}
	return w, b.ready(w)
}

// ready makes what later changes only replace, and the directories for output.
func (b *bench) ready(w *workload) error {
	for _, who := range []string{"go", "imgo", "ko", "ko-cached"} {
		if err := os.MkdirAll(b.tarballs(who, w), 0o755); err != nil {
			return err
		}
	}
	if err := w.changeMain(); err != nil {
		return err
	}
	return w.changeLeaf()
}

// changeMain gives package main other contents than ever before, so that it must be
// compiled and linked anew, whoever builds it next.
func (w *workload) changeMain() error { return w.change(w.main, "main") }

// changeLeaf does the same to the leaf, which changes all packages above it.
func (w *workload) changeLeaf() error { return w.change(w.leaf, path.Base(w.leaf)) }

// change changes the value of a constant.
func (w *workload) change(dir, pkg string) error {
	text := fmt.Sprintf(`package %s

func init() {
	if benchMoment() == "" {
		panic("unreachable")
	}
}

//go:noinline
func benchMoment() string { return "%d" }
`, pkg, time.Now().UnixNano())
	return os.WriteFile(filepath.Join(w.module, dir, "imgo_bench.go"), []byte(text), 0o644)
}

// pattern is the workload's package, as an argument of the go command in module.
func (w *workload) pattern() string {
	return "./" + w.main
}
