package fastpathtest

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"
	"golang.org/x/mod/zip"
	"golang.org/x/tools/txtar"
)

const depPath = "example.com/dep"

// makeProxy makes a directory that GOPROXY can name, with the released versions of one
// module, and returns the lines of go.sum for all of them.
func makeProxy(dir string) (sums string, err error) {
	versions := map[string]*txtar.Archive{}
	var list []string
	for _, f := range txtar.Parse([]byte(released)).Files {
		version, name, _ := strings.Cut(f.Name, "/")
		if versions[version] == nil {
			list, versions[version] = append(list, version), &txtar.Archive{}
		}
		versions[version].Files = append(versions[version].Files, txtar.File{Name: name, Data: f.Data})
	}
	at := filepath.Join(dir, filepath.FromSlash(depPath), "@v")
	if err := writeFile(filepath.Join(at, "list"), []byte(strings.Join(list, "\n")+"\n")); err != nil {
		return "", err
	}
	for _, version := range list {
		source := filepath.Join(dir, "source", version)
		if err := writeArchive(source, versions[version]); err != nil {
			return "", err
		}
		lines, err := release(at, source, version)
		if err != nil {
			return "", err
		}
		sums += lines
	}
	return sums, nil
}

// release puts a version into the proxy.
func release(at, source, version string) (sums string, err error) {
	goMod, err := os.ReadFile(filepath.Join(source, "go.mod"))
	if err != nil {
		return "", err
	}
	if err := writeFile(filepath.Join(at, version+".mod"), goMod); err != nil {
		return "", err
	}
	if err := writeFile(filepath.Join(at, version+".info"), fmt.Appendf(nil, `{"Version":%q}`, version)); err != nil {
		return "", err
	}
	archive := filepath.Join(at, version+".zip")
	f, err := os.Create(archive)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if err := zip.CreateFromDir(f, module.Version{Path: depPath, Version: version}, source); err != nil {
		return "", err
	}
	whole, err := dirhash.HashZip(archive, dirhash.Hash1)
	if err != nil {
		return "", err
	}
	own, err := dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) { return os.Open(filepath.Join(source, "go.mod")) })
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s %s %s\n%s %s/go.mod %s\n", depPath, version, whole, depPath, version, own), nil
}

// writeArchive makes the files of an archive in a directory.
func writeArchive(dir string, a *txtar.Archive) error {
	for _, f := range a.Files {
		if err := writeFile(filepath.Join(dir, filepath.FromSlash(f.Name)), f.Data); err != nil {
			return err
		}
	}
	return nil
}

func writeFile(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}
