package publish

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/pkg/event"
	"github.com/imgo-build/imgo/pkg/image"
)

// layoutVersion is the content of the oci-layout file (OCI image specification,
// image-layout.md).
const layoutVersion = `{"imageLayoutVersion":"1.0.0"}`

// privatePrefix begins the names of what only we look at in a layout's directory:
// the lock, temporary files, what is put but not tagged. Other readers ignore it.
const privatePrefix = ".imgo-"

// Layout returns a Publisher that adds an artifact to the OCI layout in dir, which
// may hold others, and makes the layout where dir is missing or empty.
//
// A layout is shared by images of different names, so an entry's ref.name is the
// whole name and not only the tag (a tarball's, which holds one image): the
// "latest" of one doesn't displace that of another. An entry of the same name is
// replaced, everything else that index.json says is kept. Without names the
// artifact is listed once, by its digest.
//
// Any number of processes may write to dir at once. Put collects the blobs that the
// layout lacks in a place of its own; Tag moves them in and changes index.json
// under a lock.
func Layout(dir string, names []name.Tag, events event.Sink) Publisher {
	if events == nil {
		events = event.Discard
	}
	return &layout{dir: dir, names: names, events: events}
}

type layout struct {
	dir    string
	names  []name.Tag
	events event.Sink

	mu    sync.Mutex
	stage string // directory with the blobs that Tag will move, or empty
	put   v1.Hash
}

// Prepare implements [Preparer]: a place that can't be written to is known before
// anything is made for it.
func (l *layout) Prepare(context.Context, []v1.Image) error {
	err := l.check()
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if parent := filepath.Dir(l.dir); !isDir(parent) {
		return &OutputError{Path: l.dir, Err: fmt.Errorf("there is no directory %s", parent)}
	}
	return nil
}

// Put implements [Publisher].
func (l *layout) Put(ctx context.Context, a image.Artifact) error {
	c, err := walk(a)
	if err != nil {
		return fmt.Errorf("reading what to write to %s: %w", l.dir, err)
	}
	if err := l.Close(); err != nil { // of an earlier Put
		return err
	}
	stage, err := l.makeStage()
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.stage, l.put = stage, c.top.desc.Digest
	l.mu.Unlock()
	if err := l.collect(ctx, c, stage); err != nil {
		if isA[*OutputError](err) {
			return errors.Join(err, l.Close())
		}
		return errors.Join(fmt.Errorf("writing %s: %w", l.dir, err), l.Close())
	}
	return nil
}

func (l *layout) makeStage() (string, error) {
	for attempt := 0; ; attempt++ {
		if err := l.prepare(); err != nil {
			return "", err
		}
		stage, err := os.MkdirTemp(l.dir, privatePrefix+"put-")
		if errors.Is(err, fs.ErrNotExist) && attempt < 10 {
			continue // the Close of another process found the directory empty
		}
		return stage, outputError(l.dir, err)
	}
}

// prepare makes the directory, or makes sure that it is one to write to.
func (l *layout) prepare() error {
	if err := os.Mkdir(l.dir, 0o755); err == nil {
		return nil
	} else if !errors.Is(err, fs.ErrExist) {
		return outputError(l.dir, err)
	}
	return l.check()
}

// check makes sure that an existing directory is one to write to.
func (l *layout) check() error {
	entries, err := os.ReadDir(l.dir)
	if err != nil {
		return outputError(l.dir, err)
	}
	empty := true
	for _, e := range entries {
		if e.Name() == "oci-layout" {
			return checkLayoutVersion(l.dir)
		}
		empty = empty && strings.HasPrefix(e.Name(), privatePrefix)
	}
	if !empty {
		return &NotLayoutError{Dir: l.dir, Problem: "is neither empty nor an OCI layout"}
	}
	return nil
}

// checkLayoutVersion reads the oci-layout file.
func checkLayoutVersion(dir string) error {
	raw, err := readMetadata(filepath.Join(dir, "oci-layout"))
	if ae, ok := errors.AsType[*ArchiveError](err); ok {
		return &NotLayoutError{Dir: dir, Problem: "has an oci-layout file that " + ae.Problem}
	}
	if err != nil {
		return &NotLayoutError{Dir: dir, Problem: "is not an OCI layout: its oci-layout file can't be read"}
	}
	if problem := layoutProblem(raw); problem != "" {
		return &NotLayoutError{Dir: dir, Problem: problem}
	}
	return nil
}

// layoutProblem says what is wrong with the content of an oci-layout file.
func layoutProblem(raw []byte) string {
	var v struct {
		Version string `json:"imageLayoutVersion"`
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return "is not an OCI layout: its oci-layout file is no JSON"
	}
	if v.Version != "1.0.0" {
		return fmt.Sprintf("is an OCI layout of the version %q; known is 1.0.0", v.Version)
	}
	return ""
}

// collect writes the blobs that the layout lacks into the stage directory.
func (l *layout) collect(ctx context.Context, c *content, stage string) (err error) {
	blobs := c.blobs
	for _, m := range append(c.children[:len(c.children):len(c.children)], c.top) {
		blobs = append(blobs, m.blob())
	}
	total := int64(0)
	for _, b := range blobs {
		total += b.size
	}
	progress := newProgress(l.events, event.Write, l.dir, total)
	defer func() { progress.end("", err) }()
	done := int64(0)
	for _, b := range blobs {
		if !l.has(b) {
			if err := writeBlob(ctx, l.dir, filepath.Join(stage, b.digest.Hex), b, func(n int64) { progress.at(done + n) }); err != nil {
				return err
			}
		}
		done += b.size
	}
	return nil
}

// has reports whether the layout has a blob. It is never there in parts.
func (l *layout) has(b blob) bool {
	info, err := os.Stat(filepath.Join(l.dir, filepath.FromSlash(blobPath(b.digest))))
	return err == nil && info.Mode().IsRegular() && info.Size() == b.size
}

func writeBlob(ctx context.Context, dir, path string, b blob, at func(int64)) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return outputError(dir, err)
	}
	defer func() { err = errors.Join(err, outputError(dir, f.Close())) }()
	return copyBlob(ctx, &outputWriter{f, dir}, b, at)
}

// Tag implements [Publisher].
func (l *layout) Tag(ctx context.Context, a image.Artifact) error {
	m, err := describe(a)
	if err != nil {
		return fmt.Errorf("writing %s: %w", l.dir, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stage == "" || l.put != m.desc.Digest {
		return fmt.Errorf("writing %s: %s was not put there", l.dir, m.desc.Digest)
	}
	unlock, err := lockFile(ctx, filepath.Join(l.dir, privatePrefix+"lock"))
	if err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("waiting for another process that writes to %s: %w", l.dir, err)
		}
		return outputError(l.dir, err)
	}
	defer unlock()
	if err := l.publish(m); err != nil {
		if isA[*NotLayoutError](err) {
			return err
		}
		return outputError(l.dir, err)
	}
	return nil
}

// publish moves the blobs into the layout and lists the artifact. It is called with
// the lock held.
func (l *layout) publish(m manifest) error {
	marker := filepath.Join(l.dir, "oci-layout")
	if _, err := os.Stat(marker); errors.Is(err, fs.ErrNotExist) {
		if err := writeFile(marker, []byte(layoutVersion)); err != nil {
			return err
		}
	} else if err := checkLayoutVersion(l.dir); err != nil {
		return err
	}
	blobs := filepath.Join(l.dir, "blobs", "sha256")
	if err := os.MkdirAll(blobs, 0o755); err != nil {
		return err
	}
	staged, err := os.ReadDir(l.stage)
	if err != nil {
		return err
	}
	for _, e := range staged {
		if err := settle(filepath.Join(l.stage, e.Name()), filepath.Join(blobs, e.Name())); err != nil {
			return err
		}
	}
	if err := l.list(m); err != nil {
		return err
	}
	err = os.Remove(l.stage)
	l.stage = ""
	return err
}

// settle moves a staged blob into its place. Where another process was faster, its
// file stays: somebody may be reading it, which Windows would object to.
func settle(from, to string) error {
	ours, err := os.Stat(from)
	if err != nil {
		return err
	}
	if theirs, err := os.Lstat(to); err == nil && theirs.Mode().IsRegular() && theirs.Size() == ours.Size() {
		return os.Remove(from)
	}
	return os.Rename(from, to)
}

// list adds the artifact to index.json.
func (l *layout) list(m manifest) error {
	path := filepath.Join(l.dir, "index.json")
	old, err := readMetadata(path)
	if ae, ok := errors.AsType[*ArchiveError](err); ok {
		return &NotLayoutError{Dir: l.dir, Problem: "has an index.json that " + ae.Problem}
	}
	if errors.Is(err, fs.ErrNotExist) {
		old = []byte(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}`)
	} else if err != nil {
		return err
	}
	updated, err := addEntries(old, layoutEntries(m, l.names))
	if err != nil {
		return &NotLayoutError{Dir: l.dir, Problem: "has an index.json that can't be read: " + err.Error()}
	}
	return writeFile(path, updated)
}

// layoutEntries returns the descriptors that list an artifact, one for each name.
func layoutEntries(m manifest, names []name.Tag) []v1.Descriptor {
	if len(names) == 0 {
		return []v1.Descriptor{named(m, nil)}
	}
	out := make([]v1.Descriptor, len(names))
	for i := range names {
		out[i] = named(m, names[i:i+1])
		out[i].Annotations[refName] = FullName(names[i])
	}
	return out
}

// addEntries changes an index.json, keeping the fields and entries that it need not
// understand.
func addEntries(index []byte, add []v1.Descriptor) ([]byte, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(index, &fields); err != nil {
		return nil, err
	}
	if fields == nil {
		return nil, errors.New("it is null")
	}
	var entries []json.RawMessage
	if raw, ok := fields["manifests"]; ok {
		if err := json.Unmarshal(raw, &entries); err != nil {
			return nil, err
		}
	}
	for _, d := range add {
		raw, err := json.Marshal(d)
		if err != nil {
			return nil, err
		}
		at, err := findEntry(entries, d)
		if err != nil {
			return nil, err
		}
		if at < 0 {
			entries = append(entries, raw)
		} else {
			entries[at] = raw
		}
	}
	raw, err := json.Marshal(entries)
	if err != nil {
		return nil, err
	}
	fields["manifests"] = raw
	return json.Marshal(fields)
}

// findEntry returns the index of the entry that d replaces: the one of the same
// name, or without a name the one of the same digest; or -1.
func findEntry(entries []json.RawMessage, d v1.Descriptor) (int, error) {
	for i, raw := range entries {
		var e struct {
			Digest      string            `json:"digest"`
			Annotations map[string]string `json:"annotations"`
		}
		if err := json.Unmarshal(raw, &e); err != nil {
			return 0, err
		}
		if want, ok := d.Annotations[refName]; ok && e.Annotations[refName] == want {
			return i, nil
		} else if !ok && e.Digest == d.Digest.String() {
			return i, nil
		}
	}
	return -1, nil
}

// Close implements [Publisher]. A directory that holds nothing else goes too.
func (l *layout) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stage == "" {
		return nil
	}
	err := os.RemoveAll(l.stage)
	l.stage = ""
	_ = os.Remove(l.dir) // fails where it isn't empty, as it should
	return outputError(l.dir, err)
}
