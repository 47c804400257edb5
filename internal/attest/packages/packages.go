// Package packages knows which packages of a distribution an image carries: what dpkg
// or apk wrote down in it.
//
// What it promises:
//
//   - It goes by the files that an engine would show: layers above hide and replace
//     those below, and links are followed ([rootfs.ReadKeeping] sees to that).
//   - Each layer is streamed once. A database is parsed while it streams past, and
//     nothing of it stays but the packages. So hostile layers cost neither memory nor
//     time without end.
//   - A database that can't be read in full is an error ([*DatabaseError]), never a
//     list with gaps: who looks for a vulnerable package must not be told that it is
//     not there.
//   - The outcome depends on the files alone and is sorted.
//
// A reader of the image's tree that works for others as well asks for [Keep] and
// hands the tree to [In]; [Of] does both. The form in which contents are kept in
// between has a number, [Version], for the key of whoever caches the tree.
//
// It is not for what nobody wrote down (a binary that was copied into the image), and
// it does not read rpm's databases, of which it only says that they are there. It
// trusts the image: one that leaves a package out of its database has it no less.
package packages

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/internal/rootfs"
)

// Package is an installed package. Type, Namespace, Name and Version are those of its
// package URL; Arch and Source are its qualifiers "arch" and "upstream".
type Package struct {
	Type      string // "deb" or "apk"
	Namespace string // the distribution: ID of os-release(5); empty where the image does not say
	Name      string
	Version   string // with epoch and revision, as the database has it
	Arch      string // in the distribution's words: "amd64", "all"; "x86_64", "noarch"
	Source    string // the source package where it is called otherwise, with "@VERSION" where that differs
	License   string // as the database has it, which is SPDX at Alpine; dpkg has none
}

// Found is what is known of an image's packages.
type Found struct {
	Distro   string    // ID-VERSION_ID of os-release(5): "debian-13", "alpine-3.24.1"; empty where the image does not say
	Packages []Package // sorted by type, name, version and architecture
	Why      string    // why none are known; empty where some are
}

// DatabaseError is a package database that can't be read in full.
type DatabaseError struct {
	Path   string // in the image, without a slash in front
	Reason string
}

func (e *DatabaseError) Error() string {
	return fmt.Sprintf("the package database %s %s", e.Path, e.Reason)
}

// database is a place where packages are written down.
type database struct {
	path  string // as of [rootfs.Keep]
	kind  string // of its packages
	parse func(io.Reader) ([]Package, error)
}

func databases() []database {
	return []database{
		{"var/lib/dpkg/status", "deb", parseDpkg},
		{"var/lib/dpkg/status.d/*", "deb", parseDpkg}, // of distroless: a file for each
		{"lib/apk/db/installed", "apk", parseApk},
		{"usr/lib/apk/db/installed", "apk", parseApk}, // since apk-tools 3
	}
}

// foreign are places of databases that are not read.
func foreign() []database {
	return []database{
		{path: "var/lib/rpm/rpmdb.sqlite", kind: "rpm"},
		{path: "var/lib/rpm/Packages.db", kind: "rpm"},
		{path: "var/lib/rpm/Packages", kind: "rpm"},
		{path: "usr/lib/sysimage/rpm/rpmdb.sqlite", kind: "rpm"},
		{path: "usr/lib/sysimage/rpm/Packages.db", kind: "rpm"},
		{path: "var/lib/rpmmanifest/container-manifest-2", kind: "rpm"}, // of Azure Linux' distroless
		{path: "var/lib/pacman/local", kind: "pacman"},
		{path: "var/lib/chisel/manifest.wall", kind: "chisel"}, // of Ubuntu's chiselled images
	}
}

// osRelease are the places of os-release(5), the first that exists counts.
var osRelease = []string{"etc/os-release", "usr/lib/os-release"}

// Keep lists what a tree must keep of an image for [In] to find its packages in it.
func Keep() []rootfs.Keep {
	var out []rootfs.Keep
	for _, p := range osRelease {
		out = append(out, rootfs.Keep{Path: p})
	}
	for _, db := range databases() {
		out = append(out, rootfs.Keep{Path: db.path, Reduce: func(content io.Reader) []byte {
			return encode(db.parse(content))
		}})
	}
	return out
}

// Of lists the packages of an image. Layers are streamed once, none is unpacked or
// kept in memory.
//
// Errors: [*DatabaseError], [*rootfs.MalformedError], and those of the layers.
func Of(ctx context.Context, img v1.Image) (*Found, error) {
	tree, err := rootfs.ReadKeeping(ctx, img, Keep())
	if err != nil {
		return nil, err
	}
	return In(tree)
}

// In lists the packages of an image whose tree was read with [Keep]. The error is a
// [*DatabaseError].
func In(tree *rootfs.Tree) (*Found, error) {
	id, version := release(tree)
	out := &Found{Distro: id}
	if id != "" && version != "" {
		out.Distro += "-" + version
	}
	there := false
	for _, db := range databases() {
		for _, p := range db.files(tree) {
			list, ok, err := read(tree, p)
			if err != nil {
				return nil, err
			}
			there = there || ok
			for _, found := range list {
				found.Type, found.Namespace = db.kind, id
				out.Packages = append(out.Packages, found)
			}
		}
	}
	slices.SortFunc(out.Packages, compare)
	out.Packages = slices.Compact(out.Packages) // of a database with two names
	switch {
	case len(out.Packages) > 0:
	case there:
		out.Why = "its package database is empty"
	default:
		out.Why = whyNone(tree)
	}
	return out, nil
}

// files are the paths of a database in a tree, whether they exist or not.
func (db database) files(tree *rootfs.Tree) []string {
	dir, all := strings.CutSuffix(db.path, "/*")
	if !all {
		return []string{db.path}
	}
	var out []string
	for _, name := range tree.List(dir) {
		if !strings.HasSuffix(name, ".md5sums") { // the sums of a package's files, beside it
			out = append(out, dir+"/"+name)
		}
	}
	return out
}

// read returns what a tree keeps of a file of a database. ok is false where there is
// no such file.
func read(tree *rootfs.Tree, p string) (list []Package, ok bool, err error) {
	_, e, ok := tree.Lookup(p)
	if !ok || e.Kind != rootfs.File {
		return nil, false, nil
	}
	content, kept := tree.Content(p)
	switch limit := (rootfs.Keep{Reduce: func(io.Reader) []byte { return nil }}).Limit(); {
	case !kept && e.Size > limit:
		return nil, true, &DatabaseError{Path: p, Reason: fmt.Sprintf("has %d bytes; databases of up to %d MiB are read", e.Size, limit>>20)}
	case !kept:
		return nil, true, &DatabaseError{Path: p, Reason: "is behind too many links, or one of too many"}
	}
	list, err = decode(content)
	if err != nil {
		return nil, true, &DatabaseError{Path: p, Reason: err.Error()}
	}
	return list, true, nil
}

func whyNone(tree *rootfs.Tree) string {
	for _, db := range foreign() {
		if _, _, ok := tree.Lookup(db.path); ok {
			return "its package database is " + db.kind + "'s, which imgo does not read"
		}
	}
	return "it has no package database"
}

func release(tree *rootfs.Tree) (id, version string) {
	for _, p := range osRelease {
		if content, ok := tree.Content(p); ok {
			return parseOSRelease(strings.NewReader(string(content)))
		}
	}
	return "", ""
}

func compare(a, b Package) int {
	return cmp.Or(
		cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version),
		cmp.Compare(a.Arch, b.Arch), cmp.Compare(a.Source, b.Source), cmp.Compare(a.License, b.License))
}
