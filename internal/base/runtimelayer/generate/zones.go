package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// zones is the compiled time zone database.
type zones struct {
	version string            // of the release, as 2026f
	files   map[string][]byte // compiled zones by name
	links   map[string]string // other names of the same zones
}

// timeZones compiles a release: a file, or the latest one that IANA has.
func timeZones(ctx context.Context, file string) (zones, error) {
	var release []byte
	var err error
	if file == "" {
		release, err = download(ctx, latestTZData)
	} else {
		release, err = os.ReadFile(file)
	}
	if err != nil {
		return zones{}, err
	}
	if bytes.HasPrefix(release, []byte{0x1f, 0x8b}) {
		if release, err = extract(release, "tzdata.zi"); err != nil {
			return zones{}, err
		}
	}
	first, _, _ := strings.Cut(string(release), "\n")
	version, ok := strings.CutPrefix(first, "# version ")
	if !ok {
		return zones{}, fmt.Errorf("the time zone data begins with %q instead of its version", first)
	}
	compiled, err := compile(ctx, release)
	if err != nil {
		return zones{}, err
	}
	z := zones{version: version, files: compiled, links: map[string]string{}}
	z.linkDuplicates(zoneNames(release))
	return z, nil
}

func download(ctx context.Context, url string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := new(http.Client).Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("downloading %s: %s", url, resp.Status)
	}
	return io.ReadAll(resp.Body)
}

// extract returns a file of a tar.gz.
func extract(archive []byte, name string) ([]byte, error) {
	zr, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return nil, err
	}
	for tr := tar.NewReader(zr); ; {
		h, err := tr.Next()
		if err == io.EOF {
			return nil, fmt.Errorf("the release has no %s", name)
		}
		if err != nil {
			return nil, err
		}
		if h.Name == name {
			return io.ReadAll(tr)
		}
	}
}

// zoneNames are the names that a tzdata.zi defines as zones and not as links.
func zoneNames(zi []byte) []string {
	var names []string
	for line := range strings.Lines(string(zi)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "Z" {
			names = append(names, fields[1])
		}
	}
	return names
}

// compile runs zic on a tzdata.zi.
func compile(ctx context.Context, zi []byte) (map[string][]byte, error) {
	zic, err := exec.LookPath("zic")
	if errors.Is(err, exec.ErrNotFound) {
		zic, err = exec.LookPath("/usr/sbin/zic")
	}
	if err != nil {
		return nil, fmt.Errorf("finding the time zone compiler: %w", err)
	}
	dir, err := os.MkdirTemp("", "zones")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	source, out := filepath.Join(dir, "tzdata.zi"), filepath.Join(dir, "out")
	if err := os.WriteFile(source, zi, 0o644); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, zic, "-b", "slim", "-d", out, source)
	if output, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("compiling the time zones: %w\n%s", err, output)
	}
	return readTree(out)
}

// readTree reads the files below dir, by their slash-separated paths.
func readTree(dir string) (map[string][]byte, error) {
	files := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		files[filepath.ToSlash(name)], err = os.ReadFile(path)
		return err
	})
	return files, err
}

// linkDuplicates keeps one file of those with the same content, by preference one
// that is a zone of its own, and makes the others relative links to it.
func (z *zones) linkDuplicates(preferred []string) {
	first := map[string]string{}
	names := make([]string, 0, len(z.files))
	for name := range z.files {
		names = append(names, name)
	}
	slices.Sort(names)
	isZone := func(name string) bool { return slices.Contains(preferred, name) }
	slices.SortStableFunc(names, func(a, b string) int {
		switch {
		case isZone(a) && !isZone(b):
			return -1
		case isZone(b) && !isZone(a):
			return 1
		}
		return 0
	})
	for _, name := range names {
		content := string(z.files[name])
		if target, ok := first[content]; ok {
			z.links[name] = strings.Repeat("../", strings.Count(name, "/")) + target
			delete(z.files, name)
			continue
		}
		first[content] = name
	}
}
