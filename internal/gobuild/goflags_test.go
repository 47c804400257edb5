package gobuild

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseGoflags(t *testing.T) {
	got, err := parseGoflags(`-mod=mod '-ldflags=-X main.a=b c' --tags=x,y -tags=z -trimpath=false -gcflags=all=-N -buildmode=pie ldflags=odd`)
	if err != nil {
		t.Fatal(err)
	}
	want := goflags{
		ldflags:    []string{"-X main.a=b c"},
		gcflags:    []string{"all=-N"},
		tags:       []string{"x,y", "z"},
		noTrimpath: true,
		rest:       []string{"-mod=mod", "-trimpath=false", "-buildmode=pie", "ldflags=odd"},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(goflags{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got, err := parseGoflags("-trimpath=false -trimpath"); err != nil || got.noTrimpath {
		t.Errorf("the last -trimpath doesn't count: %+v, %v", got, err)
	}
}

func TestParseGoflagsErrors(t *testing.T) {
	for _, in := range []string{`'-ldflags=-s`, "-ldflags", "-tags", "-n"} {
		_, err := parseGoflags(in)
		if e := (*FlagError)(nil); !errors.As(err, &e) {
			t.Errorf("parseGoflags(%q) = %v, want a FlagError", in, err)
		}
	}
	_, err := parseGoflags("-buildmode=c-shared")
	if e := (*BuildModeError)(nil); !errors.As(err, &e) || e.Mode != "c-shared" {
		t.Errorf("-buildmode=c-shared: %v, want a BuildModeError", err)
	}
}

func TestMergeFlags(t *testing.T) {
	for _, tt := range []struct {
		values []string
		ld, gc []string
	}{
		{[]string{"-s -w"}, []string{"-s -w"}, []string{"-s -w"}},
		{[]string{"-a", " ", "-b -c"}, []string{"-a -b -c"}, []string{"-a -b -c"}},
		{[]string{"-a", "all=-b"}, []string{"-a", "all=-a -b"}, []string{"-a", "all=-b"}},
		{[]string{"all=-b", "-a"}, []string{"-a", "all=-b -a"}, []string{"all=-b", "-a"}},
		{
			[]string{"all=-b", "-a", "./x=-c", "all=-d"},
			[]string{"-a", "./x=-a -c", "all=-b -a -d"},
			[]string{"-a", "./x=-c", "all=-b -d"},
		},
	} {
		flags, err := parsePkgFlags("-ldflags", tt.values)
		if err != nil {
			t.Errorf("%q: %v", tt.values, err)
		}
		if diff := cmp.Diff(tt.ld, mergeLdflags(flags)); diff != "" {
			t.Errorf("mergeLdflags(%q) (-want +got):\n%s", tt.values, diff)
		}
		if diff := cmp.Diff(tt.gc, mergeGcflags(flags)); diff != "" {
			t.Errorf("mergeGcflags(%q) (-want +got):\n%s", tt.values, diff)
		}
	}
	for _, bad := range []string{"all", "=-s", "-X 'main.v=1", "all='-s"} {
		_, err := parsePkgFlags("-ldflags", []string{bad})
		if e := (*FlagError)(nil); !errors.As(err, &e) || e.Flag != "-ldflags" {
			t.Errorf("parsePkgFlags(%q): %v, want a FlagError", bad, err)
		}
	}
}

func TestMergeTags(t *testing.T) {
	got := mergeTags("netgo,osusergo", "", "b a netgo", "a,,c")
	if diff := cmp.Diff([]string{"netgo", "osusergo", "b", "a", "c"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
