package imgo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/imgo-build/imgo/internal/progress"
	"github.com/imgo-build/imgo/pkg/build"
)

// cache is the check of imgo's own cache: that it can be written and locked.
func (d *doctor) cache(ctx context.Context) []Check {
	ctx, cancel := d.limit(ctx)
	defer cancel()
	dir := d.client.cache.Directory()
	p, err := d.client.cache.Stage(ctx)
	if err == nil {
		_, err = p.Write([]byte("imgo doctor"))
		p.Discard()
	}
	if err != nil {
		return []Check{d.failed("cache", err)}
	}
	info, err := d.client.cache.Info(ctx)
	if err != nil {
		return []Check{{Name: "cache", Status: StatusNote, Detail: fmt.Sprintf("%s can be written; %s", dir, d.failed("", err).Err)}}
	}
	size := info.Blobs.Bytes + info.Results.Bytes + info.Binaries.Bytes
	return []Check{{Name: "cache", Status: StatusOK, Detail: fmt.Sprintf("%s, %s", dir, progress.Bytes(size))}}
}

// space is what a file system has left.
type space struct {
	bytes uint64
	where string // tells file systems apart
}

// How little is too little. A small program and its image take some 100 MB in the
// course of a first build, most of it in the go command's cache.
const (
	spaceWarning = 1 << 30
	spaceError   = 100 << 20
)

// place is a directory that a build writes to.
type place struct {
	what, dir string
	fix       string // what to do where it can't be written
	status    Status // what that means; empty where another check says it
}

// disk is the check of all places that a build writes to.
func (d *doctor) disk(ctx context.Context) []Check {
	places, out := d.places()
	type volume struct {
		space
		holds []string
	}
	var volumes []*volume
	seen := map[string]*volume{}
	for _, p := range places {
		if ctx.Err() != nil {
			return nil // nobody waits for it any more
		}
		dir, err := writable(p.dir)
		if err != nil && p.status == "" {
			continue
		}
		if err != nil {
			out = append(out, Check{Name: "disk", Status: p.status, Fix: p.fix, Detail: fmt.Sprintf("%s (%s) can't be written: %s", p.what, p.dir, err)})
			continue
		}
		s, err := d.free(dir)
		if errors.Is(err, errors.ErrUnsupported) {
			continue
		}
		if err != nil {
			out = append(out, Check{Name: "disk", Status: StatusNote, Detail: fmt.Sprintf("%s (%s): %s", p.what, p.dir, err)})
			continue
		}
		v := seen[s.where]
		if v == nil {
			v = &volume{space: s}
			seen[s.where], volumes = v, append(volumes, v)
		}
		v.holds = append(v.holds, fmt.Sprintf("%s (%s)", p.what, p.dir))
	}
	for _, v := range volumes {
		c := Check{Name: "disk", Status: StatusOK}
		c.Detail = fmt.Sprintf("%s free for %s", progress.Bytes(int64(min(v.bytes, 1<<62))), strings.Join(v.holds, ", "))
		if v.bytes < spaceWarning {
			c.Status, c.Detail = StatusWarning, "only "+c.Detail
			c.Fix = "make room, for instance with imgo cache prune --all and go clean -cache"
		}
		if v.bytes < spaceError {
			c.Status = StatusError
		}
		out = append(out, c)
	}
	return out
}

// places lists where a build writes, as far as that is known, and what is wrong already.
func (d *doctor) places() (out []place, wrong []Check) {
	out = append(out, place{what: "the cache", dir: d.client.cache.Directory()})
	temp := place{what: "temporary files", dir: tempDir(d.client.opts.Env), status: StatusError, fix: "set TMPDIR to a directory that can be written"}
	if t, err := d.tools(); err == nil {
		cache := place{what: "GOCACHE", dir: t.Cache, status: StatusError, fix: "set GOCACHE to a directory that can be written"}
		if filepath.IsAbs(t.Cache) {
			out = append(out, cache)
		} else { // neither it nor a home directory is set
			wrong = append(wrong, Check{Name: "disk", Status: StatusError, Detail: "the go command has no directory for its cache", Fix: cache.fix})
		}
		if t.Temp != "" {
			temp.dir, temp.fix = t.Temp, "set GOTMPDIR to a directory that can be written"
		}
	}
	out = append(out, temp)
	if dir := d.req.Output.Dir; d.req.Output.Kind == build.ToTarball && dir != "" {
		out = append(out, place{what: "images", dir: dir, status: StatusWarning, fix: "write elsewhere with -o FILE.tar; imgo push writes no file"})
	}
	return out, wrong
}

// tempDir is os.TempDir on an environment.
func tempDir(env []string) string {
	get := func(name string) string {
		value := ""
		for _, kv := range env {
			k, v, _ := strings.Cut(kv, "=")
			if k == name || runtime.GOOS == "windows" && strings.EqualFold(k, name) {
				value = v
			}
		}
		return value
	}
	if runtime.GOOS != "windows" {
		if dir := get("TMPDIR"); dir != "" {
			return dir
		}
		return "/tmp"
	}
	for _, name := range []string{"TMP", "TEMP", "USERPROFILE"} {
		if dir := get(name); dir != "" {
			return dir
		}
	}
	return `C:\Windows`
}

// writable writes a file into a directory or, where that does not exist yet, into the
// nearest one above it, which it returns.
func writable(dir string) (string, error) {
	for {
		_, err := os.Stat(dir)
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			return "", withoutPath(err)
		}
		dir = filepath.Dir(dir)
	}
	f, err := os.CreateTemp(dir, ".imgo-doctor-*")
	if err != nil {
		return "", withoutPath(err)
	}
	return dir, errors.Join(f.Close(), os.Remove(f.Name()))
}

// withoutPath is the reason in an error that names a path which was named already.
func withoutPath(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	return err
}
