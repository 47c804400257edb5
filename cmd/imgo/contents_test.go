package main

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/imgo-build/imgo/pkg/image"
)

// writeContents is "contents TARBALL FILE": what lies in the layers of an image as
// docker would load it, one layer after the other, each below its history. imgo's own
// runtime layer is left out.
func writeContents(ts *testscript.TestScript, neg bool, args []string) {
	img, err := tarball.ImageFromPath(ts.MkAbs(args[0]), nil)
	ts.Check(err)
	config, err := img.ConfigFile()
	ts.Check(err)
	layers, err := img.Layers()
	ts.Check(err)
	var b strings.Builder
	for i, created := range image.LayerHistory(config) {
		if strings.HasPrefix(created, "imgo: runtime layer") {
			continue
		}
		fmt.Fprintln(&b, created)
		ts.Check(writeEntries(&b, layers[i]))
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(b.String()), 0o644))
}

func writeEntries(b *strings.Builder, l v1.Layer) error {
	rc, err := l.Uncompressed()
	if err != nil {
		return err
	}
	defer rc.Close()
	tr := tar.NewReader(rc)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(b, "  %s %d:%d %s", h.FileInfo().Mode(), h.Uid, h.Gid, h.Name)
		if h.Linkname != "" {
			fmt.Fprintf(b, " -> %s", h.Linkname)
		}
		b.WriteByte('\n')
	}
}
