// Package probe holds the source of the program that checks the health of images
// without a shell and without curl, and the command line for an image's healthcheck.
//
// A healthcheck that is a URL, as in
//
//	healthcheck: http://:8080/healthz
//
// stands for a program at Path in the image, which asks that URL. imgo carries it as
// source, so that it is built for any platform, by the same toolchain as the program
// that it watches, and what is in the image can be read. It needs the standard library
// only. Stripped, for linux/amd64, it has about 2 MB, and with https 4.6 MB.
//
// The source is a part of what makes the image's digest: Version changes with it.
package probe

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/imgo-build/imgo/internal/wholefile"
)

// Path is where the program is in an image.
const Path = "/imgo/probe"

// Module is the path of the program's module and of its only package.
const Module = "github.com/imgo-build/imgo/probe"

const goMod = "module " + Module + "\n\ngo 1.22\n"

//go:embed program/main.go program/target.go program/http.go program/tls.go program/notls.go
var program embed.FS

// names are the files of the source, in the order of Version.
var names = []string{"go.mod", "http.go", "main.go", "notls.go", "target.go", "tls.go"}

// Source is the module of the program: file names to contents. The main package is at
// its root.
func Source() map[string][]byte {
	files := map[string][]byte{}
	for _, name := range names {
		files[name] = content(name)
	}
	return files
}

func content(name string) []byte {
	if name == "go.mod" {
		return []byte(goMod)
	}
	data, err := program.ReadFile("program/" + name)
	if err != nil {
		panic(err) // it would not have compiled
	}
	return data
}

// Version names the source: two programs of one version, toolchain and platform are
// the same.
var Version = sync.OnceValue(func() string {
	h := sha256.New()
	for _, name := range names {
		data := content(name)
		fmt.Fprintf(h, "%s %d\n", name, len(data))
		h.Write(data)
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
})

// Write makes a directory hold the source. What is right already is not touched; what
// is not is replaced in one step, so that several may write at a time. The directory
// should have Version in its name: other files are left alone.
func Write(dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for name, data := range Source() {
		path := filepath.Join(dir, name)
		if have, err := os.ReadFile(path); err == nil && bytes.Equal(have, data) {
			continue
		}
		if err := wholefile.Write(path, data, 0o600); err != nil {
			return fmt.Errorf("writing the health probe's source: %w", err)
		}
	}
	return nil
}

// Test is the healthcheck's command for a URL that ParseURL accepts. The timeout is
// the probe's own; 0 leaves its default of 5 seconds.
func Test(rawURL string, timeout time.Duration) []string {
	test := []string{"CMD", Path, normalize(rawURL)}
	if timeout > 0 {
		test = append(test, "-timeout", timeout.String())
	}
	return test
}

// Tags are the build tags for a program that is asked for these URLs: without an https
// one TLS is left out.
func Tags(rawURLs ...string) []string {
	for _, raw := range rawURLs {
		if u, err := parse(raw); err != nil || u.Scheme == "https" {
			return nil
		}
	}
	return []string{"notls"}
}
