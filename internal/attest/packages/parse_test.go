package packages

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func TestParseDpkgStatus(t *testing.T) {
	for state, want := range map[string]int{
		"install ok installed": 1, "hold ok installed": 1, "deinstall ok installed": 1, "install reinstreq installed": 1,
		"install ok triggers-pending": 1, "install ok triggers-awaited": 1,
		"deinstall ok config-files": 0, "purge ok not-installed": 0, "install ok unpacked": 0, "install ok half-installed": 0,
		"installed": 0, "": 0,
	} {
		got, err := parseDpkg(strings.NewReader("package: a\nVERSION: 1\nStatus: " + state + "\n"))
		if err != nil || len(got) != want {
			t.Errorf("%q: %+v, %v", state, got, err)
		}
	}
	// Without a version, as dpkg knows of packages that others mention.
	if got, err := parseDpkg(strings.NewReader("Package: a\nStatus: unknown ok not-installed\n")); err != nil || len(got) != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestParseDpkgSource(t *testing.T) {
	for source, want := range map[string]string{
		"": "", "a": "", "a (1)": "", "b": "b", "b (1)": "b", "b (0.9)": "b@0.9", "a (0.9)": "a@0.9", " b  ( 0.9 ) ": "b@0.9", "(2)": "",
	} {
		got, err := parseDpkg(strings.NewReader("\n\n\r\nPackage: a\r\nVersion: 1\r\nSource:" + source + "\r\n\r\n"))
		if err != nil || len(got) != 1 || got[0].Source != want {
			t.Errorf("%q: %+v, %v, want %q", source, got, err, want)
		}
	}
}

func TestParseApk(t *testing.T) {
	got, err := parseApk(strings.NewReader("\n\nP:a\nV:1\nA:noarch\np:b\nv:9\no:c\nL:MIT AND BSD-3-Clause\nl:x\n\n\n\nP:b\nV:2\no:b"))
	want := []Package{{Name: "a", Version: "1", Arch: "noarch", Source: "c", License: "MIT AND BSD-3-Clause"}, {Name: "b", Version: "2"}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestParseOSRelease(t *testing.T) {
	for content, want := range map[string]string{
		"ID=debian\nVERSION_ID=\"13\"\n": "debian 13",
		"VERSION_ID='3.24.1'\nID=alpine": "alpine 3.24.1",
		"# ID=no\nMY_ID=no\nID = no\n":   " ",
		"ID=a\nID=b\n":                   "b ",
		"ID=$(id)\nVERSION_ID=../..\n":   " ",
		"ID=\"Two Words\"\n":             " ",
		"ID=\"x\nVERSION_ID=1\"\n":       " ",
		"":                               " ",
		"X=" + strings.Repeat("x", 10_000) + "\nID=arch": "arch ",
	} {
		if id, version := parseOSRelease(strings.NewReader(content)); id+" "+version != want {
			t.Errorf("%.40q: %q %q, want %q", content, id, version, want)
		}
	}
}

func TestParsersReturnErrorsOfReading(t *testing.T) {
	damaged := errors.New("damaged")
	for name, parse := range map[string]func(io.Reader) ([]Package, error){"dpkg": parseDpkg, "apk": parseApk} {
		r := io.MultiReader(strings.NewReader("P:a\nV:1\nPackage: a\nVersion: 1\n\n"), iotest.ErrReader(damaged))
		if name == "apk" {
			r = io.MultiReader(strings.NewReader("P:a\nV:1\n\nP:b\nV:1\n\n"), iotest.ErrReader(damaged))
		}
		if _, err := parse(r); !errors.Is(err, damaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDecodeRefusesOtherForms(t *testing.T) {
	for _, kept := range []string{"", "imgo packages 0\n", magic + "a\t1\n", magic + "a\t1\t\t\t\t\n", magic + "\t1\t\t\t\n", magic + "!reason"} {
		if got, err := decode([]byte(kept)); err == nil {
			t.Errorf("%q: %+v", kept, got)
		}
	}
}

// checkParsed holds what a parser returns against what is promised of it, and the form
// in which it is kept against itself.
func checkParsed(t *testing.T, got []Package, err error) {
	t.Helper()
	kept := encode(got, err)
	if len(kept) > 1<<20 {
		t.Fatalf("%d bytes are kept", len(kept))
	}
	again, decodeErr := decode(kept)
	if err != nil {
		if decodeErr == nil || decodeErr.Error() != err.Error() {
			t.Fatalf("%v became %v", err, decodeErr)
		}
		return
	}
	if diff := cmp.Diff(got, again); decodeErr != nil || diff != "" {
		t.Fatalf("%v (-parsed +kept):\n%s", decodeErr, diff)
	}
}

func FuzzParseDpkg(f *testing.F) {
	f.Add(status)
	f.Add(control("a", "1", "b (2)"))
	f.Add("Package: a\n\n:\n")
	f.Fuzz(func(t *testing.T, content string) {
		got, err := parseDpkg(strings.NewReader(content))
		checkParsed(t, got, err)
	})
}

func FuzzParseApk(f *testing.F) {
	f.Add(installed24)
	f.Add("P:a\nV:1\nL:\n\n\n")
	f.Fuzz(func(t *testing.T, content string) {
		got, err := parseApk(strings.NewReader(content))
		checkParsed(t, got, err)
	})
}

func FuzzParseOSRelease(f *testing.F) {
	f.Add(debian)
	f.Add(alpine)
	f.Fuzz(func(t *testing.T, content string) {
		id, version := parseOSRelease(strings.NewReader(content))
		for _, v := range []string{id, version} {
			if strings.Trim(v, "abcdefghijklmnopqrstuvwxyz0123456789._-") != "" || !strings.Contains(content, v) {
				t.Fatalf("%q, %q", id, version)
			}
		}
	})
}
