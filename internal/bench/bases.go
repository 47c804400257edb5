package main

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// standIn is a base made of this machine's files, with what the real one consists of.
type standIn struct {
	name  string
	files []string // patterns of files and directories
	skip  []string // directories that the real one lacks
}

const zoneInfo = "/usr/share/zoneinfo"

var (
	distrolessLike = standIn{"distroless-like", []string{
		"/etc/ssl/certs/ca-certificates.crt", "/etc/passwd", "/etc/group", "/etc/protocols", "/etc/services", zoneInfo,
	}, []string{zoneInfo + "/posix", zoneInfo + "/right"}}
	alpineLike = standIn{"Alpine-like", []string{
		"/bin/busybox", "/etc/passwd", "/etc/group", "/etc/ssl/certs/ca-certificates.crt",
		"/usr/lib/*/libcrypto.so.3", "/usr/lib/*/libssl.so.3", "/usr/lib/*/libz.so.1",
	}, nil}
)

// publishStandIn makes the base and pushes it.
func (b *bench) publishStandIn(ctx context.Context, base standIn, ref string) error {
	dir := filepath.Join(b.work, "base-"+base.name)
	blobs := filepath.Join(dir, "blobs", "sha256")
	if err := os.MkdirAll(blobs, 0o755); err != nil {
		return err
	}
	layer, diffID, err := writeLayer(blobs, base.write, gzip.DefaultCompression)
	if err != nil {
		return fmt.Errorf("making a base that is %s: %w", base.name, err)
	}
	if err := writeImages(dir, layer, diffID, []string{"amd64"}); err != nil {
		return err
	}
	return b.publish(ctx, dir, ref)
}

// write adds the files to a layer.
func (s standIn) write(tw *tar.Writer) error {
	for _, pattern := range s.files {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			return err
		}
		if len(paths) == 0 {
			return fmt.Errorf("%s is missing on this machine", pattern)
		}
		for _, path := range paths {
			if err := s.walk(tw, path); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s standIn) walk(tw *tar.Writer, root string) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		for _, dir := range s.skip {
			if path == dir {
				return fs.SkipDir
			}
		}
		if d.IsDir() {
			return nil
		}
		data, err := os.ReadFile(path) // through links: what they point to counts once more
		if err != nil {
			return err
		}
		header := tar.Header{Name: strings.TrimPrefix(path, "/"), Mode: 0o644, Size: int64(len(data))}
		if err := tw.WriteHeader(&header); err != nil {
			return err
		}
		_, err = tw.Write(data)
		return err
	})
}
