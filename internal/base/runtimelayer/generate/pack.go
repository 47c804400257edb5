package main

import (
	"bytes"
	"context"
	_ "embed"
	"go/format"
	"io"
	"io/fs"
	"os"
	"text/template"

	"github.com/imgo-build/imgo/pkg/layer"
	"github.com/imgo-build/imgo/pkg/layer/layertest"
)

// The accounts: the two that exist everywhere. Neither can log in, for want of a
// shell, and no home directory is promised that is not there.
const (
	passwd = "root:x:0:0:root:/:/sbin/nologin\n" +
		"nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n"
	group = "root:x:0:\n" +
		"nobody:x:65534:\n"
	nsswitch = "hosts: files dns\n"
)

// packed is the finished layer.
type packed struct {
	bytes            []byte
	Digest, DiffID   string // hexadecimal SHA-256
	Size             int64
	UncompressedSize int64
}

// pack makes the layer the way imgo makes all layers.
func pack(ctx context.Context, ca roots, tz zones) (packed, error) {
	const zoneinfo = "usr/share/zoneinfo/"
	files := []layer.File{
		regular("etc/ssl/certs/ca-certificates.crt", ca.pem),
		regular("etc/passwd", []byte(passwd)),
		regular("etc/group", []byte(group)),
		regular("etc/nsswitch.conf", []byte(nsswitch)),
		{Path: "tmp", Mode: fs.ModeDir | fs.ModeSticky | 0o777},
		regular(zoneinfo+"+VERSION", []byte(tz.version+"\n")),
	}
	for name, content := range tz.files {
		files = append(files, regular(zoneinfo+name, content))
	}
	for name, target := range tz.links {
		files = append(files, layer.File{Path: zoneinfo + name, Mode: fs.ModeSymlink, Link: target})
	}
	l, err := layer.New(ctx, &layertest.Memory{}, layer.Options{}, files)
	if err != nil {
		return packed{}, err
	}
	return read(l)
}

func read(l *layer.Layer) (packed, error) {
	digest, err := l.Digest()
	if err != nil {
		return packed{}, err
	}
	diffID, err := l.DiffID()
	if err != nil {
		return packed{}, err
	}
	r, err := l.Compressed()
	if err != nil {
		return packed{}, err
	}
	defer r.Close()
	blob, err := io.ReadAll(r)
	return packed{blob, digest.Hex, diffID.Hex, int64(len(blob)), l.UncompressedSize()}, err
}

func regular(path string, content []byte) layer.File {
	return layer.File{Path: path, Mode: 0o644, Size: int64(len(content)), Open: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(content)), nil
	}}
}

//go:embed versions.go.tmpl
var versionsText string

var versionsTemplate = template.Must(template.New("versions").Parse(versionsText))

// writeVersions writes the constants of the package.
func writeVersions(path string, ca roots, tz zones, blob packed) error {
	var out bytes.Buffer
	err := versionsTemplate.Execute(&out, map[string]any{
		"CARoots": ca.version, "Omitted": ca.omitted, "TZData": tz.version, "Blob": blob,
	})
	if err != nil {
		return err
	}
	source, err := format.Source(out.Bytes())
	if err != nil {
		return err
	}
	return os.WriteFile(path, source, 0o644)
}
