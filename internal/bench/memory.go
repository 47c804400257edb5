package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
)

const (
	memoryLimit = 64 << 20
	withinLimit = "≤ 64 MiB"
	bigSize     = 500_000_000
)

// memory shows that imgo's own memory does not grow with what it handles.
func (b *bench) memory(ctx context.Context) ([]section, error) {
	s := section{
		title: "Memory with large images",
		note: "One run each, in this order, with an empty cache of imgo's. The binary is large by an embedded file, the base by its one layer, the files are one file and a thousand; all are random bytes. " +
			"*imgo itself* must stay below 64 MiB; the largest process is the linker.",
		header: []string{"large", "case", "time", "imgo itself", withinLimit, "largest process"},
	}
	if b.quick {
		return nil, nil
	}
	for _, measure := range []func(context.Context, *section) error{b.bigBinary, b.bigBase, b.bigFiles} {
		if err := measure(ctx, &s); err != nil {
			return nil, err
		}
	}
	return nonEmpty(s), nil
}

// bigCase is one command with something large in it.
type bigCase struct {
	name string
	dir  string
	args []string // of imgo
}

// measureBig runs the chosen cases in order, each with an empty cache. prepare is
// called ahead of the first.
func (b *bench) measureBig(ctx context.Context, s *section, what string, env []string, prepare func() error, cases []bigCase) error {
	cache := filepath.Join(b.work, "imgo-cache-big")
	for _, c := range cases {
		if !b.chosen("memory " + what + " " + c.name) {
			continue
		}
		if prepare != nil {
			if err := prepare(); err != nil {
				return err
			}
			prepare = nil
		}
		if err := os.RemoveAll(cache); err != nil {
			return err
		}
		m, err := b.run(ctx, command{
			dir: c.dir, args: append([]string{b.imgo}, c.args...),
			env: append([]string{"IMGO_CACHE_DIR=" + cache}, env...),
		})
		if err != nil {
			return err
		}
		s.add("500 MB "+what, c.name, seconds(m.wall), mebibytes(m.own), within(m.own), mebibytes(m.largest))
	}
	return os.RemoveAll(cache)
}

// bigBinary has a Go build cache of its own: half a gigabyte of it should not
// outlive the bench.
func (b *bench) bigBinary(ctx context.Context, s *section) error {
	dir, tarball := filepath.Join(b.work, "big"), filepath.Join(b.work, "out", "big.tar")
	gocache := filepath.Join(b.work, "big-gocache")
	defer os.RemoveAll(gocache)
	defer os.RemoveAll(dir)
	defer os.Remove(tarball)
	return b.measureBig(ctx, s, "binary", []string{"GOCACHE=" + gocache},
		func() error { return writeBigModule(dir) },
		[]bigCase{
			{"tarball", dir, []string{"build", ".", "-o", tarball}},
			{"registry", dir, []string{"push", ".", "-t", b.host + "/big/binary"}},
			{"tarball to registry", b.work, []string{"push", tarball, "-t", b.host + "/big/tarball"}},
		})
}

// writeBigModule writes a program whose binary holds bigSize random bytes.
func writeBigModule(dir string) error {
	const program = `package main

import _ "embed"

//go:embed random
var random string

func main() { println(len(random), random[0]) }
`
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.com/big\n\ngo 1.25\n"), 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(program), 0o644); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(dir, "random"))
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := io.CopyN(f, randomBytes(), bigSize); err != nil {
		return err
	}
	return f.Close()
}

// bigBase goes from case to case: what one pushed, others find in the registry.
func (b *bench) bigBase(ctx context.Context, s *section) error {
	layout, tarball := filepath.Join(b.work, "big-base"), filepath.Join(b.work, "out", "big-base.tar")
	defer os.RemoveAll(layout)
	defer os.Remove(tarball)
	_, other, stop, err := startCounter(b.host)
	if err != nil {
		return err
	}
	defer stop()
	w, err := b.fetch(ctx, sources[0])
	if err != nil {
		return err
	}
	const repository = "/big/base"
	build := func(base string) []string {
		return []string{"build", w.pattern(), "--base", base, "-o", tarball}
	}
	push := func(base, to string) []string {
		return []string{"push", w.pattern(), "--base", base, "-t", b.host + to}
	}
	return b.measureBig(ctx, s, "base", nil,
		func() error { return writeLayout(layout, bigSize, "amd64") },
		[]bigCase{
			{"layout to tarball", w.module, build("oci:" + layout)},
			{"layout to registry that lacks it", w.module, push("oci:"+layout, "/big/server")},
			{"layout pushed as it is", w.module, []string{"push", "oci:" + layout, "-t", b.host + repository}},
			{"other repository of the registry", w.module, push(b.host+repository, "/big/mounted")},
			{"registry to another that lacks it", w.module, push(other+repository, "/big/copied")},
			{"registry to tarball", w.module, build(b.host + repository)},
		})
}

// bigFiles are files of the user's: one large one, and many.
func (b *bench) bigFiles(ctx context.Context, s *section) error {
	w, err := b.fetch(ctx, sources[0])
	if err != nil {
		return err
	}
	dir, tarball := filepath.Join(w.module, "big-files"), filepath.Join(b.work, "out", "big-files.tar")
	defer os.RemoveAll(dir)
	defer os.Remove(tarball)
	files := []string{"--file", "big-files/one:/srv/one", "--file", "big-files/many:/srv/many"}
	return b.measureBig(ctx, s, "files", nil,
		func() error { return writeBigFiles(dir, bigSize) },
		[]bigCase{
			{"tarball", w.module, append([]string{"build", w.pattern(), "-o", tarball}, files...)},
			{"registry", w.module, append([]string{"push", w.pattern(), "-t", b.host + "/big/files"}, files...)},
		})
}
