package imgo

import (
	"context"
	"io"
	"path/filepath"
	"strings"

	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/publish"
)

// IsArchive reports whether an argument names something built before, a tarball or
// a layout, and not a package.
func IsArchive(arg string) bool {
	return strings.HasPrefix(arg, "oci:") || strings.HasSuffix(arg, ".tar")
}

// PushPlan plans the push of tarballs and layouts, which the plan reads from until
// the returned closer is closed.
func (c *Client) PushPlan(ctx context.Context, req build.Request, args []string) (_ *build.Plan, _ io.Closer, err error) {
	var open closers
	defer func() {
		if err != nil {
			_ = open.Close()
		}
	}()
	var targets []build.Target
	for _, arg := range args {
		archive, err := c.openArchive(ctx, arg)
		if err != nil {
			return nil, nil, err
		}
		open = append(open, archive)
		for _, e := range archive.Entries() {
			t := build.Target{Name: archiveName(arg, e.Names), Artifact: e.Artifact, Origin: arg}
			t.Settings.Attest.Sign = req.Default.Attest.Sign // what it is made of, nobody knows any more
			t.Settings.Policy, t.Settings.AllowSecrets = req.Default.Policy, req.Default.AllowSecrets
			t.Settings.Go, t.Settings.Origins = req.Default.Go, req.Default.Origins
			targets = append(targets, t)
		}
	}
	plan, err := build.NewPlan(req, targets)
	return plan, open, err
}

func (c *Client) openArchive(ctx context.Context, arg string) (*publish.Archive, error) {
	if dir, ok := strings.CutPrefix(arg, "oci:"); ok {
		if dir == "" {
			return nil, &build.UsageError{Reason: "oci: needs a directory, such as oci:out"}
		}
		return publish.OpenLayout(c.path(dir))
	}
	return publish.OpenTarball(ctx, c.path(arg))
}

// archiveName is the NAME of an image in an archive: the last part of its own
// name, or of the file's where it has none.
func archiveName(arg string, names []string) string {
	if len(names) > 0 {
		name := names[0]
		if at := strings.LastIndex(name, "@"); at >= 0 {
			name = name[:at]
		}
		name = name[strings.LastIndex(name, "/")+1:]
		name, _, _ = strings.Cut(name, ":")
		return name
	}
	return strings.TrimSuffix(filepath.Base(strings.TrimPrefix(arg, "oci:")), ".tar")
}

type closers []io.Closer

func (cs closers) Close() error {
	var first error
	for _, c := range cs {
		if err := c.Close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}
