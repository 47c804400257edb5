package base

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/internal/attest/packages"
	"github.com/imgo-build/imgo/internal/rootfs"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/event"
)

// treeVersion is raised with every change of what [Source.Rootfs] returns for the
// same layers.
const treeVersion = "2 packages " + packages.Version

// maxTree bounds a tree as it is kept, in bytes. A larger one is made anew each time.
const maxTree = 64 << 20

// kept are the contents that others need: who a user is, what system it is
// (os-release(5)), and which packages it carries.
func kept() []rootfs.Keep {
	return append(packages.Keep(), rootfs.Keep{Path: "etc/passwd"}, rootfs.Keep{Path: "etc/group"})
}

// Rootfs implements [build.BaseSource]: the files of a base, with the contents of
// /etc/passwd, /etc/group and os-release, and what [packages.In] makes its list of.
// Its layers are read for it once; after that the cache knows. A base without an image has no files.
//
// Errors: [*rootfs.MalformedError], and those of pkg/publish for what a registry
// answers.
func (s *Source) Rootfs(ctx context.Context, b build.Base) (*rootfs.Tree, error) {
	if b.Image == nil {
		return &rootfs.Tree{}, nil
	}
	subject := "the base"
	if b.Name != "" {
		subject = "base " + b.Name
	}
	key, err := treeKey(b.Image)
	if err != nil {
		return nil, fmt.Errorf("reading the files of %s: %w", subject, err)
	}
	tree, _, err := s.trees.Do(ctx, key, func() (*rootfs.Tree, error) {
		if tree, ok := s.cachedTree(key); ok {
			return tree, nil
		}
		if b.Name == "" { // at hand, and no work to speak of
			return s.readTree(ctx, b.Image, key)
		}
		done := event.Track(s.opts.Events, event.Base, "files of "+b.Name)
		tree, err := s.readTree(ctx, b.Image, key)
		done("", err)
		return tree, err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the files of %s: %w", subject, err)
	}
	return tree, nil
}

// treeKey names the files of an image. They depend on its layers and nothing else, so
// that the empty base has the same for all platforms.
func treeKey(img v1.Image) (string, error) {
	m, err := img.Manifest()
	if err != nil {
		return "", err
	}
	key := []string{"base files " + treeVersion}
	for _, l := range m.Layers {
		key = append(key, l.Digest.String())
	}
	return strings.Join(key, " "), nil
}

func (s *Source) cachedTree(key string) (*rootfs.Tree, bool) {
	value, ok := s.opts.Cache.Lookup(key)
	if !ok {
		return nil, false
	}
	digest, err := v1.NewHash(string(value))
	if err != nil {
		return nil, false
	}
	raw, ok := s.readCached(digest, maxTree)
	if !ok {
		return nil, false
	}
	tree, err := rootfs.Unmarshal(raw)
	return tree, err == nil
}

// readTree reads the layers, and keeps the outcome if the cache can.
func (s *Source) readTree(ctx context.Context, img v1.Image, key string) (*rootfs.Tree, error) {
	tree, err := rootfs.ReadKeeping(ctx, img, kept())
	if err != nil {
		return nil, err
	}
	raw, err := tree.Marshal()
	if err != nil {
		return nil, err
	}
	digest, _, err := v1.SHA256(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	s.writeCached(ctx, digest, raw)
	_ = s.opts.Cache.Remember(key, []byte(digest.String()))
	return tree, nil
}
