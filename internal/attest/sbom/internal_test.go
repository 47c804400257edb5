package sbom

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPackageURLs(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{golangURL("github.com/gorilla/context", "234fd47e07d1004f0aed9c"), "pkg:golang/github.com/gorilla/context@234fd47e07d1004f0aed9c"},
		{golangURL("github.com/Azure/go-autorest", "v14.2.0+incompatible"), "pkg:golang/github.com/azure/go-autorest@v14.2.0%2Bincompatible"},
		{golangURL("sr.ht/~user/x//y/", ""), "pkg:golang/sr.ht/~user/x/y"},
		{distributionURL(Package{Type: "deb", Namespace: "Debian", Name: "attr", Version: "1:2.4.47-2+b1", Arch: "amd64"}), "pkg:deb/debian/attr@1:2.4.47-2%2Bb1?arch=amd64"},
		{distributionURL(Package{Type: "apk", Namespace: "alpine", Name: "curl", Version: "7.83.0-r0", Arch: "x86", Distro: "alpine-3.16"}), "pkg:apk/alpine/curl@7.83.0-r0?arch=x86&distro=alpine-3.16"},
		{ociURL("docker.io/library/debian:latest", "sha256:244fd47e07d10", "linux/amd64"), "pkg:oci/debian@sha256:244fd47e07d10?arch=amd64&repository_url=docker.io%2Flibrary%2Fdebian&tag=latest"},
		{ociURL("localhost:5000/Server@sha256:0", "sha256:1", ""), "pkg:oci/server@sha256:1?repository_url=localhost:5000%2FServer"},
		{ociURL("server", "sha256:1", ""), "pkg:oci/server@sha256:1"},
		{ociURL("", "sha256:1", ""), ""},
		{packageURL("generic", "a b@c?d#e%f/ü\xff", "1&2=3"), "pkg:generic/a%20b%40c%3Fd%23e%25f/%C3%BC%EF%BF%BD@1%262%3D3"},
	} {
		if c.got != c.want {
			t.Errorf("got  %s\nwant %s", c.got, c.want)
		}
	}
}

func TestExpressions(t *testing.T) {
	for s, want := range map[string]bool{
		"MIT": true, "GPL-2.0+": true, "MIT AND (ISC OR Apache-2.0 WITH LLVM-exception)": true, "LicenseRef-x": true, "((MIT))": true,
		"": false, " ": false, "MIT ISC": false, "MIT AND": false, "AND": false, "(MIT": false, "MIT)": false, "()": false, "+": false,
		"public domain": false, "MIT/X11": false, "NOASSERTION": false, "MIT AND NONE": false, "ü": false,
		strings.Repeat("(", 1000) + "MIT" + strings.Repeat(")", 1000): false,
	} {
		if got := isExpression(s); got != want {
			t.Errorf("%.40q: %v", s, got)
		}
	}
	if got, want := allOf([]string{"MIT OR ISC", "Zlib", "Zlib", "no expression"}), "(MIT OR ISC) AND Zlib"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if diff := cmp.Diff([]string{"(MIT) OR (ISC)", "Zlib"}, splitAll("((MIT) OR (ISC)) AND Zlib")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"ISC", "MIT"}, splitAll("((MIT AND ISC))")); diff != "" {
		t.Error(diff)
	}
}

func FuzzExpression(f *testing.F) {
	f.Add("MIT AND (ISC OR Apache-2.0 WITH LLVM-exception)")
	f.Add("(MIT) AND (ISC)")
	f.Fuzz(func(t *testing.T, s string) {
		if !isExpression(s) {
			return
		}
		// Taken apart and joined again, it is an expression still, of the same parts.
		parts := splitAll(s)
		joined := allOf(parts)
		if !isExpression(joined) {
			t.Fatalf("%q became %q", s, joined)
		}
		if diff := cmp.Diff(parts, splitAll(joined)); diff != "" && len(parts) > 1 {
			t.Errorf("%q:\n%s", s, diff)
		}
	})
}
