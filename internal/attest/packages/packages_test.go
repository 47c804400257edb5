package packages

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/zstd"
)

// file is an entry of a layer: a symbolic link to link, a hard link to hard, or a
// file.
type file struct{ path, content, link, hard string }

func tarOf(t testing.TB, files []file) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, f := range files {
		h := &tar.Header{Name: f.path, Mode: 0o644, Typeflag: tar.TypeReg, Size: int64(len(f.content))}
		if f.link != "" {
			h.Typeflag, h.Linkname = tar.TypeSymlink, f.link
		}
		if f.hard != "" {
			h.Typeflag, h.Linkname = tar.TypeLink, f.hard
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, f.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// imageOf makes an image of gzipped layers.
func imageOf(t testing.TB, layers ...[]file) v1.Image {
	t.Helper()
	img := empty.Image
	for _, files := range layers {
		data := tarOf(t, files)
		l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil })
		if err != nil {
			t.Fatal(err)
		}
		if img, err = mutate.AppendLayers(img, l); err != nil {
			t.Fatal(err)
		}
	}
	return img
}

const (
	debian = "PRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"13\"\nID=debian\n"
	alpine = "NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID=3.24.1\n"

	status = `Package: libc6
Status: install ok installed
Priority: optional
Architecture: amd64
Multi-Arch: same
Source: glibc
Version: 2.41-12
Description: GNU C Library: Shared libraries
 Contains the standard libraries: among them
 .
 Version: this is no field

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1.0

Package: held
Status: hold ok installed
Architecture: amd64
Version: 1:2.0-1+b3
Source: held-src (1:2.0-1)
`
	installed24 = `C:Q1p78yvTLG094tHE1+dToJGbmYzQE=
P:musl
V:1.2.5-r21
A:x86_64
S:1000
T:the musl c library (libc) implementation
U:https://musl.libc.org/
L:MIT
o:musl
m:Somebody <somebody@example.org>
p:so:libc.musl-x86_64.so.1=1
F:lib
R:ld-musl-x86_64.so.1
a:0:0:755

P:ssl_client
V:1.37.0-r30
A:x86_64
L:GPL-2.0-only
o:busybox

`
)

// control is a file of distroless' status.d: a control file without a status.
func control(name, version, source string) string {
	out := "Package: " + name + "\nVersion: " + version + "\nArchitecture: all\nMaintainer: Somebody <somebody@example.org>\n"
	if source != "" {
		out += "Source: " + source + "\n"
	}
	return out + "Description: it does things\n very well\n"
}

func distroless() []file {
	return []file{
		{path: "etc/os-release", link: "../usr/lib/os-release"},
		{path: "usr/lib/os-release", content: debian},
		{path: "var/lib/dpkg/status.d/tzdata", content: control("tzdata", "2026a-0+deb13u1", "")},
		{path: "var/lib/dpkg/status.d/tzdata.md5sums", content: "d41d8cd98f00b204e9800998ecf8427e  usr/share/zoneinfo/UTC\n"},
		{path: "var/lib/dpkg/status.d/bGliYzY", content: control("libc6", "2.41-12", "glibc")},
		{path: "var/lib/dpkg/status.d/base", content: control("base-files", "13.8+deb13u1", "")},
	}
}

func line(p Package) string {
	return strings.Join([]string{p.Type, p.Namespace, p.Name, p.Version, p.Arch, p.Source, p.License}, " ")
}

func TestOf(t *testing.T) {
	tzdata, libc6, base := "deb debian tzdata 2026a-0+deb13u1 all  ", "deb debian libc6 2.41-12 all glibc ", "deb debian base-files 13.8+deb13u1 all  "
	alpineFound := []string{"apk alpine musl 1.2.5-r21 x86_64  MIT", "apk alpine ssl_client 1.37.0-r30 x86_64 busybox GPL-2.0-only"}
	for name, c := range map[string]struct {
		layers [][]file
		distro string
		want   []string
		why    string
	}{
		"distroless": {[][]file{distroless()}, "debian-13", []string{base, libc6, tzdata}, ""},
		"debian": {
			[][]file{{{path: "var/lib/dpkg/status", content: status}, {path: "usr/lib/os-release", content: debian}}}, "debian-13",
			[]string{"deb debian held 1:2.0-1+b3 amd64 held-src@1:2.0-1 ", "deb debian libc6 2.41-12 amd64 glibc "}, "",
		},
		"alpine":       {[][]file{{{path: "lib/apk/db/installed", content: installed24}, {path: "etc/os-release", content: alpine}}}, "alpine-3.24.1", alpineFound, ""},
		"newer alpine": {[][]file{{{path: "usr/lib/apk/db/installed", content: installed24}, {path: "lib", link: "usr/lib"}, {path: "etc/os-release", content: alpine}}}, "alpine-3.24.1", alpineFound, ""},
		"replaced by a layer above": {
			[][]file{{{path: "lib/apk/db/installed", content: installed24}}, {{path: "lib/apk/db/installed", content: "P:a\nV:1\n"}}},
			"", []string{"apk  a 1   "}, "",
		},
		"one removed":              {[][]file{distroless(), {{path: "var/lib/dpkg/status.d/.wh.bGliYzY"}}}, "debian-13", []string{base, tzdata}, ""},
		"all removed":              {[][]file{distroless(), {{path: "var/lib/.wh.dpkg"}}}, "debian-13", nil, "it has no package database"},
		"hidden, and another":      {[][]file{distroless(), {{path: "var/lib/dpkg/status.d/.wh..wh..opq"}, {path: "var/lib/dpkg/status.d/x", content: control("x", "1", "")}}}, "debian-13", []string{"deb debian x 1 all  "}, ""},
		"removed, and made again":  {[][]file{distroless(), {{path: "var/lib/.wh.dpkg"}}, {{path: "var/lib/dpkg/status.d/x", content: control("x", "1", "")}}}, "debian-13", []string{"deb debian x 1 all  "}, ""},
		"a link to it":             {[][]file{{{path: "lib/apk/db/installed", link: "/data/apk"}}, {{path: "data/apk", content: installed24}, {path: "etc/os-release", content: alpine}}}, "alpine-3.24.1", alpineFound, ""},
		"a hard link to it":        {[][]file{{{path: "data/apk", content: installed24}, {path: "lib/apk/db/installed", hard: "data/apk"}, {path: "etc/os-release", content: alpine}}}, "alpine-3.24.1", alpineFound, ""},
		"a link to its directory":  {[][]file{{{path: "opt/db/x", content: control("x", "1", "")}, {path: "var/lib/dpkg", link: "/opt"}, {path: "opt/status.d", link: "db"}}}, "", []string{"deb  x 1 all  "}, ""},
		"a link in its directory":  {[][]file{{{path: "opt/x", content: control("x", "1", "")}, {path: "var/lib/dpkg/status.d/x", link: "/opt/x"}}}, "", []string{"deb  x 1 all  "}, ""},
		"a link out of the image":  {[][]file{{{path: "lib/apk/db/installed", link: "/proc/self/environ"}}}, "", nil, "it has no package database"},
		"nothing":                  {nil, "", nil, "it has no package database"},
		"an empty database":        {[][]file{{{path: "var/lib/dpkg/status"}}}, "", nil, "its package database is empty"},
		"rpm":                      {[][]file{{{path: "var/lib/rpm/rpmdb.sqlite", content: "SQLite"}, {path: "etc/os-release", content: "ID=\"rhel\"\nVERSION_ID='10.1'\n"}}}, "rhel-10.1", nil, "its package database is rpm's, which imgo does not read"},
		"a rolling distribution":   {[][]file{{{path: "etc/os-release", content: "ID=wolfi\n"}}}, "wolfi", nil, "it has no package database"},
		"a directory in its place": {[][]file{{{path: "var/lib/dpkg/status/x", content: "x"}}}, "", nil, "it has no package database"},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := Of(t.Context(), imageOf(t, c.layers...))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range found.Packages {
				got = append(got, line(p))
			}
			if diff := cmp.Diff(c.want, got); diff != "" || found.Distro != c.distro || found.Why != c.why {
				t.Errorf("distribution %q, why %q (-want +got):\n%s", found.Distro, found.Why, diff)
			}
		})
	}
}

func TestCompressions(t *testing.T) {
	plain := tarOf(t, distroless())
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	want, err := Of(t.Context(), imageOf(t, distroless()))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range []v1.Layer{static.NewLayer(plain, types.OCIUncompressedLayer), static.NewLayer(enc.EncodeAll(plain, nil), types.OCILayerZStd)} {
		got, err := Of(t.Context(), onlyLayers{layers: []v1.Layer{l}})
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	}
}

// onlyLayers is an image that has nothing but layers.
type onlyLayers struct {
	v1.Image
	layers []v1.Layer
}

func (o onlyLayers) Layers() ([]v1.Layer, error) { return o.layers, nil }

func TestDatabasesThatCannotBeRead(t *testing.T) {
	const dpkg, apk = "var/lib/dpkg/status", "lib/apk/db/installed"
	long := strings.Repeat("x", maxField+1)
	var many strings.Builder
	for i := range 60_000 {
		fmt.Fprintf(&many, "P:a-package-with-a-name-%d\nV:1\n\n", i)
	}
	for name, c := range map[string]struct {
		files []file
		want  string
	}{
		"no field":        {[]file{{path: dpkg, content: "Package: a\nVersion: 1\n\nnonsense\n"}}, "the package database var/lib/dpkg/status has no field in line 4"},
		"no field, apk":   {[]file{{path: apk, content: "P:a\nV:1\nnonsense\n"}}, "the package database lib/apk/db/installed has no field in line 3"},
		"no name":         {[]file{{path: dpkg, content: "Version: 1\n"}}, "has a package without a name"},
		"no version":      {[]file{{path: apk, content: "P:a\n"}}, `has the package "a" without a version`},
		"a blank in it":   {[]file{{path: apk, content: "P:a b\nV:1\n"}}, `"a b" with blanks`},
		"a control code":  {[]file{{path: apk, content: "P:a\tb\nV:1\n"}}, "is no text"},
		"no UTF-8":        {[]file{{path: apk, content: "P:a\xff\nV:1\n"}}, "is no text"},
		"a long field":    {[]file{{path: dpkg, content: "Package: " + long + "\nVersion: 1\n"}}, "has a field of 4097 bytes"},
		"a longer field":  {[]file{{path: dpkg, content: "Package: a\nVersion: " + long + long + "\n"}}, "has a field of more than 4096 bytes in line 2"},
		"a longer one":    {[]file{{path: apk, content: "P:a\nV:1\nL:" + long + long + "\n"}}, "has a field of more than 4096 bytes in line 3"},
		"too many":        {[]file{{path: apk, content: many.String()}}, "has too many packages"},
		"in a status.d":   {[]file{{path: dpkg + ".d/x", content: "nonsense"}}, "var/lib/dpkg/status.d/x has no field in line 1"},
		"something else":  {[]file{{path: "etc/os-release", content: debian}, {path: dpkg, hard: "etc/os-release"}}, "is the same file as one that holds something else"},
		"a chain of them": {[]file{{path: apk, content: "P:a\nV:1\n"}, {path: dpkg, link: "/" + apk}}, ""}, // an apk database, read as it is
	} {
		_, err := Of(t.Context(), imageOf(t, c.files))
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if _, ok := errors.AsType[*DatabaseError](err); !ok || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := Of(t.Context(), imageOf(t, []file{{path: "../" + dpkg, content: status}})); err == nil || !strings.Contains(err.Error(), "leads out of the root") {
		t.Errorf("out of the root: %v", err)
	}
}

// Fields that nobody asks for may be as long as they like.
func TestLongFieldsOfNoInterest(t *testing.T) {
	long := strings.Repeat("so:lib.so ", 5000)
	deb, err := parseDpkg(strings.NewReader("Package: a\nProvides: " + long + "\nVersion: 1\nDescription: d\n " + long + "\n"))
	if err != nil || len(deb) != 1 || deb[0].Version != "1" {
		t.Errorf("%+v, %v", deb, err)
	}
	apk, err := parseApk(strings.NewReader("P:a\np:" + long + "\nV:1"))
	if err != nil || len(apk) != 1 || apk[0].Version != "1" {
		t.Errorf("%+v, %v", apk, err)
	}
}

// endless is a database without an end of lines as large as a header says.
type endless struct{ left int64 }

func (e *endless) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), e.left)
	for i := range p[:n] {
		p[i] = 'x'
	}
	e.left -= n
	return int(n), nil
}

func TestHugeDatabasesCostNoMemory(t *testing.T) {
	for size, want := range map[int64]string{
		16 << 20:   "has no field in line 1",
		1 << 40:    "is no intact archive", // its bytes are not all there
		64<<20 + 1: "has 67108865 bytes; databases of up to 64 MiB are read",
	} {
		var head bytes.Buffer
		_ = tar.NewWriter(&head).WriteHeader(&tar.Header{Name: "var/lib/dpkg/status", Size: size, Format: tar.FormatGNU})
		sent := min(size, 64<<20+1)
		l := streamed{Layer: static.NewLayer(nil, types.OCIUncompressedLayer), open: func() io.Reader {
			return io.MultiReader(bytes.NewReader(head.Bytes()), &endless{sent}, bytes.NewReader(make([]byte, 2048-sent%512)))
		}}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Of(t.Context(), onlyLayers{layers: []v1.Layer{l}})
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%d: %v, want %q", size, err, want)
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
			t.Errorf("%d: %d bytes of memory", size, got)
		}
	}
}

type streamed struct {
	v1.Layer
	open func() io.Reader
}

func (s streamed) Compressed() (io.ReadCloser, error) { return io.NopCloser(s.open()), nil }
