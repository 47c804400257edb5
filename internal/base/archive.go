package base

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/pkg/publish"
)

// tarballRoot opens a tarball. It stays open until the Source is closed.
func (s *Source) tarballRoot(ctx context.Context, ref *reference) (*root, error) {
	a, err := publish.OpenTarball(ctx, ref.tarball)
	if err != nil {
		return nil, err
	}
	s.keepOpen(a)
	r, err := archiveRoot(a.Entries(), ref, "")
	if err != nil {
		return nil, err
	}
	made, err := isDockerArchive(ref.tarball)
	if err != nil || !made {
		return r, err
	}
	r.made = true
	saved := r.image
	r.image = func(ctx context.Context, digest v1.Hash) (v1.Image, error) {
		img, err := saved(ctx, digest)
		if err != nil {
			return nil, err
		}
		return s.compressed(ctx, img)
	}
	return r, nil
}

func (s *Source) layoutRoot(ref *reference) (*root, error) {
	if info, err := os.Stat(ref.layout.dir); err != nil || !info.IsDir() {
		return nil, &ReferenceError{Ref: ref.text, Reason: "there is no such directory"}
	}
	a, err := publish.OpenLayout(ref.layout.dir)
	if err != nil {
		return nil, err
	}
	s.keepOpen(a)
	entries := a.Entries()
	if err := addTags(entries, ref.layout.dir); err != nil {
		return nil, err
	}
	return archiveRoot(entries, ref, ref.layout.name)
}

// addTags adds the names that index.json gives to entries (OCI image specification,
// annotations.md). They may be mere tags, which are no names elsewhere.
func addTags(entries []publish.Entry, dir string) error {
	f, err := openRegular(filepath.Join(dir, "index.json"))
	if err != nil {
		return err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxMetadata))
	if err != nil {
		return err
	}
	m, err := v1.ParseIndexManifest(bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("reading index.json: %w", err)
	}
	for i := range entries {
		digest, err := entries[i].Artifact.Digest()
		if err != nil {
			return err
		}
		for _, d := range m.Manifests {
			tag := d.Annotations["org.opencontainers.image.ref.name"]
			if d.Digest == digest && tag != "" && !slices.Contains(entries[i].Names, tag) {
				entries[i].Names = append(entries[i].Names, tag)
			}
		}
	}
	return nil
}

func (s *Source) keepOpen(c io.Closer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = append(s.open, c)
}

// archiveRoot makes a root of the archive's entry with the name, or of its only one.
// It records no name: nobody else has the file.
func archiveRoot(entries []publish.Entry, ref *reference, name string) (*root, error) {
	e, err := find(entries, ref, name)
	if err != nil {
		return nil, err
	}
	r := &root{ref: ref.text}
	if r.raw, err = e.Artifact.RawManifest(); err != nil {
		return nil, fmt.Errorf("reading the manifest: %w", err)
	}
	if r.digest, _, err = v1.SHA256(bytes.NewReader(r.raw)); err != nil {
		return nil, err
	}
	switch artifact := e.Artifact.(type) {
	case v1.ImageIndex:
		r.index = true
		r.image = func(_ context.Context, digest v1.Hash) (v1.Image, error) { return artifact.Image(digest) }
	case v1.Image:
		r.image = func(context.Context, v1.Hash) (v1.Image, error) { return artifact, nil }
	default:
		return nil, r.unusable("it is neither an image nor an index")
	}
	return r, nil
}

func find(entries []publish.Entry, ref *reference, name string) (publish.Entry, error) {
	if name == "" && len(entries) == 1 {
		return entries[0], nil
	}
	if len(entries) == 0 {
		return publish.Entry{}, &ReferenceError{Ref: ref.text, Reason: "it holds no image"}
	}
	for _, e := range entries {
		if name != "" && slices.ContainsFunc(e.Names, func(n string) bool { return n == name || strings.HasSuffix(n, ":"+name) }) {
			return e, nil
		}
	}
	reason := "it holds several images (" + entryNames(entries) + ")"
	switch {
	case name != "":
		reason = fmt.Sprintf("it holds no image named %q, only: %s", name, entryNames(entries))
	case ref.layout != nil:
		reason += ": choose one with " + ref.text + ":NAME"
	default:
		reason += ": save the one that is meant by itself"
	}
	return publish.Entry{}, &ReferenceError{Ref: ref.text, Reason: reason}
}

func entryNames(entries []publish.Entry) string {
	var out []string
	for _, e := range entries {
		if len(e.Names) == 0 {
			out = append(out, "one without a name")
		}
		out = append(out, e.Names...)
	}
	return strings.Join(out, ", ")
}

// openRegular opens a file that must be a regular one: to open a pipe may take for
// ever, and nothing interrupts it.
func openRegular(path string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, &publish.ArchiveError{Path: path, Problem: "is not a regular file"}
	}
	return os.Open(path)
}

// isDockerArchive reports whether a tarball is only what "docker save" used to
// write, and no OCI layout too. Such a file has neither manifest nor compressed
// layers.
func isDockerArchive(path string) (bool, error) {
	f, err := openRegular(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	for tr := tar.NewReader(f); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		if strings.TrimPrefix(h.Name, "./") == "oci-layout" {
			return false, nil
		}
	}
}
