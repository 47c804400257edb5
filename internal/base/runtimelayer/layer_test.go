package runtimelayer

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"io"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"golang.org/x/crypto/x509roots/fallback/bundle"

	"github.com/imgo-build/imgo/pkg/layer"
	"github.com/imgo-build/imgo/pkg/layer/layertest"
)

const (
	bundlePath = "etc/ssl/certs/ca-certificates.crt"
	zonesPath  = "usr/share/zoneinfo/"
)

// entry is a header of the tar with its content.
type entry struct {
	*tar.Header
	content []byte
}

// entries reads the layer.
func entries(t *testing.T) map[string]entry {
	t.Helper()
	r, err := Layer().Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	list := map[string]entry{}
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if err == io.EOF {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		list[h.Name] = entry{h, content}
	}
}

func TestConstantsMatchTheBlob(t *testing.T) {
	if err := validate.Layer(Layer()); err != nil {
		t.Error(err)
	}
	sum := sha256.Sum256([]byte(blob))
	r, err := Layer().Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	content := sha256.New()
	n, err := io.Copy(content, r)
	if err != nil {
		t.Fatal(err)
	}
	got := []any{hex.EncodeToString(sum[:]), hex.EncodeToString(content.Sum(nil)), len(blob), n}
	want := []any{digestHex, diffIDHex, size, int64(uncompressedSize)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("constants and blob (-constants +blob):\n%s", diff)
	}
	if len(blob) > 1<<20 {
		t.Errorf("the blob has %d bytes", len(blob))
	}
}

// If this fails after a change of the compressor, run go generate: imgo's layers
// must all be made the same way.
func TestTodaysCompressorMakesTheSameBlob(t *testing.T) {
	var files []layer.File
	for name, e := range entries(t) {
		f := layer.File{Path: name, Mode: e.FileInfo().Mode(), Link: e.Linkname}
		if e.Typeflag == tar.TypeReg {
			f.Size = e.Size
			f.Open = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(e.content)), nil }
		}
		files = append(files, f)
	}
	l, err := layer.New(t.Context(), &layertest.Memory{}, layer.Options{}, files)
	if err != nil {
		t.Fatal(err)
	}
	diffID, _ := l.DiffID()
	digest, _ := l.Digest()
	if diff := cmp.Diff([]string{diffIDHex, digestHex}, []string{diffID.Hex, digest.Hex}); diff != "" {
		t.Errorf("diff ID and digest (-embedded +made today):\n%s", diff)
	}
}

func TestFiles(t *testing.T) {
	list := entries(t)
	for name, want := range map[string]string{
		"etc/passwd":           "root:x:0:0:root:/:/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n",
		"etc/group":            "root:x:0:\nnobody:x:65534:\n",
		"etc/nsswitch.conf":    "hosts: files dns\n",
		zonesPath + "+VERSION": TZData + "\n",
	} {
		if got := string(list[name].content); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for name, e := range list {
		want := map[byte]int64{tar.TypeReg: 0o644, tar.TypeDir: 0o755, tar.TypeSymlink: 0o777}[e.Typeflag]
		if name == "tmp/" {
			want = 0o1777
		}
		if e.Mode != want || e.Uid != 0 || e.Gid != 0 || !e.ModTime.Equal(time.Unix(0, 0)) {
			t.Errorf("%s: mode %o, owner %d:%d, time %v", name, e.Mode, e.Uid, e.Gid, e.ModTime)
		}
	}
	if _, ok := list["tmp/"]; !ok {
		t.Error("there is no /tmp")
	}
}

func TestRoots(t *testing.T) {
	inLayer := map[string]bool{}
	pool := x509.NewCertPool()
	rest := entries(t)[bundlePath].content
	if !pool.AppendCertsFromPEM(rest) {
		t.Error("Go finds no roots in the file")
	}
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		inLayer[string(cert.Raw)] = true
		if !cert.IsCA && cert.Version > 2 {
			t.Errorf("%s is not a CA", cert.Subject)
		}
	}
	if len(rest) != 0 {
		t.Errorf("%d bytes behind the last root", len(rest))
	}
	var omitted []string
	for root := range bundle.Roots() {
		cert, err := x509.ParseCertificate(root.Certificate)
		if err != nil {
			t.Fatal(err)
		}
		if root.Constraint != nil {
			omitted = append(omitted, cert.Subject.String())
		}
		if want := root.Constraint == nil; inLayer[string(root.Certificate)] != want {
			t.Errorf("%s is in the layer: %v, want %v", cert.Subject, !want, want)
		}
		delete(inLayer, string(root.Certificate))
	}
	if len(inLayer) != 0 {
		t.Errorf("%d roots are not of the module", len(inLayer))
	}
	if diff := cmp.Diff(Omitted, omitted); diff != "" {
		t.Errorf("omitted roots (-named +found):\n%s", diff)
	}
}

// The layer is as good as its roots: the day on which some of them end is not a
// reason to fail, one on which many have is.
func TestRootsAreCurrent(t *testing.T) {
	rest, all, expired := entries(t)[bundlePath].content, 0, 0
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		all++
		if time.Now().After(cert.NotAfter) {
			expired++
		}
	}
	if all < 100 || expired > all/10 {
		t.Errorf("%d roots, %d of them expired", all, expired)
	}
}

func TestZones(t *testing.T) {
	list := entries(t)
	zones := 0
	for name, e := range list {
		zone, ok := strings.CutPrefix(name, zonesPath)
		if !ok || e.Typeflag == tar.TypeDir || zone == "+VERSION" {
			continue
		}
		zones++
		if e.Typeflag == tar.TypeSymlink {
			target := path.Join(path.Dir(name), e.Linkname)
			if path.IsAbs(e.Linkname) || list[target].Header == nil || list[target].Typeflag != tar.TypeReg {
				t.Errorf("%s points to %s, which is not a zone", name, e.Linkname)
			}
			e = list[target]
		}
		if _, err := time.LoadLocationFromTZData(zone, e.content); err != nil {
			t.Errorf("%s: %v", zone, err)
		}
	}
	if zones < 400 {
		t.Errorf("%d zones", zones)
	}

	// The names that programs use, through links as well.
	for _, zone := range []string{"UTC", "Etc/UTC", "GMT", "US/Eastern", "Europe/Berlin", "Asia/Calcutta"} {
		if list[zonesPath+zone].Header == nil {
			t.Errorf("%s is missing", zone)
		}
	}
	newYork, err := time.LoadLocationFromTZData("America/New_York", list[zonesPath+"America/New_York"].content)
	if err != nil {
		t.Fatal(err)
	}
	for month, want := range map[time.Month]string{time.January: "EST", time.July: "EDT"} {
		if got, _ := time.Date(2026, month, 4, 12, 0, 0, 0, newYork).Zone(); got != want {
			t.Errorf("in %v New York has %s, want %s", month, got, want)
		}
	}
}

func TestLayerCostsNothing(t *testing.T) {
	allocs := testing.AllocsPerRun(100, func() {
		l := Layer()
		l.Digest()
		l.DiffID()
		l.Size()
	})
	if allocs > 0 {
		t.Errorf("%v allocations", allocs)
	}
}
