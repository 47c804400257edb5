// Package sbom writes down what is in an image, as an SPDX 2.3 or a CycloneDX 1.6
// document in JSON, and reads such documents.
//
// It tells only what is true of the image: the modules that the build info of its
// binaries names (a replacement, not what it replaces), the standard library, the
// layers, and the base with the packages of its own database. It adds no guesses. In
// particular:
//
//   - A module's h1 sum is a hash of a list of file hashes (golang.org/x/mod/sumdb/dirhash),
//     not of an archive. It is named so, and never becomes a checksum.
//   - A licence is always a declared one (licenseDeclared in SPDX, acknowledgement
//     "declared" in CycloneDX), for that is what a licence file or a package database
//     says. licenseConcluded stays NOASSERTION: nobody has looked at the sources and
//     come to a conclusion. Several licence files are joined with AND, since which of
//     them a user may choose between isn't known.
//   - The toolchain made the binaries and is not in the image: it is a build tool in SPDX
//     and has the scope "excluded" in CycloneDX.
//
// The package is pure: no file, no network, no clock. The same Image makes the same
// bytes, whatever the order of its parts; namespace and serial number are hashes of
// the content. It is not for signing or storing documents, and doesn't find out
// licences or packages itself.
package sbom

import (
	"encoding/hex"
	"fmt"
	"runtime/debug"
	"strings"
	"time"
)

// Image is what an SBOM describes.
type Image struct {
	Name     string    // repository without a tag, or the image's name
	Digest   string    // "sha256:…" of the image's manifest, or of the index
	Platform string    // such as linux/amd64 or linux/arm/v7; empty for an index
	Created  time.Time // from the plan: never the clock; seconds count
	Tool     string    // version of imgo
	Binaries []Binary
	Files    []FileLayer
	Runtime  *Runtime // nil where a base has its own
	Base     *Base    // nil for the empty base
}

// Binary is a Go program in the image.
type Binary struct {
	Path     string // in the image
	SHA256   string // of the file, in hexadecimal; empty where unknown
	Info     *debug.BuildInfo
	Revision string // of the version control system; empty: what the build info says
	// Dir is where the main module is in its repository, with slashes; empty for the root.
	// Directories that replace modules are named as far as they are in the repository.
	Dir string
	// Licenses holds SPDX identifiers or expressions by Key of a module. Those that it
	// doesn't hold are unknown.
	Licenses map[string][]string
}

// Key is what a module is called in Binary.Licenses: PATH@VERSION of its replacement
// where it has one, else of itself. A directory that replaces a module has no version.
func Key(m *debug.Module) string {
	if m.Replace != nil {
		m = m.Replace
	}
	return m.Path + "@" + m.Version
}

// IsDirectory says whether a module, or what replaces one, is a directory and has no
// version: build information calls that "(devel)".
func IsDirectory(m *debug.Module) bool { return m.Version == "" || m.Version == "(devel)" }

// FileLayer is a layer of the user's files.
type FileLayer struct {
	Digest      string // "sha256:…" of the compressed layer
	DiffID      string // "sha256:…" of its tar
	Paths       int    // how many entries it has; 0 where that isn't known
	Description string
}

// Runtime is the layer that imgo brings itself for the empty base.
type Runtime struct {
	Digest string
	Parts  []Part // CA roots and zone data
}

// Part is data from elsewhere.
type Part struct{ Name, Version, Source, License string }

// Base is the image that this one stands on.
type Base struct {
	Name       string // reference, with or without a tag
	Digest     string // "sha256:…"
	Packages   []Package
	Incomplete string // why the list of packages isn't known, or empty
}

// Package is a package of a distribution, as the package database of the base has it.
type Package struct {
	Type      string // deb or apk: a type of package URL
	Namespace string // the distribution: debian, alpine
	Name      string
	Version   string
	Arch      string
	Source    string // what it was built from
	License   string // as the database has it; any text
	Distro    string // debian-13, alpine-3.24.1
}

// digestHex takes "sha256:" from a digest and checks the rest.
func digestHex(what, digest string) (string, error) {
	h := strings.TrimPrefix(digest, "sha256:")
	if b, err := hex.DecodeString(h); err != nil || len(b) != 32 || strings.ToLower(h) != h {
		return "", fmt.Errorf("digest of %s: %q is not a SHA-256", what, digest)
	}
	return h, nil
}
